#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What init applies to the worker: filter, Landlock, terminal. Each denial beside its control."""

import contextlib
import ctypes
import errno
import os
import platform
import signal
import struct

import init_case
import init_driver as d
from init_case import Case
from init_driver import Jail

# A call that is harmless, and that no program of these tests makes of itself.
CALL, ARCH = {"x86_64": (135, 0xc000003e), "aarch64": (92, 0xc00000b7)}[platform.machine()]
SECCOMP, SENDMSG = {"x86_64": (317, 46), "aarch64": (277, 211)}[platform.machine()]
CREATE_RULESET = 444
ALLOW, NOTIFY, KILL = 0x7fff0000, 0x7fc00000, 0x80000000

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, MAKE_REG = 1, 2, 4, 8, 256
HANDLED = EXECUTE | WRITE_FILE | READ_FILE | READ_DIR | MAKE_REG


def bpf(action, call=CALL):
    return (struct.pack("=HBBI", 0x20, 0, 0, 0) + struct.pack("=HBBI", 0x15, 0, 1, call)
            + struct.pack("=HBBI", 6, 0, 0, action) + struct.pack("=HBBI", 6, 0, 0, ALLOW))


FILTERS = [("FILTER_NOTIFY", bpf(NOTIFY)), ("FILTER_KILL", bpf(KILL))]
DO = f"import ctypes; ctypes.CDLL(None).syscall({CALL}, 0xffffffff); "


class Filter(Case):
    def denials(self, jail):
        found = []
        for message in jail.messages:
            if message.type == d.DENIED:
                pid, is_main, arch, zero = struct.unpack("=4I", message.data)
                self.assertEqual((arch, zero, message.value), (ARCH, 0, CALL))
                found.append((pid, bool(is_main)))
        return found

    def python(self, script, records=FILTERS):
        """Everything until EXIT: (jail, status, stdout)."""
        jail = self.jail(["/usr/bin/python3", "-c", script], records=list(records))
        jail.go()
        pid = jail.expect(d.STARTED).value
        out, _ = jail.output()
        while True:
            message = jail.receive(jail.init)
            self.assertIn(message.type, (d.DENIED, d.EXIT))
            if message.type == d.EXIT:
                return jail, pid, message.value, out

    def test_the_call_is_named(self):
        jail, pid, status, out = self.python(DO + "print('went on')")
        self.assertEqual(self.denials(jail), [(pid, True)])
        self.assertEqual((os.WTERMSIG(status), out), (signal.SIGKILL, b""))
        # The control.
        jail, _, status, out = self.python(DO + "print('went on')", [])
        self.assertEqual((status, out, self.denials(jail)), (0, b"went on\n", []))

    def test_the_call_of_a_thread_is_its_processs(self):
        jail, pid, status, out = self.python(
            "import threading, time\ndef f():\n  " + DO + "\n  print('went on')\n"
            "threading.Thread(target=f).start(); time.sleep(9)")
        self.assertEqual(self.denials(jail), [(pid, True)])
        self.assertEqual((os.WTERMSIG(status), out), (signal.SIGKILL, b""))

    def test_the_call_of_a_child_ends_the_child(self):
        jail, pid, status, out = self.python(
            "import os, sys\nif os.fork() == 0:\n  " + DO + "\n  os._exit(0)\n"
            "print(os.WTERMSIG(os.wait()[1])); sys.exit(3)")
        (child, is_main), = self.denials(jail)
        self.assertNotEqual(child, pid)
        self.assertFalse(is_main)
        self.assertEqual((os.WEXITSTATUS(status), out), (3, b"9\n"))

    def test_a_flood_is_cut_and_blocks_nobody(self):
        jail, _, status, out = self.python(
            "import os\nfor i in range(200):\n  if os.fork() == 0:\n    " + DO + "\n    os._exit(0)\n"
            "print(sum(os.WTERMSIG(os.wait()[1]) == 9 for i in range(200)))")
        self.assertEqual((status, out), (0, b"200\n"))
        # The socket may have held fewer.
        self.assertGreater(len(self.denials(jail)), 8)
        self.assertLessEqual(len(self.denials(jail)), 64)

    def test_without_a_listener_it_kills(self):
        jail, _, status, out = self.python(DO, [("FILTER_KILL", bpf(KILL))])
        self.assertEqual((os.WTERMSIG(status), out), (signal.SIGSYS, b""))
        self.assertEqual(self.denials(jail), [])

    def test_where_the_host_has_a_listener_it_kills(self):
        """As in a container whose manager listens itself."""
        pid = os.fork()
        if pid == 0:
            with contextlib.suppress(BaseException):
                self.listen()
                jail = Jail(init_case.INIT, ["/usr/bin/python3", "-c", DO], records=FILTERS)
                status, _, _ = jail.run()
                jail.wait()
                jail = Jail(init_case.INIT, ["true"], records=FILTERS[:1])
                jail.go()
                failure = jail.expect(d.FAILED)
                jail.wait()
                if os.WTERMSIG(status) == signal.SIGSYS and failure.value == errno.EBUSY:
                    os._exit(0)
            os._exit(1)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)

    @staticmethod
    def listen():
        """Filters the calling process, letting everything through, with a listener."""
        code = ctypes.create_string_buffer(struct.pack("=HBBI", 6, 0, 0, ALLOW), 8)
        program = struct.pack("@HP", 1, ctypes.addressof(code))
        d.libc.prctl(38, 1, 0, 0, 0)
        if d.libc.syscall(SECCOMP, 1, 8, program) < 0:
            raise OSError(ctypes.get_errno(), "seccomp")

    def test_an_end_before_the_program_is_no_start(self):
        """Here by the filter's own doing: it kills the last word before the exec."""
        self.fails("worker", errno.ECANCELED, records=[("FILTER_KILL", bpf(KILL, SENDMSG))],
                   detail=f"it ended before its program, by signal {signal.SIGSYS}")

    def test_a_filter_that_the_kernel_refuses(self):
        self.fails("seccomp", errno.EINVAL, records=[("FILTER_KILL", struct.pack("=HBBI", 0xff, 0, 0, 0))])


class Capabilities(Case):
    def test_what_the_helper_has_left_is_found(self):
        """bubblewrap goes on where the kernel does not let it drop one."""
        self.fails("capabilities", errno.EPERM, mounts=["--cap-add", "CAP_NET_RAW"],
                   detail="the bounding set is not empty")
        self.assertEqual(self.sh("grep CapBnd /proc/self/status")[1],
                         b"CapBnd:\t0000000000000000\n")


class Landlock(Case):
    def landlock(self, *rules, abi=1, fs=HANDLED, net=0, scoped=0):
        records = [("LANDLOCK", struct.pack("=QQQII", fs, net, scoped, abi, 0))]
        for path, access, optional in (("/usr", EXECUTE | READ_FILE | READ_DIR, 0),) + rules:
            records.append(("RULE", struct.pack("=QII", access, optional, 0) + path.encode() + b"\0"))
        return records

    def write(self, records):
        return self.sh("cd /tmp; echo text > file && cat file; ls >/dev/null", records=records)[1]

    def test_what_has_no_rule_is_denied(self):
        self.assertEqual(self.write([]), b"text\n")
        self.assertEqual(self.write(self.landlock()), b"")
        self.assertEqual(self.write(self.landlock(("/tmp", HANDLED, 0), ("/dev", WRITE_FILE, 0))), b"text\n")

    def test_the_program_needs_a_rule(self):
        self.fails("exec", errno.EACCES, ["/usr/bin/true"],
                   records=[("LANDLOCK", struct.pack("=QQQII", HANDLED, 0, 0, 1, 0))])

    def test_a_files_rule_has_a_files_rights(self):
        path = os.path.join(init_case.SHARED, "for-landlock")
        with open(path, "w") as file:
            file.write("content\n")
        os.chmod(path, 0o644)
        mounts = ["--ro-bind", path, "/file"]

        def read(records):
            return self.run_jail(["cat", "/file"], mounts=mounts, records=records)[1]

        self.assertEqual(read(self.landlock()), b"")
        self.assertEqual(read(self.landlock(("/file", HANDLED, 0))), b"content\n")
        # Nothing of it is a file's right: no rule.
        self.assertEqual(read(self.landlock(("/file", READ_DIR, 0))), b"")

    def test_a_missing_path(self):
        self.fails("landlock", errno.ENOENT, records=self.landlock(("/none", READ_FILE, 0)), detail="/none")
        self.assertEqual(self.run_jail(["true"], records=self.landlock(("/none", READ_FILE, 1)))[0], 0)

    def test_what_the_kernel_does_not_have(self):
        abi = d.libc.syscall(CREATE_RULESET, None, 0, 1)
        self.assertGreaterEqual(abi, 1)
        self.assertEqual(self.run_jail(["true"], records=self.landlock(abi=abi))[0], 0)
        self.fails("landlock", errno.EOPNOTSUPP, records=self.landlock(abi=abi + 1),
                   detail=f"this kernel has ABI {abi}, planned was {abi + 1}")
        self.fails("landlock", errno.EINVAL, records=self.landlock(fs=1 << 40))
        self.fails("landlock", errno.EINVAL, records=self.landlock(("/tmp", 1 << 12, 0)))

    def test_all_layers_together(self):
        limits = [("RLIMIT", struct.pack("=IIQQ", 7, 0, 64, 64))]
        status, out, _ = self.sh("ulimit -n; grep Seccomp: /proc/self/status; echo x > /tmp/x; exit 6",
                                 records=limits + FILTERS + self.landlock(("/proc", READ_FILE, 0)))
        self.assertEqual((os.WEXITSTATUS(status), out), (6, b"64\nSeccomp:\t2\n"))


class Terminal(Case):
    def terminal(self, script, size=(30, 100), **kwargs):
        jail = self.jail(["sh", "-c", script], tty=True,
                         records=[("WINSIZE", struct.pack("=4H", *size, 0, 0))], **kwargs)
        jail.go()
        master, = jail.expect(d.TTY).fds
        jail.expect(d.STARTED)
        return jail, master

    def read(self, master, until=None):
        data = b""
        with contextlib.suppress(OSError):
            while until is None or until not in data:
                got = os.read(master, 4096)
                if not got:
                    break
                data += got
        return data

    def test_it_is_the_workers(self):
        jail, master = self.terminal("test -t 0 && test -t 1 && test -t 2 && tty && stty size; "
                                     "echo direct > /dev/tty; ps -o tty= -p $$; ls /proc/self/fd")
        out = self.read(master)
        self.assertEqual(out, b"/dev/pts/0\r\n30 100\r\ndirect\r\npts/0\r\n0  1  2  3\r\n")
        self.assertEqual(jail.expect(d.EXIT).value, 0)
        os.close(master)

    def test_there_is_none_without_asking(self):
        status, out, _ = self.sh("test -t 0 || echo none; (echo > /dev/tty) 2>/dev/null || echo closed")
        self.assertEqual((status, out), (0, b"none\nclosed\n"))

    def test_size_changes(self):
        jail, master = self.terminal("trap 'stty size; exit 0' WINCH; echo up; while :; do sleep 0.05; done")
        self.assertEqual(self.read(master, b"\n"), b"up\r\n")
        jail.send(jail.init, d.WINSIZE, data=struct.pack("=4H", 50, 120, 0, 0))
        self.assertEqual(self.read(master), b"50 120\r\n")
        os.close(master)

    def test_keys_make_signals(self):
        jail, master = self.terminal("echo up; exec sleep 100")
        self.read(master, b"\n")
        os.write(master, b"\x03")
        self.assertEqual(os.WTERMSIG(jail.expect(d.EXIT).value), signal.SIGINT)
        os.close(master)

    def test_hang_up(self):
        jail, master = self.terminal("echo up; exec sleep 100")
        self.read(master, b"\n")
        os.close(master)
        self.assertEqual(os.WTERMSIG(jail.expect(d.EXIT).value), signal.SIGHUP)

    def test_the_terminal_lasts_as_long_as_the_jail(self):
        """A program that closes its terminal and comes back to it is not taken for ended."""
        jail, master = self.terminal("exec 0<&- 1>&- 2>&-; sleep 0.2; echo back > /dev/pts/0")
        self.assertEqual(self.read(master), b"back\r\n")
        os.close(master)

    def test_where_it_cannot_be_opened(self):
        root = d.plain_root()
        del root[root.index("--dev"):root.index("--dev") + 2]
        self.fails("tty", errno.ENOENT, tty=True, root=root, detail="/dev/ptmx")


if __name__ == "__main__":
    init_case.main()
