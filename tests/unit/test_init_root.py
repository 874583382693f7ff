#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What only a privileged caller's monitor does: grants as mounts with mapped ids, and groups that it
may make. Runs in a mount namespace of its own."""

import contextlib
import errno
import os
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import unittest

import init_case
import init_driver as d
from init_case import Case, eventually, gone, living, marker
from init_driver import Jail

CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
MS_NOSUID, MS_NODEV, MS_REC, MS_PRIVATE, MNT_DETACH = 2, 4, 0x4000, 1 << 18, 2
DIRECTORY, FILE = 1, 0


def mount(source, target, kind, flags=0, data=None):
    def encode(value):
        return value.encode() if value else None

    if d.libc.mount(encode(source), encode(target), encode(kind), flags, encode(data)) < 0:
        raise OSError(d.ctypes.get_errno(), f"mount {target}")


def setUpModule():
    if d.libc.unshare(CLONE_NEWNS) < 0:
        raise OSError("unshare")
    mount(None, "/", None, MS_REC | MS_PRIVATE)


class Stage(Case):
    def setUp(self):
        # Beneath a directory that the worker's ids are not let through.
        self.closed = tempfile.mkdtemp(prefix="kastellan-stage-", dir="/var/tmp")
        self.addCleanup(shutil.rmtree, self.closed)
        self.grant = self.make(self.closed + "/grant", 0, 0)

    def make(self, path, uid, gid):
        os.mkdir(path, 0o755)
        os.chown(path, uid, gid)
        return path

    def granted(self, script, paths, stages, bind="--bind-fd", **kwargs):
        """Runs the script with the paths as /0, /1, ...: (status, stdout, stderr)."""
        fds = [os.open(path, os.O_PATH) for path in paths]
        mounts = [word for i in range(len(fds)) for word in (bind, str(20 + i), f"/{i}")]
        try:
            return self.run_jail(["sh", "-c", script], grants=fds, stages=stages, mounts=mounts, **kwargs)
        finally:
            for fd in fds:
                os.close(fd)

    def owner(self, path):
        st = os.stat(path)
        return st.st_uid, st.st_gid

    def test_files_come_out_owned_by_the_owner_of_the_grant(self):
        for uid, gid in ((0, 0), (1234, 1235), (0, 7), (d.KERNEL_ID + 5, 3)):
            grant = self.make(f"{self.closed}/{uid}-{gid}", uid, gid)
            status, out, err = self.granted("mkdir /0/dir; echo text >/0/dir/file; stat -c %u:%g /0/dir",
                                            [grant], [(20, DIRECTORY, uid, gid)])
            self.assertEqual((status, out, err), (0, b"1000:1000\n", b""))
            self.assertEqual(self.owner(grant + "/dir/file"), (uid, gid))

    def test_without_mapped_ids_nothing_is_owned(self):
        status, out, err = self.granted("touch /0/file; stat -c %u:%g /0", [self.grant], [])
        self.assertEqual((status, out), (0, b"65534:65534\n"))
        self.assertIn(b"Permission denied", err)
        self.assertEqual(os.listdir(self.grant), [])

    def test_files_of_others_stay_theirs(self):
        for name, uid in (("own", 0), ("other", 1234), ("last", 0xfffffffe)):
            for end, mode in (("", 0o600), (".open", 0o666)):
                with open(f"{self.grant}/{name}{end}", "w") as file:
                    file.write(name)
                os.chmod(f"{self.grant}/{name}{end}", mode)
                os.chown(f"{self.grant}/{name}{end}", uid, uid)
        status, out, err = self.granted("cd /0; for f in own other last; do cat $f; stat -c :%u $f; done",
                                        [self.grant], [(20, DIRECTORY, 0, 0)])
        self.assertEqual(out, b"own:1000\n:65534\n:65534\n")
        self.assertEqual(err.count(b"Permission denied"), 2)
        # Their ids are there, not just unknown: an inode without an owner could not be written to.
        status, _, err = self.granted("for f in own other last; do echo >> /0/$f.open || exit 1; done",
                                      [self.grant], [(20, DIRECTORY, 0, 0)])
        self.assertEqual((status, err), (0, b""))

    def test_a_file_and_a_fifo(self):
        with open(self.grant + "/file", "w") as file:
            file.write("before\n")
        os.mkfifo(self.grant + "/fifo", 0o600)
        status, out, _ = self.granted("cat /0; echo after > /0; test -p /1 && test -w /1 && echo fifo",
                                      [self.grant + "/file", self.grant + "/fifo"],
                                      [(20, FILE, 0, 0), (21, FILE, 0, 0)])
        self.assertEqual((status, out), (0, b"before\nfifo\n"))
        with open(self.grant + "/file") as file:
            self.assertEqual(file.read(), "after\n")

    def test_a_grant_below_the_stage(self):
        with tempfile.TemporaryDirectory(dir="/tmp") as path:
            self.granted("touch /0/new", [path], [(20, DIRECTORY, 0, 0)])
            self.assertEqual(os.listdir(path), ["new"])

    def test_read_only_and_verified(self):
        st = os.stat(self.grant)
        verify = [("VERIFY", struct.pack("=QQII", st.st_dev, st.st_ino, 1, 0) + b"/0\0")]
        _, out, err = self.granted("touch /0/new; grep ' /0 ' /proc/self/mountinfo", [self.grant],
                                   [(20, DIRECTORY, 0, 0)], bind="--ro-bind-fd", records=verify)
        self.assertIn(b"Read-only file system", err)
        options = out.split()[5].split(b",")
        self.assertTrue({b"ro", b"nosuid", b"nodev"} <= set(options), options)

    @unittest.skipIf(d.NATIVE, "is about the helper")
    def test_the_helper_is_given_mounts_that_are_harmless_already(self):
        with tempfile.TemporaryDirectory() as host:
            mount("tmpfs", host, "tmpfs")
            mount(None, host, None, 1 << 20)  # shared
            fd = os.open(host, os.O_PATH)
            jail = self.jail(["true"], grants=[fd], stages=[(20, DIRECTORY, 0, 0)], helper_exe="/bin/sh",
                             helper=["sh", "-c", "cat /proc/self/mountinfo >&2"])
            os.close(fd)
            self.assertEqual(jail.receive(jail.monitor).type, d.HELPER_EXIT)
            d.libc.umount2(host.encode(), MNT_DETACH)
        line, = [line for line in d.read_all(jail.complaints).decode().splitlines() if " /tmp/0 " in line]
        self.assertTrue({"nosuid", "nodev", "idmapped"} <= set(line.split()[5].split(",")), line)
        self.assertNotIn("shared:", line)
        self.assertNotIn("master:", line)

    def test_mounts_beneath_are_shown(self):
        below = self.make(self.grant + "/below", 0, 0)
        mount("tmpfs", below, "tmpfs", 0, "mode=0700")
        self.addCleanup(d.libc.umount2, below.encode(), MNT_DETACH)
        self.granted("echo text > /0/below/file", [self.grant], [(20, DIRECTORY, 0, 0)])
        self.assertEqual(self.owner(below + "/file"), (0, 0))

    def test_mounts_beneath_without_mapping_keep_their_ids(self):
        below = self.make(self.grant + "/below", 0, 0)
        mount("proc", below, "proc")
        self.addCleanup(d.libc.umount2, below.encode(), MNT_DETACH)
        status, out, err = self.granted("touch /0/new; stat -c %u /0/new /0/below", [self.grant],
                                        [(20, DIRECTORY, 0, 0)])
        self.assertEqual((status, out, err), (0, b"1000\n65534\n", b""))

    def test_a_file_system_without_mapping(self):
        message = self.monitor_fails(["/proc/sys"], [(20, DIRECTORY, 0, 0)])
        self.assertEqual(message.failure, ("stage", "the id-mapped mount of grant 0", errno.EINVAL))

    def monitor_fails(self, paths, stages, **kwargs):
        fds = [os.open(path, os.O_PATH) for path in paths]
        jail = self.jail(["true"], grants=fds, stages=stages, mounts=["--bind-fd", "20", "/0"],
                         **kwargs)
        for fd in fds:
            os.close(fd)
        message = jail.receive(jail.monitor)
        self.assertEqual(message.type, d.MONITOR_FAILED, message)
        self.assertIsNone(jail.receive(jail.init))
        return message

    def test_orders_that_make_no_sense(self):
        message = self.monitor_fails([self.grant], [(21, DIRECTORY, 0, 0)])
        self.assertEqual(message.failure[::2], ("stage", errno.EBADF))
        message = self.monitor_fails([self.grant], [(20, DIRECTORY, 0, 0)], kernel_ids=None)
        self.assertEqual(message.failure[::2], ("stage", errno.EBADMSG))

    def test_the_host_sees_no_mount(self):
        def mounts():
            with open("/proc/self/mountinfo") as file:
                return file.read()

        mount("none", "/", None, MS_REC | 1 << 20)  # shared, as systemd makes it
        self.addCleanup(mount, None, "/", None, MS_REC | MS_PRIVATE)
        before, listed = mounts(), self.numbered()
        _, out, _ = self.granted("grep -c ' /0 ' /proc/self/mountinfo", [self.grant],
                                 [(20, DIRECTORY, 0, 0)])
        self.assertEqual(out, b"1\n")
        self.assertEqual(mounts(), before)
        self.assertEqual(self.numbered(), listed)

    @staticmethod
    def numbered():
        return [name for name in os.listdir("/tmp") if name.isdigit()]

    def test_many_grants(self):
        paths = [self.make(f"{self.closed}/{i}", 0, i) for i in range(200)]
        status, out, err = self.granted("for i in $(seq 0 199); do touch /$i/new; done", paths,
                                        [(20 + i, DIRECTORY, 0, i) for i in range(200)])
        self.assertEqual((status, err), (0, b""))
        self.assertEqual([self.owner(path + "/new") for path in paths], [(0, i) for i in range(200)])

    def test_a_root_that_has_not_all_ids(self):
        """In a user namespace: only the owner can be mapped, which is enough."""
        self.assertEqual(self.in_user_namespace(self.use_few_ids), 0)

    def use_few_ids(self):
        mount("tmpfs", self.grant, "tmpfs", 0, "mode=0755")
        fd = os.open(self.grant, os.O_PATH)
        jail = Jail(init_case.INIT, ["sh", "-c", "touch /0/new && stat -c %u /0/new"], grants=[fd],
                    mounts=["--bind-fd", "20", "/0"], stages=[(20, DIRECTORY, 0, 0)],
                    kernel_ids=(5000, 5000))
        status, out, _ = jail.run()
        jail.wait()
        return (status, out) == (0, b"1000\n") and self.owner(self.grant + "/new") == (0, 0)

    def in_user_namespace(self, act):
        os.chmod(self.closed, 0o755)
        ready, go = os.pipe(), os.pipe()
        pid = os.fork()
        if pid == 0:
            with contextlib.suppress(BaseException):
                d.libc.unshare(CLONE_NEWUSER | CLONE_NEWNS)
                os.write(ready[1], b"x")
                os.read(go[0], 1)
                os.setresgid(0, 0, 0)
                os.setresuid(0, 0, 0)
                os._exit(0 if act() else 1)
            os._exit(2)
        os.read(ready[0], 1)
        for kind in ("uid", "gid"):
            with open(f"/proc/{pid}/{kind}_map", "w") as file:
                file.write("0 0 10000\n")
        os.write(go[1], b"x")
        for fd in ready + go:
            os.close(fd)
        return os.waitpid(pid, 0)[1]


def hierarchies():
    """Where groups can be made: [(path, file to join by)]."""
    found = []
    for path in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/pids", "/sys/fs/cgroup/memory"):
        if os.access(path + "/cgroup.procs", os.W_OK):
            found.append(path)
    return found


class Groups(Case):
    def setUp(self):
        self.paths = []
        for i, path in enumerate(hierarchies()):
            group = f"{path}/kastellan-init-test-{os.getpid()}"
            os.makedirs(group + "/inner")
            self.paths += [group + "/inner", group]
        self.assertTrue(self.paths, "no control group can be made on this host")
        self.addCleanup(self.remove)

    def remove(self):
        for path in self.paths:
            with contextlib.suppress(FileNotFoundError):
                os.rmdir(path)

    def start(self, script, jail=None):
        jail = jail or self.jail(["sh", "-c", script], flags=0)
        jail.send(jail.monitor, d.GROUP, data=b"".join(path.encode() + b"\0" for path in self.paths))
        fds = [os.open(path + "/cgroup.procs", os.O_WRONLY) for path in self.paths[::2]]
        jail.go(fds)
        for fd in fds:
            os.close(fd)
        jail.expect(d.STARTED)
        return jail

    def members(self):
        found = []
        for path in self.paths:
            with open(path + "/cgroup.procs") as file:
                found += file.read().split()
        return found

    def assert_removed(self):
        self.assertEqual([path for path in self.paths if os.path.exists(path)], [])

    def test_the_worker_is_in_before_it_starts(self):
        jail = self.start("exec sleep 1000")
        self.assertEqual(len(self.members()), len(self.paths) // 2)
        self.end(jail)
        self.assert_removed()

    def test_hang_up_ends_and_removes(self):
        mark = marker()
        jail = self.start(f"setsid sleep {mark} & sleep {mark}")
        self.assertTrue(eventually(lambda: len(living(mark)) == 2))
        self.assertTrue(all(map(os.path.exists, self.paths)))
        self.end(jail)
        self.assertEqual(living(mark), [])
        self.assert_removed()

    def test_whatever_is_in_the_groups_is_ended(self):
        """Also what is no process of the jail."""
        jail = self.start("sleep 1000")
        others = [subprocess.Popen(["sleep", "1000"]) for _ in range(100)]
        for i, other in enumerate(others):
            # In one hierarchy each: each must be looked through.
            with open(self.paths[i % len(self.paths)] + "/cgroup.procs", "w") as file:
                file.write(str(other.pid))
        self.assertIsNone(others[0].poll())
        self.end(jail)
        self.assertEqual({other.wait(30) for other in others}, {-signal.SIGKILL})
        self.assert_removed()

    def test_supervisor_killed(self):
        mark = marker()
        ours, theirs = os.pipe()
        pid = os.fork()
        if pid == 0:
            with contextlib.suppress(BaseException):
                jail = Jail(init_case.INIT, ["sh", "-c", f"sleep {mark} & sleep {mark}"], flags=0)
                self.start(None, jail)
                os.write(theirs, struct.pack("=i", jail.pid))
                time.sleep(100)
            os._exit(1)
        monitor, = struct.unpack("=i", os.read(ours, 4))
        pidfd = os.pidfd_open(monitor)
        os.kill(pid, signal.SIGKILL)
        self.assertTrue(gone(pidfd))
        self.assertEqual(living(mark), [])
        self.assert_removed()
        os.waitpid(pid, 0)
        for fd in (ours, theirs, pidfd):
            os.close(fd)

    def test_groups_that_the_supervisor_removed(self):
        jail = self.start("exit 0")
        self.assertEqual(jail.finish()[0], 0)
        self.assertEqual(jail.receive(jail.monitor).type, d.HELPER_EXIT)
        self.remove()
        start = time.monotonic()
        self.end(jail)
        self.assertLess(time.monotonic() - start, 2)

    def test_groups_outlive_a_failure_of_the_monitor_no_longer_than_the_supervisor(self):
        jail = self.jail(["true"], spec_seals=0)
        self.assertEqual(jail.receive(jail.monitor).type, d.MONITOR_FAILED)
        jail.send(jail.monitor, d.GROUP, data=b"".join(path.encode() + b"\0" for path in self.paths))
        jail.init.close()
        jail.monitor.close()
        self.assertTrue(gone(jail.pidfd))
        self.assertEqual(os.WEXITSTATUS(os.waitpid(jail.pid, 0)[1]), 125)
        jail.pid = 0
        self.assert_removed()

    def test_nonsense_from_the_supervisor_is_its_end(self):
        for data in (b"relative\0", b"/no/end", b"", b"\0"):
            jail = self.jail(["sleep", "1000"])
            jail.go()
            jail.expect(d.STARTED)
            jail.send(jail.monitor, d.GROUP, data=data)
            self.assertEqual(jail.receive(jail.monitor).type, d.MONITOR_FAILED)
            self.assertTrue(gone(jail.pidfd), data)


if __name__ == "__main__":
    init_case.main(root_only=True)
