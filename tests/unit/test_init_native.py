#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The jail that kastellan-init makes without a helper: what its root is made of, and what it refuses.
Everything else is tested by the other files, which are run for such a jail too."""

import errno
import os
import shutil
import struct
import subprocess
import tempfile

os.environ["KASTELLAN_TEST_NATIVE"] = "1"

import init_case  # noqa: E402
import init_driver as d  # noqa: E402
from init_case import Case  # noqa: E402
from init_driver import mount  # noqa: E402


def record(*args, **kwargs):
    return ("MOUNT", mount(*args, **kwargs))


class Native(Case):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="native-", dir=init_case.SHARED)
        os.chmod(self.directory, 0o755)
        self.addCleanup(shutil.rmtree, self.directory)
        self.grant = self.make("grant")

    def make(self, name):
        path = f"{self.directory}/{name}"
        os.mkdir(path, 0o755)
        return path

    def refused(self, step, code, detail, grants=(), **kwargs):
        """The monitor says so, and there is no init."""
        fds = [os.open(path, os.O_PATH) for path in grants]
        try:
            return self.refused_descriptors(step, code, detail, fds, **kwargs)
        finally:
            for fd in fds:
                os.close(fd)

    def refused_descriptors(self, step, code, detail, fds, **kwargs):
        jail = self.jail(["true"], grants=fds, **kwargs)
        message = jail.receive(jail.monitor)
        self.assertEqual(message.type, d.MONITOR_FAILED, message)
        self.assertEqual((message.failure[0], errno.errorcode[message.value]),
                         (step, errno.errorcode[code]), message.failure)
        self.assertIn(detail, message.failure[1])
        self.assertIsNone(jail.receive(jail.init))

    def show(self, script, records=(), **kwargs):
        status, out, err = self.sh(script, records=records, **kwargs)
        self.assertEqual((status, err), (0, b""), out)
        return out.decode()

    # The root.

    def test_the_directories_of_the_jail_are_read_only(self):
        for place in ("/", "/dev", "/made", "/made/deep"):
            status, _, err = self.sh(f"touch {place}/new", records=[record(d.LINK, "/made/deep/link", "x")])
            self.assertNotEqual(status, 0)
            self.assertIn(b"Read-only file system", err, place)
        self.show("touch /tmp/new")

    def test_every_mount_is_without_set_id_programs_and_devices(self):
        table = self.show("cat /proc/self/mountinfo").splitlines()
        self.assertGreater(len(table), 10)
        for line in table:
            place, options = line.split()[4], line.split()[5].split(",")
            self.assertIn("nosuid", options, line)
            if not place.startswith("/dev/"):
                self.assertIn("nodev", options, line)
            self.assertFalse("shared:" in line or "master:" in line, line)

    def test_nothing_of_the_old_root_is_left(self):
        out = self.show("ls /; ls /..; grep -c ' / / ' /proc/self/mountinfo")
        self.assertNotIn("root", out.split())
        self.assertEqual(out.split()[-1], "1")

    def test_the_devices(self):
        out = self.show("cd /dev; echo *; head -c 2 zero | tr '\\0' 0; cat null; echo x >null; "
                        "echo full > full 2>/tmp/err || echo none; readlink ptmx fd; ls pts")
        self.assertEqual(out, "core fd full null ptmx pts random shm stderr stdin stdout tty urandom zero\n"
                              "00none\npts/ptmx\n/proc/self/fd\nptmx\n")

    def test_a_device_that_may_be_used(self):
        script = "echo x >/dev/more && cat /dev/more; touch -c -d 1970-01-01 /dev/more; ls -l /dev/more"
        status, out, err = self.sh(script, records=[record(d.DEVICE, "/dev/more", "/dev/null")])
        self.assertEqual((status, out[:1], out.count(b"\n")), (0, b"c", 1), err)
        self.assertIn(b"Read-only file system", err)
        # The control: a device that is shown like a file of the host is none.
        status, _, err = self.sh("echo x >/dev/more", records=[record(d.BIND_HOST, "/dev/more", "/dev/null")])
        self.assertNotEqual(status, 0)

    def test_what_is_no_device(self):
        for source in ("/etc", "/etc/passwd"):
            self.refused("mount", errno.ENODEV, "/dev/more", records=[record(d.DEVICE, "/dev/more", source)])

    def test_devices_of_the_host_are_not_touched(self):
        before = os.stat("/dev/null").st_mtime_ns
        status, _, err = self.sh("echo x >/dev/null && exec 3<>/dev/null && touch /dev/null")
        self.assertEqual((status >> 8, err.count(b"Read-only file system")), (1, 1), err)
        self.assertEqual(os.stat("/dev/null").st_mtime_ns, before)

    def test_one_process_between_monitor_and_worker(self):
        jail = self.jail(["sleep", "50"])
        jail.go()
        jail.expect(d.STARTED)
        init = children(jail.pid)
        self.assertEqual(len(init), 1)
        with open(f"/proc/{init[0]}/status") as file:
            status = file.read()
        self.assertIn(f"NSpid:\t{init[0]}\t1\n", status)
        self.assertEqual(len(children(init[0])), 1)
        jail.send(jail.init, d.KILL)
        jail.expect(d.EXIT)

    def test_init_holds_nothing_of_the_monitor(self):
        jail = self.jail(["sleep", "50"])
        jail.go()
        jail.expect(d.STARTED)
        init, = children(jail.pid)
        with open(f"/proc/{init}/cmdline", "rb") as file:
            self.assertEqual(file.read().rstrip(b"\0"), b"kastellan-init\0init")
        if init_case.ROOT and os.geteuid() == 0:
            held = {os.readlink(f"/proc/{init}/fd/{fd}") for fd in os.listdir(f"/proc/{init}/fd")}
            self.assertEqual({name.split(":")[0] for name in held} - {"/dev/null"},
                             {"pipe", "socket", "anon_inode"}, held)
            # The supervisor's, and its end of a pair with the monitor, which that one's end closes.
            self.assertEqual(len([name for name in held if name.startswith("socket:")]), 2, held)
        jail.send(jail.init, d.KILL)
        jail.expect(d.EXIT)

    def test_no_capability_is_left_to_gain(self):
        out = self.show("grep -E '^(Cap|NoNew)' /proc/self/status; cat /proc/self/setgroups; "
                        "cat /proc/sys/user/max_user_namespaces; unshare -U true 2>/dev/null || echo refused")
        self.assertEqual([line.split()[-1].strip("0") for line in out.splitlines()],
                         ["", "", "", "", "", "1", "deny", "", "refused"])

    def test_the_name_of_the_host(self):
        self.assertEqual(self.show("uname -n"), "kastellan\n")

    # Kinds of mounts.

    def test_generated_files(self):
        out = self.show("stat -c %a /etc/deep/file; sort -u /etc/deep/file; wc -l </etc/deep/file",
                        [record(d.DATA, "/etc/deep/file", "generated\n" * 1000),
                         record(d.DATA, "/etc/deep/none")])
        self.assertEqual(out, "444\ngenerated\n1000\n")

    def test_a_generated_file_in_the_place_of_another(self):
        self.refused("mount", errno.EEXIST, "/file", records=[record(d.DATA, "/file", "one"),
                                                              record(d.DATA, "/file", "two")])

    def test_sizes_and_modes(self):
        out = self.show("df -k --output=size /sized | tail -1; stat -c %a /sized",
                        [record(d.TMPFS, "/sized", mode=0o1750, size=65536, flags=d.WRITABLE)])
        self.assertEqual(out.split(), ["64", "1750"])

    def test_covers(self):
        records = [record(d.MASK_FILE, "/proc/meminfo"), record(d.MASK_FILE, "/proc/stat"),
                   record(d.MASK_DIRECTORY, "/proc/sys"), record(d.MASK_DIRECTORY, "/proc/tty"),
                   record(d.MASK_FILE, "/proc/not/there"), record(d.MASK_DIRECTORY, "/proc/none")]
        script = "cat /proc/meminfo /proc/stat | wc -c; ls -A /proc/sys /proc/tty | wc -l; touch /proc/tty/new"
        _, plain, _ = self.sh(script)
        status, out, err = self.sh(script, records=records)
        self.assertEqual(out.split(), [b"0", b"3"])  # two headings and the line between
        self.assertIn(b"Read-only file system", err)
        self.assertTrue(all(int(number) > 10 for number in plain.split()), plain)

    def test_a_source_that_is_missing(self):
        self.refused("mount", errno.ENOENT, "/shown", records=[record(d.BIND_HOST, "/shown", "/not/there")])

    def test_a_source_that_became_a_link(self):
        os.symlink("/etc", f"{self.directory}/link")
        records = [record(d.BIND_HOST, "/usr", f"{self.directory}/link")]
        self.refused("mount", errno.ELOOP, "/usr", records=records)

    # Places.

    def test_no_place_is_made_in_what_is_mounted(self):
        for place, code in (("/granted/new", errno.EXDEV), ("/granted/new/deep", errno.EXDEV),
                            ("/usr/new", errno.EXDEV), ("/proc/new", errno.EXDEV)):
            for kind in (record(d.TMPFS, place, mode=0o755), record(d.LINK, place, "/usr"),
                         record(d.BIND_HOST, place, "/usr")):
                self.refused("mount", code, place, [self.grant],
                             records=[record(d.BIND_GRANT, "/granted", flags=d.WRITABLE, slot=20), kind])
        self.assertEqual(os.listdir(self.grant), [])

    def test_no_link_is_followed_to_a_place(self):
        os.symlink("/etc", self.grant + "/link")
        for place in ("/granted/link", "/granted/link/sub", "/bin/sub"):
            self.refused("mount", errno.ELOOP, place, [self.grant],
                         records=[record(d.BIND_GRANT, "/granted", slot=20), record(d.TMPFS, place, mode=0o755)])

    def test_a_place_of_another_type(self):
        with open(self.grant + "/file", "w"):
            pass
        self.refused("mount", errno.EINVAL, "/granted/file", [self.grant],
                     records=[record(d.BIND_GRANT, "/granted", slot=20),
                              record(d.BIND_HOST, "/granted/file", "/usr")])

    def test_a_grant_within_a_grant(self):
        os.mkdir(self.grant + "/inner")
        paths = [self.grant, self.grant + "/inner"]
        fds = [os.open(path, os.O_PATH) for path in paths]
        out = self.show("grep -o ' /granted[^ ]* r.,' /proc/self/mountinfo", grants=fds, records=[
            record(d.BIND_GRANT, "/granted", flags=d.WRITABLE, slot=20),
            record(d.BIND_GRANT, "/granted/inner", slot=21)])
        for fd in fds:
            os.close(fd)
        self.assertEqual(sorted(out.splitlines()), [" /granted rw,", " /granted/inner ro,"])

    # Orders.

    def test_helper_and_host_name_are_one_or_the_other(self):
        for records in ([("HELPER_ARG", b"bwrap\0")],):
            self.refused("spec", errno.EBADMSG, "helper", records=records)

    def test_a_slot_that_holds_no_grant(self):
        code, step = (errno.EBADF, "stage") if os.geteuid() == 0 else (errno.ENOENT, "grant")
        self.refused(step, code, "", records=[record(d.BIND_GRANT, "/granted", slot=25)])

    # Further descriptors.

    def extra(self, n, announced=None):
        """Files with different texts, and the record that announces them."""
        fds = []
        for i in range(n):
            fd = d.memfd(f"text {i}".encode())
            self.addCleanup(os.close, fd)
            fds.append(fd)
        count = n if announced is None else announced
        return {"data": fds, "records": [("EXTRA", struct.pack("=I", count))]}

    def test_further_descriptors_come_behind_the_streams(self):
        for n in range(1, 8):
            list_and_read = "ls /proc/self/fd; for i in $(seq 3 %d); do cat /proc/self/fd/$i; echo; done"
            # The shell's own are closed in what it starts, so that the last number is that of ls.
            out = self.show(list_and_read % (2 + n), **self.extra(n)).splitlines()
            self.assertEqual(sorted(map(int, out[:4 + n])), list(range(4 + n)))
            self.assertEqual(out[4 + n:], [f"text {i}" for i in range(n)])

    def test_nothing_that_was_not_announced_comes_along(self):
        extra = self.extra(3)
        self.assertEqual(self.show("ls /proc/self/fd", data=extra["data"]).split(), list("0123"))
        extra["records"] = self.extra(0, 1)["records"]
        self.assertEqual(self.show("ls /proc/self/fd", **extra).split(), list("01234"))

    def test_a_further_descriptor_that_is_missing(self):
        extra = self.extra(2, 3)
        self.fails("descriptors", errno.EBADF, detail="further one number 2", **extra)

    def test_a_further_descriptor_is_the_workers_alone(self):
        ours, theirs = os.pipe()
        self.addCleanup(os.close, ours)
        jail = self.jail(["sh", "-c", "echo said >&3; exec 3>&-; sleep 1000"], data=[theirs],
                         records=self.extra(0, 1)["records"])
        os.close(theirs)
        jail.go()
        jail.expect(d.STARTED)
        self.assertEqual(d.read_all(ours), b"said\n")
        jail.send(jail.init, d.KILL)
        jail.expect(d.EXIT)

    def test_as_many_as_can_be(self):
        for count in (0, 8):
            self.refused("spec", errno.EBADMSG, "number of further", **self.extra(6, count))

    # A caller without privileges has the kernel's name for a grant, and looks what is there.

    def test_a_grant_that_was_moved(self):
        fd = os.open(self.grant, os.O_PATH)
        self.addCleanup(os.close, fd)
        os.rename(self.grant, self.grant + ".old")
        os.mkdir(self.grant)
        out = self.show("stat -c %i /granted", [record(d.BIND_GRANT, "/granted", slot=20)], grants=[fd])
        self.assertEqual(int(out), os.fstat(fd).st_ino)

    def test_a_grant_that_was_removed(self):
        fd = os.open(self.grant, os.O_PATH)
        self.addCleanup(os.close, fd)
        os.rmdir(self.grant)
        self.refused_descriptors("grant", errno.ENOENT, "/granted", [fd], kernel_ids=None,
                                 records=[record(d.BIND_GRANT, "/granted", slot=20)])
        os.mkdir(self.grant)

    def test_a_grant_that_something_is_mounted_over(self):
        if os.geteuid() != 0:
            self.skipTest("needs root")
        fd = os.open(self.grant, os.O_PATH)
        self.addCleanup(os.close, fd)
        records = [record(d.BIND_GRANT, "/granted", slot=20)]
        self.show("true", records, grants=[fd], kernel_ids=None)
        subprocess.run(["mount", "-t", "tmpfs", "none", self.grant], check=True)
        self.addCleanup(subprocess.run, ["umount", self.grant], check=True)
        self.refused_descriptors("grant", errno.ESTALE, "/granted", [fd], kernel_ids=None, records=records)


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]


if __name__ == "__main__":
    init_case.main()
