#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a worker starts with, how its end is told, and everything that keeps one from starting."""

import errno
import os
import shutil
import signal
import struct
import tempfile
import unittest

import init_case
import init_driver as d
from init_case import Case, eventually, gone


class Status(Case):
    def test_exit_codes(self):
        for code in (0, 1, 7, 126, 127, 255):
            status, out, err = self.sh(f"exit {code}")
            self.assertTrue(os.WIFEXITED(status))
            self.assertEqual((os.WEXITSTATUS(status), out, err), (code, b"", b""))

    def test_signals(self):
        for number in ("TERM", "KILL", "SEGV", "ABRT", "HUP", "INT", "PIPE", "SYS"):
            status, _, _ = self.sh(f"kill -{number} $$; exit 3")
            self.assertTrue(os.WIFSIGNALED(status), number)
            self.assertEqual(os.WTERMSIG(status), getattr(signal, "SIG" + number))

    def test_usage(self):
        jail = self.jail(["python3", "-c", "import time\nb = b'x' * 30_000_000\n"
                          "while time.process_time() < 0.3: pass"])
        jail.run()
        user, system, rss = struct.unpack("=3Q", jail.messages[-1].data)
        self.assertGreaterEqual(user + system, 300_000)
        self.assertLess(user + system, 10_000_000)
        self.assertGreater(rss, 30_000)

    def test_all_helpers_end_well(self):
        jail = self.jail(["true"])
        jail.run()
        message = jail.receive(jail.monitor)
        self.assertEqual((message.type, message.value), (d.HELPER_EXIT, 0))
        self.assertEqual(jail.wait(), 0)
        jail.pid = 0


class Inherited(Case):
    def test_environment_is_the_specs(self):
        _, out, _ = self.run_jail(["env"], env=("A=1", "B=", "PATH=/usr/bin"))
        self.assertEqual(out, b"A=1\nB=\nPATH=/usr/bin\n")
        _, out, _ = self.run_jail(["env"], env=())
        self.assertEqual(out, b"")

    def test_descriptors(self):
        extra = os.open("/", os.O_RDONLY)
        self.addCleanup(os.close, extra)
        _, out, _ = self.sh("exec ls /proc/self/fd", grants=[extra])
        self.assertEqual(out, b"0\n1\n2\n3\n")

    def test_signals_are_reset(self):
        ignored = [n for n in signal.valid_signals() if n not in (signal.SIGKILL, signal.SIGSTOP)]
        saved = {n: signal.signal(n, signal.SIG_IGN) for n in ignored}
        try:
            jail = self.jail(["cat", "/proc/self/status"])
        finally:
            for number, handler in saved.items():
                signal.signal(number, handler or signal.SIG_DFL)
        status, out, _ = jail.run()
        lines = dict(line.split(":\t", 1) for line in out.decode().splitlines())
        for name in ("SigBlk", "SigIgn", "SigCgt", "ShdPnd"):
            self.assertEqual(int(lines[name], 16), 0, name)
        self.assertEqual(status, 0)

    def test_session_and_mask(self):
        saved = os.umask(0o77)
        self.addCleanup(os.umask, saved)
        _, out, _ = self.sh("umask; exec ps -o pid= -o sid= -o pgid= -o tty= -p $$")
        mask, line = out.decode().splitlines()
        pid, sid, pgid, tty = line.split()
        self.assertEqual((mask, pid, sid, tty), ("0022", sid, pgid, "?"))

    def test_no_privilege(self):
        _, out, _ = self.sh("cat /proc/self/status; id -u; id -G")
        lines = dict(line.split(":\t", 1) for line in out.decode().splitlines() if ":\t" in line)
        for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            self.assertEqual(int(lines[name], 16), 0, name)
        self.assertEqual(lines["NoNewPrivs"], "1")
        self.assertEqual(out.decode().splitlines()[-2], "1000")

    def test_stdio_is_the_workers_alone(self):
        """Nobody else holds the pipes: both ends see the worker close its own."""
        ours_in, theirs_in = os.pipe()
        ours_out, theirs_out = os.pipe()
        null = os.open("/dev/null", os.O_RDWR)
        jail = self.jail(["sh", "-c", "read line; echo got $line; exec >&- <&-; sleep 1000"],
                         stdio=(ours_in, theirs_out, null))
        for fd in (ours_in, theirs_out, null):
            os.close(fd)
        jail.go()
        jail.expect(d.STARTED)
        os.write(theirs_in, b"it\n")
        self.assertEqual(d.read_all(ours_out), b"got it\n")
        self.assertTrue(eventually(lambda: self.is_broken(theirs_in)))
        os.close(ours_out)
        os.close(theirs_in)

    @staticmethod
    def is_broken(fd):
        try:
            os.write(fd, b"x")
        except BrokenPipeError:
            return True
        return False


class Helper(Case):
    def complaint_of(self, script):
        jail = self.jail(["true"], helper=["sh", "-c", f"exec >&2; {script}"], helper_exe="/bin/sh",
                         env=("SECRET=1",))
        self.assertEqual(jail.receive(jail.monitor).type, d.HELPER_EXIT)
        return d.read_all(jail.complaints).decode()

    def test_it_inherits_what_it_needs_alone(self):
        self.assertEqual(self.complaint_of("/usr/bin/env | grep -v -e ^PWD -e ^_"), "")
        # 3 is the listing's own; 9 was the supervisor, and is the monitor's process, for init.
        # Neither the monitor's socket nor the supervisor is among them.
        self.assertEqual(self.complaint_of("ls /proc/self/fd").split(),
                         ["0", "1", "10", "11", "12", "2", "3", "4", "5", "6", "7", "8", "9"])
        self.assertIn("pidfd", self.complaint_of("readlink /proc/self/fd/9"))
        # Without a shell, which would put the signals in order itself.
        jail = self.jail(["true"], helper=["env", "--list-signal-handling", "true"],
                         helper_exe="/usr/bin/env")
        self.assertEqual(jail.receive(jail.monitor).value, 0)
        self.assertEqual(d.read_all(jail.complaints), b"")

    def test_it_has_no_privilege(self):
        status = self.complaint_of("cat /proc/self/status")
        lines = dict(line.split(":\t", 1) for line in status.splitlines())
        for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            self.assertEqual(int(lines[name], 16), 0, name)
        expected = d.KERNEL_ID if os.geteuid() == 0 else os.geteuid()
        self.assertEqual(set(lines["Uid"].split()), {str(expected)})
        expected = d.KERNEL_ID if os.geteuid() == 0 else os.getegid()
        self.assertEqual(set(lines["Gid"].split()), {str(expected)})
        # A plain user's namespace may not drop the groups of its maker.
        kept = set() if os.geteuid() == 0 else {str(group) for group in os.getgroups()}
        self.assertEqual(set(lines["Groups"].split()), kept)


class Failures(Case):
    def test_program(self):
        self.fails("exec", errno.ENOENT, ["/no/such"], "/no/such")
        self.fails("exec", errno.ENOENT, ["nosuch"], "nosuch")
        self.fails("exec", errno.ENOENT, ["nosuch"], "nosuch", search=None)
        self.fails("exec", errno.ENOENT, [""])
        self.fails("exec", errno.EISDIR, ["/usr"], "/usr")
        self.fails("exec", errno.EACCES, ["/etc-file"], "/etc-file", mounts=self.file(b"#!/bin/sh\n", 0o644))
        self.fails("exec", errno.ENOEXEC, ["/etc-file"], "/etc-file", mounts=self.file(b"exit 0\n", 0o755))
        self.fails("exec", errno.ENOENT, ["/etc-file"],
                   "/etc-file (the interpreter or loader it names is not there)",
                   mounts=self.file(b"#!/no/interpreter\n", 0o755))
        # The control: the same way with a file that is as it should be.
        status, out, _ = self.run_jail(["/etc-file"], mounts=self.file(b"#!/bin/sh\necho ran\n", 0o755))
        self.assertEqual((status, out), (0, b"ran\n"))

    def file(self, content, mode):
        directory = tempfile.mkdtemp(dir=init_case.SHARED)
        path = os.path.join(directory, "file")
        with open(path, "wb") as file:
            file.write(content)
        os.chmod(path, mode)
        os.chmod(directory, 0o755)
        self.addCleanup(shutil.rmtree, directory)
        return ["--ro-bind", path, "/etc-file"]

    def test_search(self):
        # Not executable in the first directory, found in the second; never in the current one.
        directory = tempfile.mkdtemp(dir=init_case.SHARED)
        self.addCleanup(shutil.rmtree, directory)
        os.chmod(directory, 0o755)
        with open(directory + "/true", "w"):
            pass
        shutil.copy("/bin/true", directory + "/elsewhere")
        mounts = ["--ro-bind", directory, "/first"]
        self.assertEqual(self.run_jail(["true"], mounts=mounts, search="/first:/usr/bin")[0], 0)
        self.fails("exec", errno.EACCES, ["true"], "/first/true", mounts=mounts, search="/first:/none")
        self.fails("exec", errno.ENOENT, ["elsewhere"], mounts=mounts, search=":.:/none", cwd="/first")
        self.assertEqual(self.run_jail(["elsewhere"], mounts=mounts, search="/first")[0], 0)

    def test_directory(self):
        self.fails("cwd", errno.ENOENT, cwd="/no/such", detail="/no/such")
        self.fails("cwd", errno.ENOTDIR, cwd="/usr/bin/env")
        self.assertEqual(self.run_jail(["pwd"], cwd="/usr/lib")[1], b"/usr/lib\n")

    def test_what_the_kernel_is_to_refuse_is_tried(self):
        self.assertTrue(os.path.exists("/proc/vmallocinfo"))
        for path in (b"/proc/vmallocinfo", b"/proc/not/there"):
            self.assertEqual(self.run_jail(["true"], records=[("CLOSED", path + b"\0")])[0], 0)
        # To be read; to be written.
        self.fails("closed", errno.EPERM, records=[("CLOSED", b"/proc/version\0")], detail="/proc/version")
        self.fails("closed", errno.EPERM, records=[("CLOSED", b"/dev/null\0")])
        self.fails("closed", errno.ENOTDIR, records=[("CLOSED", b"/proc/version/x\0")])

    def test_verify(self):
        usr = os.stat("/usr")

        def verify(path, dev=usr.st_dev, ino=usr.st_ino, read_only=1):
            return [("VERIFY", struct.pack("=QQII", dev, ino, read_only, 0) + path + b"\0")]

        self.assertEqual(self.run_jail(["true"], records=verify(b"/usr"))[0], 0)
        self.fails("verify", errno.ESTALE, records=verify(b"/usr", ino=usr.st_ino + 1), detail="/usr")
        self.fails("verify", errno.ESTALE, records=verify(b"/usr", dev=usr.st_dev + 1))
        self.fails("verify", errno.ENOENT, records=verify(b"/nothing"))
        # The right object, by way of a link.
        link = ["--symlink", "/usr", "/link"]
        self.fails("verify", errno.ELOOP, records=verify(b"/link"), mounts=link)
        self.fails("verify", errno.ELOOP, records=verify(b"/link/../usr"), mounts=link)
        # The right object, but writable.
        writable = ["--bind", "/usr", "/writable"]
        self.fails("verify", errno.EROFS, records=verify(b"/writable"), mounts=writable)
        self.assertEqual(self.run_jail(["true"], mounts=writable,
                                       records=verify(b"/writable", read_only=0))[0], 0)

    @unittest.skipIf(d.NATIVE, "a jail of our own has the ids that it is told")
    def test_ids(self):
        self.fails("ids", errno.EPERM, ids=(1001, 1000), detail="ids 1000:1000 instead of 1001:1000")
        self.fails("ids", errno.EPERM, ids=(1000, 0))

    def test_the_first_process_of_a_namespace(self):
        root = [word for word in d.plain_root() if word not in ("--as-pid-1",)]
        self.fails("process", errno.ESRCH, root=root)

    def test_limits(self):
        def limit(resource, soft, hard):
            return [("RLIMIT", struct.pack("=IIQQ", resource, 0, soft, hard))]

        self.assertEqual(self.sh("ulimit -n; ulimit -c", records=limit(7, 50, 60) + limit(4, 0, 0))[1],
                         b"50\n0\n")
        self.fails("rlimit", errno.EINVAL, records=limit(99, 1, 1), detail="resource 99")
        self.fails("rlimit", errno.EINVAL, records=limit(7, 2, 1), detail="nofile")
        # A caller that is held to less holds the worker to as little.
        self.assertEqual(self.sh("ulimit -n; ulimit -Hn",
                                 records=limit(7, 40, 50) + limit(7, 60, 80))[1], b"50\n50\n")

    def test_group(self):
        null = os.open("/dev/null", os.O_RDONLY)
        write = os.open("/dev/null", os.O_WRONLY)
        self.addCleanup(os.close, null)
        self.addCleanup(os.close, write)
        self.fails("cgroup", errno.EBADF, fds=[write, null], detail="joining group 1")
        self.fails("cgroup", errno.EPROTO, flags=0)
        jail = self.jail(["true"], flags=0)
        self.assertEqual(jail.run([write])[0], 0)

    def test_stdio(self):
        null = os.open("/dev/null", os.O_RDWR)
        self.addCleanup(os.close, null)
        for missing, name in enumerate(("stdin", "stdout", "stderr")):
            stdio = [null] * 3
            stdio[missing] = None
            self.fails("stdio", errno.EBADF, stdio=stdio, detail=name)

    def test_spec(self):
        self.fails("spec", errno.EBADMSG, argv=[])
        self.fails("spec", errno.EBADMSG, cwd=None)
        jail = self.jail(["true"], spec_seals=0)
        message = jail.receive(jail.monitor)
        self.assertEqual((message.type, message.failure),
                         (d.MONITOR_FAILED, ("spec", "not sealed", errno.EPERM)))
        # It stays, for what it may have been entrusted with.
        self.assertFalse(gone(jail.pidfd, 0.1))

    def test_helper(self):
        jail = self.jail(["true"], helper=["bwrap", "--no-such-option"])
        message = jail.receive(jail.monitor)
        self.assertEqual(message.type, d.HELPER_EXIT)
        self.assertEqual(os.WEXITSTATUS(message.value), 1)
        self.assertIsNone(jail.receive(jail.init))
        self.assertIn(b"no-such-option", jail.complaint())


if __name__ == "__main__":
    init_case.main()
