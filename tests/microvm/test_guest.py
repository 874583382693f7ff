# SPDX-License-Identifier: Apache-2.0
"""Real machines under emulation, by kastellan-vm alone: what the worker is of is in the initramfs."""
import hashlib
import os
import resource
import select
import signal
import socket
import struct
import tempfile
import threading
import time
import unittest

import driver
import init_driver as d

MEGABYTES = int(os.environ.get("KASTELLAN_TEST_MEGABYTES", "100"))
BOOT = driver.BOOT


class Case(unittest.TestCase):
    initrd = None

    @classmethod
    def setUpClass(cls):
        if Case.initrd is None:
            Case.initrd = driver.initramfs()

    def machine(self, argv, *, stdio=(None, None, None), memory=64 << 20, tasks=20, quota=0,
                connections=0, spec=None, up=True, **kwargs):
        """up: its guest has come up, with a worker that waits to be told to go."""
        def make():
            return driver.Keeper(driver.qemu(), spec or driver.spec(argv, **kwargs),
                                 initrd=self.initrd, stdio=stdio, memory=memory, tasks=tasks,
                                 quota=quota, connections=connections)

        keeper = driver.up(make) if up else make()
        self.addCleanup(keeper.end)
        return keeper

    def start(self, *argv, **kwargs):
        keeper = self.machine(argv, **kwargs)
        keeper.go()
        keeper.await_(d.STARTED, BOOT)
        return keeper

    def outcome(self, keeper, timeout=60):
        """(status, usage) at its end, which nothing is left behind of."""
        usage = keeper.await_(driver.GUEST_USAGE, timeout).usage
        status = keeper.await_(d.EXIT, timeout).value
        self.assertIsNone(keeper.receive(10))
        self.assertEqual(keeper.wait(), 0)
        return status, usage

    def run_(self, *argv, stdin=b"", **kwargs):
        """(status, stdout, stderr, usage) of a worker that says little."""
        keeper = self.start(*argv, **kwargs)
        os.write(keeper.pipes[0], stdin)
        keeper.close(0)
        status, usage = self.outcome(keeper)
        return status, keeper.read(1), keeper.read(2), usage


class Outcome(Case):
    def test_exit_and_streams(self):
        status, out, err, usage = self.run_(
            "sh", "-c", "cat; echo to stderr >&2; exit 37", stdin=b"through\0 and \xff through\n")
        self.assertEqual(status, 37 << 8)
        self.assertEqual((out, err), (b"through\0 and \xff through\n", b"to stderr\n"))
        self.assertGreater(usage["cpu_usec"], 0)
        self.assertGreater(usage["memory_peak"], 100000)
        self.assertEqual((usage["oom_kills"], usage["tasks_refused"]), (0, 0))

    def test_signals(self):
        self.assertEqual(self.run_("sh", "-c", "kill -SEGV $$")[0] & 0x7f, signal.SIGSEGV)
        keeper = self.start("sh", "-c", "trap 'echo caught; exit 3' TERM; echo up; while :; do "
                            "sleep 0.05; done")
        self.assertEqual(keeper.read(1, 3), b"up\n")
        keeper.send(d.SIGNAL, signal.SIGTERM)
        self.assertEqual(self.outcome(keeper)[0], 3 << 8)
        self.assertEqual(keeper.read(1), b"caught\n")

    def test_kill(self):
        keeper = self.start("sh", "-c", "trap '' TERM; echo up; while :; do sleep 1; done")
        keeper.read(1, 3)
        keeper.send(d.KILL)
        self.assertEqual(self.outcome(keeper)[0], signal.SIGKILL)

    def test_a_background_process_does_not_outlive_it(self):
        status, out, _, _ = self.run_("sh", "-c", "sleep 1000 & echo done")
        self.assertEqual((status, out), (0, b"done\n"))

    def test_no_such_program(self):
        keeper = self.machine(["nonsense"])
        keeper.go()
        while True:
            message = keeper.receive(BOOT)
            if message.type == d.FAILED:
                break
        self.assertEqual(message.failure, ("exec", "nonsense", 2))

    def test_a_bad_specification(self):
        keeper = self.machine([], spec=b"nonsense" * 10)
        message = keeper.receive(BOOT)
        self.assertEqual(message.type, d.FAILED)
        self.assertEqual(message.failure[0], "spec")

    def test_a_large_specification(self):
        words = ["w%d" % i + "x" * 2000 for i in range(400)]
        status, out, _, _ = self.run_("sh", "-c", 'echo $#; echo "$400" | head -c 0', *words)
        self.assertEqual((status, out), (0, b"399\n"))


class Streams(Case):
    def pump(self, keeper, data, which):
        """Writes data to stdin in a thread; the hash of what comes out."""
        thread = threading.Thread(target=self.feed, args=(keeper, data))
        thread.start()
        digest = hashlib.sha256()
        start = time.monotonic()
        while True:
            piece = os.read(keeper.pipes[which], 1 << 20)
            if not piece:
                break
            digest.update(piece)
        thread.join()
        print(f"# {len(data) / 1e6 / (time.monotonic() - start):.0f} MB/s")
        return digest.hexdigest()

    @staticmethod
    def feed(keeper, data):
        view = memoryview(data)
        while view:
            view = view[os.write(keeper.pipes[0], view[:1 << 20]):]
        keeper.close(0)

    def test_through_stdin_and_stdout(self):
        data = os.urandom(MEGABYTES << 20)
        keeper = self.start("cat")
        self.assertEqual(self.pump(keeper, data, 1), hashlib.sha256(data).hexdigest())
        self.assertEqual(self.outcome(keeper)[0], 0)

    def test_through_stdin_and_stderr(self):
        data = os.urandom(MEGABYTES << 20)
        keeper = self.start("sh", "-c", "cat >&2")
        self.assertEqual(self.pump(keeper, data, 2), hashlib.sha256(data).hexdigest())
        self.assertEqual(self.outcome(keeper)[0], 0)

    def test_stdin_alone(self):
        data = os.urandom(MEGABYTES << 20)
        keeper = self.start("sha256sum")
        self.feed(keeper, data)
        self.assertEqual(keeper.read(1)[:64].decode(), hashlib.sha256(data).hexdigest())

    def test_stdout_alone(self):
        # Not head, whose pieces are so small that it is what would be measured.
        keeper = self.start("dd", "if=/dev/zero", "bs=64k", f"count={MEGABYTES << 4}")
        start, count = time.monotonic(), 0
        while piece := os.read(keeper.pipes[1], 1 << 20):
            self.assertEqual(piece.count(0), len(piece))
            count += len(piece)
        print(f"# {count / 1e6 / (time.monotonic() - start):.0f} MB/s")
        self.assertEqual(count, MEGABYTES << 20)
        self.assertEqual(self.outcome(keeper)[0], 0)

    def test_half_close(self):
        keeper = self.start("sh", "-c", "exec >&-; echo only stderr >&2; cat >/dev/null; exit 4")
        self.assertEqual(keeper.read(1), b"")
        self.assertEqual(keeper.read(2, 12), b"only stderr\n")
        keeper.close(0)
        self.assertEqual(self.outcome(keeper)[0], 4 << 8)

    def test_a_worker_that_takes_no_stdin(self):
        keeper = self.start("sh", "-c", "exec <&-; sleep 1000")
        with self.assertRaises(BrokenPipeError):
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline:
                os.write(keeper.pipes[0], b"x")
                time.sleep(0.01)

    def test_a_stalled_reader_of_one(self):
        keeper = self.start("sh", "-c", "yes & while read line; do echo \"$line\" >&2; done; "
                            "kill $!; exit 5")
        for i in range(50):
            line = b"line %d\n" % i
            os.write(keeper.pipes[0], line)
            self.assertEqual(keeper.read(2, len(line)), line)
            time.sleep(0.02)
        keeper.close(0)
        while os.read(keeper.pipes[1], 1 << 20):
            pass
        self.assertEqual(self.outcome(keeper)[0], 5 << 8)

    def test_a_reader_that_is_gone(self):
        keeper = self.start("sh", "-c", "yes; exit 1")
        keeper.read(1, 10)
        keeper.close(1)
        self.assertEqual(self.outcome(keeper)[0], 1 << 8)
        keeper = self.start("yes")
        keeper.close(1)
        self.assertEqual(self.outcome(keeper)[0], signal.SIGPIPE)

    def test_round_trips(self):
        keeper = self.start("cat")
        times = []
        for i in range(200):
            start = time.monotonic()
            os.write(keeper.pipes[0], b"ping")
            self.assertEqual(keeper.read(1, 4), b"ping")
            times.append(time.monotonic() - start)
        print(f"# round trip: median {sorted(times)[100] * 1e3:.2f} ms")


class Terminal(Case):
    def terminal(self, *argv):
        ours, theirs = socket.socketpair()
        with theirs, open("/dev/null", "wb") as null:
            keeper = self.start(*argv, tty=(33, 101), stdio=(theirs.fileno(), theirs.fileno(),
                                                             null.fileno()))
        self.addCleanup(ours.close)
        ours.settimeout(30)
        return keeper, ours

    @staticmethod
    def until(sock, wanted):
        text = b""
        while wanted not in text:
            more = sock.recv(4096)
            if not more:
                raise EOFError(text)
            text += more
        return text

    def test_a_session(self):
        keeper, tty = self.terminal("sh", "-c", "tty; stty size; echo err >&2; read a; echo \"<$a>\"; "
                                    "trap 'stty size; exit 6' WINCH; echo up; while :; do "
                                    "sleep 0.1; done")
        self.until(tty, b"/dev/pts/0\r\n33 101\r\nerr\r\n")
        tty.sendall(b"words\r")
        self.until(tty, b"words\r\n<words>\r\nup\r\n")
        keeper.send(d.WINSIZE, 0, struct.pack("=4H", 44, 55, 0, 0))
        self.until(tty, b"44 55\r\n")
        self.assertEqual(self.outcome(keeper)[0], 6 << 8)
        self.assertEqual(tty.recv(100), b"")

    def test_what_is_typed_before_it_is_there(self):
        ours, theirs = socket.socketpair()
        with ours, theirs, open("/dev/null", "wb") as null:
            ours.settimeout(60)
            ours.sendall(b"early\r\x04")
            keeper = self.machine(["cat"], tty=(24, 80), stdio=(theirs.fileno(), theirs.fileno(),
                                                                null.fileno()))
            keeper.go()
            self.until(ours, b"early\r\nearly\r\n")
            self.assertEqual(self.outcome(keeper)[0], 0)

    def test_interrupt_and_hang_up(self):
        keeper, tty = self.terminal("sh", "-c", "trap 'exit 9' INT; echo up; while :; do sleep 0.1; "
                                    "done")
        self.until(tty, b"up")
        tty.sendall(b"\x03")
        self.assertEqual(self.outcome(keeper)[0], 9 << 8)
        keeper, tty = self.terminal("sh", "-c", "echo up; while :; do sleep 0.1; done")
        self.until(tty, b"up")
        tty.close()
        self.assertEqual(self.outcome(keeper)[0], signal.SIGHUP)


class Inside(Case):
    def test_who_and_where_it_is(self):
        status, out, err, _ = self.run_(
            "sh", "-c", "id -u; id -g; hostname; echo $$; env; ls /; cat /proc/self/status; "
            "echo the kernel was told $(wc -c </proc/cmdline) bytes; date +%s; ls /proc | head -3; "
            "echo >/dev/stdout again",
            env=["LANG=C"])
        self.assertEqual((status, err), (0, b""))
        text = out.decode()
        lines = text.splitlines()
        self.assertEqual(lines[:4], ["1000", "1000", "kastellan", "2"])
        for line in ("LANG=C", "NoNewPrivs:\t1", "CapBnd:\t0000000000000000", "CapEff:\t0000000000000000",
                     "Groups:\t ", "the kernel was told 0 bytes", "again"):
            self.assertIn(line, lines)
        seconds = [int(line) for line in lines if line.isdigit() and len(line) == 10]
        self.assertLess(abs(seconds[0] - time.time()), 30)

    def test_what_is_denied(self):
        """Each with a control: the guest's own init did it, or another worker may."""
        status, out, _, _ = self.run_(
            "sh", "-c",
            "for act in 'mount -t tmpfs none /tmp' 'unshare -U true' 'unshare -n true' "
            "'hostname other' 'echo 1 >/proc/sys/kernel/sysrq' 'echo >/dev/vport0p1' "
            "'echo 0 >/proc/sys/user/max_user_namespaces' 'dd if=/dev/mem count=1 of=/dev/null'; "
            "do sh -c \"$act\" >/dev/null 2>&1 && echo allowed: $act; done; "
            "for act in 'mount' 'kill -0 $$' 'hostname' 'echo 1 >/dev/null' "
            "'echo x >/tmp/x && cat /tmp/x' 'dd if=/dev/zero count=1 of=/dev/null'; "
            "do sh -c \"$act\" >/dev/null 2>&1 || echo refused: $act; done; "
            # Taken, and without an effect: it is the first of its namespace.
            "kill -9 1; ls /dev")
        self.assertEqual(status, 0)
        self.assertNotIn(b"allowed", out)
        self.assertNotIn(b"refused", out)
        self.assertNotIn(b"vport", out)

    def test_memory(self):
        eat = "dd if=/dev/zero of=/tmp/big bs=1M count={} 2>/dev/null; echo survived"
        status, out, _, usage = self.run_("sh", "-c", eat.format(20), memory=32 << 20)
        self.assertEqual((status, out, usage["oom_kills"]), (0, b"survived\n", 0))
        self.assertGreater(usage["memory_peak"], 20 << 20)
        status, out, _, usage = self.run_("sh", "-c", eat.format(60), memory=32 << 20)
        self.assertEqual((status, out), (signal.SIGKILL, b""))
        self.assertGreater(usage["oom_kills"], 0)

    def test_tasks(self):
        many = "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 3 & done; echo all"
        _, out, _, usage = self.run_("sh", "-c", many, tasks=20)
        self.assertEqual((out, usage["tasks_refused"]), (b"all\n", 0))
        _, _, err, usage = self.run_("sh", "-c", many, tasks=5)
        self.assertIn(b"fork", err)
        self.assertGreater(usage["tasks_refused"], 0)

    def test_cpu(self):
        spin = ["sh", "-c", "while :; do :; done"]
        status, _, _, usage = self.run_(*spin, limits=[(resource.RLIMIT_CPU, 1, 2)])
        self.assertEqual(status & 0x7f, signal.SIGXCPU)
        self.assertGreater(usage["cpu_usec"], 900000)

    def share(self, **kwargs):
        """Of the guest's processor, by its own clock, that a busy worker had."""
        clock = "cat /proc/uptime"
        spin = f"{clock}; i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; {clock}"
        status, out, _, usage = self.run_("sh", "-c", spin, **kwargs)
        self.assertEqual(status, 0)
        began, ended = (float(line.split()[0]) for line in out.splitlines())
        return usage["cpu_usec"] / 1e6 / (ended - began)

    def test_a_share_of_the_processor(self):
        self.assertLess(self.share(quota=20), 0.35)
        self.assertGreater(self.share(), 0.5)


class Lifetime(Case):
    def machines(self):
        """Emulators of this process's keepers."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    words = file.read()
                with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
                    parent = int(file.read().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            if b"name=ctl" in words:
                found.append((int(pid), parent))
        return found

    def test_a_supervisor_that_is_gone(self):
        for wait in (0, 0.3, 1, 2.5):
            keeper = self.machine(["sleep", "1000"], up=False)
            keeper.go()
            time.sleep(wait)
            pids = [pid for pid, parent in self.machines() if parent == keeper.pid]
            pidfds = [os.pidfd_open(pid) for pid in pids]
            keeper.control.close()
            keeper.wait()
            for pidfd in pidfds:
                self.assertTrue(select.select([pidfd], [], [], 10)[0])
                os.close(pidfd)

    def test_a_keeper_that_is_killed(self):
        keeper = self.start("sleep", "1000")
        pids = [pid for pid, parent in self.machines() if parent == keeper.pid]
        self.assertEqual(len(pids), 1)
        pidfd = os.pidfd_open(pids[0])
        os.kill(keeper.pid, 9)
        self.assertTrue(select.select([pidfd], [], [], 10)[0])
        os.close(pidfd)

    def test_a_machine_that_is_killed(self):
        keeper = self.start("sleep", "1000")
        pids = [pid for pid, parent in self.machines() if parent == keeper.pid]
        os.kill(pids[0], 9)
        message = keeper.receive(10)
        self.assertEqual(message.type, d.FAILED)
        self.assertEqual(message.failure[0], "machine")

    def test_a_machine_that_does_not_start(self):
        keeper = driver.Keeper(driver.qemu() + ["-nonsense"], driver.spec(["true"]),
                               initrd=self.initrd)
        self.addCleanup(keeper.end)
        step, detail, _ = keeper.receive(30).failure
        self.assertEqual(step, "machine")
        self.assertIn("nonsense", detail)


class Snapshot(Case):
    MONITOR = ["-chardev", "socket,id=qmp,fd=10", "-mon", "chardev=qmp,mode=control"]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.template = tempfile.TemporaryFile()
        keeper = driver.up(lambda: driver.Keeper(driver.qemu(*cls.MONITOR), b"none", initrd=Case.initrd,
                                                 flags=2, template=cls.template.fileno()))
        try:
            keeper.await_(d.READY, 120)
            assert keeper.wait() == 0
        finally:
            keeper.end()

    @classmethod
    def tearDownClass(cls):
        cls.template.close()

    def restore(self, *argv, **kwargs):
        with open(f"/proc/self/fd/{self.template.fileno()}", "rb") as file:
            keeper = driver.Keeper(driver.qemu("-incoming", "fd:8"), driver.spec(argv),
                                   initrd=self.initrd, flags=1, template=file.fileno(),
                                   memory=64 << 20, tasks=20, **kwargs)
        self.addCleanup(keeper.end)
        keeper.go()
        keeper.await_(d.STARTED, BOOT)
        return keeper

    def test_a_restored_guest_runs_a_worker(self):
        keeper = self.restore("sh", "-c", "cat; echo err >&2; exit 12")
        os.write(keeper.pipes[0], b"in")
        keeper.close(0)
        status, usage = self.outcome(keeper)
        self.assertEqual((status, keeper.read(1), keeper.read(2)), (12 << 8, b"in", b"err\n"))
        self.assertGreater(usage["memory_peak"], 0)

    def test_each_has_its_own_time_and_random_numbers(self):
        seen = set()
        for _ in range(3):
            keeper = self.restore("sh", "-c", "date +%s; head -c 16 /dev/urandom | md5sum; "
                                  "cat /proc/sys/kernel/random/uuid")
            keeper.close(0)
            self.assertEqual(self.outcome(keeper)[0], 0)
            seconds, *numbers = keeper.read(1).decode().splitlines()
            self.assertLess(abs(int(seconds) - time.time()), 20)
            seen.update(numbers)
        self.assertEqual(len(seen), 6)

    def test_one_that_waited_runs_a_worker_as_well(self):
        with open(f"/proc/self/fd/{self.template.fileno()}", "rb") as file:
            keeper = driver.Keeper(driver.qemu("-incoming", "fd:8"), b"none", initrd=self.initrd,
                                   flags=1 | 8, template=file.fileno(), memory=64 << 20, tasks=20)
        self.addCleanup(keeper.end)
        keeper.await_(d.ARMED, BOOT)
        spec = driver.spec(["sh", "-c", "date +%s; cat"]).seal()
        inner = [os.pipe(), os.pipe()]
        keeper.send(d.PROGRAM, fds=[spec, inner[0][0], inner[1][1], inner[1][1]])
        for fd in (spec, inner[0][0], inner[1][1]):
            os.close(fd)
        keeper.await_(d.READY, BOOT)
        keeper.go()
        keeper.await_(d.STARTED, BOOT)
        os.write(inner[0][1], b"in")
        os.close(inner[0][1])
        status, _ = self.outcome(keeper)
        with open(inner[1][0], "rb") as output:
            seconds, rest = output.read().split(b"\n")
        self.assertEqual((status, rest), (0, b"in"))
        self.assertLess(abs(int(seconds) - time.time()), 60)

    def test_the_template_is_not_written_to(self):
        size = os.fstat(self.template.fileno()).st_size
        digest = hashlib.sha256(os.pread(self.template.fileno(), size, 0)).hexdigest()
        self.outcome(self.restore("true"))
        self.assertEqual(hashlib.sha256(os.pread(self.template.fileno(), size, 0)).hexdigest(),
                         digest)

    def test_it_is_faster_than_a_boot(self):
        cold, warm = [], []
        for _ in range(3):
            keeper = self.start("true")
            self.outcome(keeper)
            cold.append(time.monotonic() - keeper.start)
            keeper = self.restore("true")
            self.outcome(keeper)
            warm.append(time.monotonic() - keeper.start)
        print(f"# {os.fstat(self.template.fileno()).st_size >> 20} MiB; cold {min(cold):.2f} s, "
              f"restored {min(warm):.2f} s: {min(warm) / min(cold):.2f}")
        self.assertLess(min(warm), min(cold))

    def test_no_template_of_what_does_not_come_up(self):
        with tempfile.TemporaryFile() as file:
            keeper = driver.Keeper(driver.qemu(*self.MONITOR, "-nonsense"), b"none",
                                   initrd=self.initrd, flags=2, template=file.fileno())
            self.addCleanup(keeper.end)
            self.assertEqual(keeper.receive(60).failure[0], "template")
            self.assertEqual(os.fstat(file.fileno()).st_size, 0)
