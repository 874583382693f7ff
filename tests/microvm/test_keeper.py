# SPDX-License-Identifier: Apache-2.0
"""kastellan-vm between a supervisor and a guest that are both this test. The emulator is a stand-in
that hands over its end of the channel."""
import ast
import contextlib
import ctypes
import errno
import os
import resource
import select
import socket
import struct
import sys
import tempfile
import time
import unittest

import driver
import frames as f
import init_driver as d

HERE = os.path.dirname(os.path.abspath(__file__))
LATE = 8  # MACHINE_LATE
SPEC = b"not looked at by kastellan-vm, " * 7
SYS_PIDFD_GETFD = 438
USAGE = f.frame(f.USAGE, struct.pack("=5Q", 1, 2, 3, 4, 5))
EXIT = f.control(d.EXIT, 7 << 8, struct.pack("=3Q", 10, 20, 30))
DENIED = f.control(d.DENIED, 101, struct.pack("=4I", 9, 1, 0xc000003e, 0))


def take_descriptor(pidfd, number):
    fd = d.libc.syscall(SYS_PIDFD_GETFD, pidfd, number, 0)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "pidfd_getfd")
    return fd


class Guest:
    """A keeper whose guest we are."""

    def __init__(self, *words, spec=SPEC, **kwargs):
        self.place = tempfile.TemporaryDirectory(prefix="ks-keeper-")
        path = os.path.join(self.place.name, "emulator")
        argv = [sys.executable, "-I", os.path.join(HERE, "stand_in.py"), path, *words]
        self.keeper = driver.Keeper(argv, spec, **kwargs)
        lent = self.adopt(path)
        self.channel = socket.socket(fileno=lent[0])
        if words:
            os.close(self.emulator_pidfd)
            self.emulator_pidfd = -1
        self.reader = f.Reader(self.channel)

    def adopt(self, path):
        """What the stand-in that has written the file lends: descriptors, which are ours alone then."""
        deadline = time.monotonic() + 20
        while not os.path.exists(path):
            if time.monotonic() > deadline:
                raise TimeoutError(f"no emulator: {self.keeper.receive(1)}")
            time.sleep(0.002)
        with open(path, encoding="utf-8") as file:
            about = ast.literal_eval(file.read())
        self.emulator, self.emulator_fds, self.emulator_env, lent, self.emulator_sockets = about
        self.emulator_pidfd = os.pidfd_open(self.emulator)
        taken = [take_descriptor(self.emulator_pidfd, fd) for fd in lent]
        os.unlink(path)
        return taken

    def say(self, *some):
        self.channel.sendall(b"".join(some))

    def specification(self):
        """(SETUP's payload, the spec) as they come after HELLO."""
        kind, _, _, setup = self.reader.take()
        assert kind == f.SETUP, kind
        spec, flags = b"", f.MORE
        while flags:
            kind, flags, _, payload = self.reader.take()
            assert kind == f.SPEC, kind
            spec += payload
        return setup, spec

    def start(self):
        """To a program that runs."""
        self.say(f.hello())
        self.specification()
        self.say(f.control(d.READY))
        self.keeper.await_(d.READY)
        self.keeper.go()
        # Stdin may be at its end already.
        while self.reader.take()[0] != f.CONTROL:
            pass
        self.say(f.control(d.STARTED, 2))
        self.keeper.await_(d.STARTED)

    def end(self):
        with contextlib.suppress(OSError):
            self.channel.close()
        self.keeper.end()
        if self.emulator_pidfd >= 0:
            os.close(self.emulator_pidfd)
        self.place.cleanup()


def gone(pidfd, timeout=10):
    return bool(select.select([pidfd], [], [], timeout)[0])


class Case(unittest.TestCase):
    def guest(self, *words, **kwargs):
        guest = Guest(*words, **kwargs)
        self.addCleanup(guest.end)
        return guest

    def failure(self, guest):
        """The last message, which must be FAILED; then both are gone."""
        message = guest.keeper.receive(20)
        while message is not None and message.type != d.FAILED:
            message = guest.keeper.receive(20)
        self.assertIsNotNone(message, guest.keeper.messages)
        self.assertIsNone(guest.keeper.receive(20))
        guest.keeper.wait()
        if guest.emulator_pidfd >= 0:
            self.assertTrue(gone(guest.emulator_pidfd))
        return message.failure


class Conversation(Case):
    def test_a_whole_life(self):
        before = time.time()
        guest = self.guest(spec=bytes(range(256)) * 1000, memory=5 << 20, tasks=7, quota=50)
        self.assertTrue(guest.reader.is_quiet(), "nothing is said before HELLO")
        guest.say(f.hello())
        setup, spec = guest.specification()
        self.assertEqual(spec, bytes(range(256)) * 1000)
        seconds, nano, flags, memory, tasks, quota = struct.unpack_from("=qIIQII", setup, 32)
        self.assertTrue(before - 1 <= seconds + nano / 1e9 <= time.time() + 1)
        self.assertEqual((flags, memory, tasks, quota), (0, 5 << 20, 7, 50))
        guest.say(f.control(d.READY))
        guest.keeper.await_(d.READY)
        guest.keeper.go()
        self.assertEqual(guest.reader.take()[3], struct.pack("=Ii", d.GO, 0))
        guest.say(f.control(d.STARTED, 2), DENIED, f.frame(f.DATA, b"to stdout", stream=f.STDOUT),
                  f.frame(f.DATA, b"to stderr", stream=f.STDERR))
        self.assertEqual(guest.keeper.await_(d.STARTED).value, 2)
        denied = guest.keeper.await_(d.DENIED)
        self.assertEqual((denied.value, denied.data), (101, struct.pack("=4I", 9, 1, 0xc000003e,
                                                                        0)))
        self.assertEqual(guest.keeper.read(1, 9), b"to stdout")
        os.write(guest.keeper.pipes[0], b"from stdin")
        self.assertEqual(guest.reader.take(), (f.DATA, 0, f.STDIN, b"from stdin"))
        guest.keeper.close(0)
        self.assertEqual(guest.reader.take(), (f.EOF, 0, f.STDIN, b""))
        guest.keeper.send(d.SIGNAL, 15)
        guest.keeper.send(d.WINSIZE, 0, b"12345678")
        self.assertEqual(guest.reader.take()[3], struct.pack("=Ii", d.SIGNAL, 15))
        self.assertEqual(guest.reader.take()[3], struct.pack("=Ii", d.WINSIZE, 0) + b"12345678")
        guest.say(f.frame(f.EOF, stream=f.STDOUT), f.frame(f.EOF, stream=f.STDERR), USAGE, EXIT)
        self.assertEqual(guest.keeper.await_(driver.GUEST_USAGE).data, struct.pack("=5Q", 1, 2, 3,
                                                                                   4, 5))
        ended = guest.keeper.await_(d.EXIT)
        self.assertEqual((ended.value, ended.data), (7 << 8, struct.pack("=3Q", 10, 20, 30)))
        self.assertEqual((guest.keeper.read(1), guest.keeper.read(2)), (b"", b"to stderr"))
        self.assertIsNone(guest.keeper.receive())
        self.assertEqual(guest.keeper.wait(), 0)
        self.assertTrue(gone(guest.emulator_pidfd))

    def test_seeds_differ(self):
        seeds = set()
        for _ in range(3):
            guest = self.guest()
            guest.say(f.hello())
            seeds.add(guest.specification()[0][:32])
        self.assertEqual(len(seeds), 3)
        self.assertNotIn(bytes(32), seeds)

    def test_a_restored_guest_is_told_at_once(self):
        guest = self.guest(flags=1)
        guest.specification()
        guest.say(f.hello())
        self.assertEqual(self.failure(guest)[0], "channel")

    def test_frames_byte_by_byte(self):
        guest = self.guest()
        guest.start()
        for byte in f.frame(f.DATA, b"slow", stream=f.STDOUT) + USAGE + EXIT:
            guest.say(bytes([byte]))
            time.sleep(0.001)
        guest.keeper.await_(d.EXIT)
        self.assertEqual(guest.keeper.read(1), b"slow")

    def test_the_end_of_a_stream_is_passed_on_before_the_end(self):
        guest = self.guest()
        guest.start()
        guest.say(f.frame(f.DATA, b"last", stream=f.STDOUT), f.frame(f.EOF, stream=f.STDOUT))
        self.assertEqual(guest.keeper.read(1), b"last")

    def test_failed_to_start(self):
        guest = self.guest()
        guest.say(f.hello())
        guest.specification()
        guest.say(f.control(d.FAILED, errno.ENOENT, b"exec\0/bin/no\x1b[31m\nthing\0"))
        self.assertEqual(self.failure(guest), ("exec", "/bin/no?[31m?thing", errno.ENOENT))


class Flow(Case):
    def test_a_stalled_reader_holds_up_its_own_stream_alone(self):
        guest = self.guest()
        guest.start()
        full = f.frame(f.DATA, b"x" * f.MAX, stream=f.STDOUT)
        guest.say(full * 16)
        for i in range(100):
            line = b"line %d\n" % i
            guest.say(f.frame(f.DATA, line, stream=f.STDERR))
            self.assertEqual(guest.keeper.read(2, len(line)), line)
        self.assertEqual(guest.keeper.read(1, 16 * f.MAX), b"x" * (16 * f.MAX))
        given = 0
        while given < f.WINDOW_OUT // 4 * 3:
            kind, _, stream, payload = guest.reader.take()
            self.assertEqual((kind, stream), (f.WINDOW, f.STDOUT))
            given += struct.unpack("<I", payload)[0]
        self.assertLessEqual(given, 16 * f.MAX)

    def test_no_more_of_stdin_than_its_window(self):
        guest = self.guest()
        guest.start()
        os.set_blocking(guest.keeper.pipes[0], False)
        sent = got = 0
        deadline = time.monotonic() + 1.5
        while time.monotonic() < deadline:
            with contextlib.suppress(BlockingIOError):
                sent += os.write(guest.keeper.pipes[0], b"i" * 65536)
            while not guest.reader.is_quiet(0.01):
                kind, _, stream, payload = guest.reader.take()
                self.assertEqual((kind, stream), (f.DATA, f.STDIN))
                got += len(payload)
        self.assertEqual(got, f.WINDOW_IN)
        self.assertGreater(sent, got)
        guest.say(f.frame(f.WINDOW, struct.pack("<I", 1000), stream=f.STDIN))
        self.assertEqual(len(guest.reader.take()[3]), 1000)

    def test_a_reader_that_leaves_is_told(self):
        guest = self.guest()
        guest.start()
        guest.keeper.close(1)
        self.assertEqual(guest.reader.take(), (f.RESET, 0, f.STDOUT, b""))
        # What was under way is no fault.
        guest.say(f.frame(f.DATA, b"x" * f.MAX, stream=f.STDOUT) * 16)
        guest.say(f.frame(f.DATA, b"still here", stream=f.STDERR))
        self.assertEqual(guest.keeper.read(2, 10), b"still here")

    def test_a_guest_that_takes_no_more_stdin(self):
        guest = self.guest()
        guest.start()
        guest.say(f.frame(f.RESET, stream=f.STDIN))
        deadline = time.monotonic() + 10
        with self.assertRaises(BrokenPipeError):
            while time.monotonic() < deadline:
                os.write(guest.keeper.pipes[0], b"x")
                time.sleep(0.01)

    def test_the_end_is_told_behind_the_last_byte(self):
        guest = self.guest()
        guest.start()
        data = os.urandom(f.WINDOW_OUT)
        for at in range(0, len(data), f.MAX):
            guest.say(f.frame(f.DATA, data[at:at + f.MAX], stream=f.STDOUT))
        guest.say(USAGE, EXIT)
        with self.assertRaises(TimeoutError):
            guest.keeper.receive(0.5)
        self.assertTrue(gone(guest.emulator_pidfd), "the machine ends at once all the same")
        self.assertEqual(guest.keeper.read(1), data)
        guest.keeper.await_(d.EXIT)

    def test_a_kill_does_not_wait_for_a_reader(self):
        guest = self.guest()
        guest.start()
        guest.say(f.frame(f.DATA, b"x" * f.MAX, stream=f.STDOUT) * 4, USAGE, EXIT)
        self.assertTrue(gone(guest.emulator_pidfd))
        guest.keeper.send(d.KILL)
        guest.keeper.await_(d.EXIT, 5)

    def test_files_sockets_and_shared_pipes_as_stdio(self):
        with tempfile.TemporaryFile() as out, socket.socket(socket.AF_UNIX) as unused:
            del unused
            ours, theirs = socket.socketpair()
            with ours, theirs, open("/dev/null", "rb") as null:
                guest = self.guest(stdio=(null.fileno(), out.fileno(), theirs.fileno()))
                guest.start()
                guest.say(f.frame(f.DATA, b"o" * f.MAX, stream=f.STDOUT),
                          f.frame(f.DATA, b"e" * f.MAX, stream=f.STDERR))
                got = b""
                while len(got) < f.MAX:
                    got += ours.recv(f.MAX)
                guest.say(USAGE, EXIT)
                guest.keeper.await_(d.EXIT)
                self.assertEqual(os.pread(out.fileno(), 1 << 20, 0), b"o" * f.MAX)
                self.assertTrue(os.get_blocking(theirs.fileno()))


def started(guest):
    guest.start()


def ready(guest):
    guest.say(f.hello())
    guest.specification()
    guest.say(f.control(d.READY))


def greeted(guest):
    guest.say(f.hello())
    guest.specification()


def booting(_guest):
    pass


# From where, what, and the words that must be in the reason.
HOSTILE = [
    ("no type", started, f.frame(0), "no such type"),
    ("unknown type", started, f.frame(99), "no such type"),
    ("SETUP", started, f.frame(f.SETUP, bytes(72)), "the other way"),
    ("SPEC", started, f.frame(f.SPEC, b"x"), "the other way"),
    ("ANSWER", started, f.frame(f.ANSWER, bytes(30)), "the other way"),
    ("OPEN without a network", started,
     f.frame(f.OPEN, f.place("127.0.0.1", 443), stream=f.FIRST), "no such connection"),
    ("ASK without a network", started,
     f.frame(f.ASK, f.place("127.0.0.1", 53) + b"question"), "no network"),
    ("DATA of a connection without a network", started,
     f.frame(f.DATA, b"x", stream=f.FIRST), "no such connection"),
    ("too long", started, f.frame(f.DATA, length=f.MAX + 1, stream=f.STDOUT), "too long"),
    ("far too long", started, f.frame(f.DATA, length=0xffffffff, stream=f.STDOUT), "too long"),
    ("empty DATA", started, f.frame(f.DATA, stream=f.STDOUT), "too short"),
    ("stdin", started, f.frame(f.DATA, b"x", stream=f.STDIN), "cannot be about"),
    ("session DATA", started, f.frame(f.DATA, b"x"), "cannot be about"),
    ("stream 4", started, f.frame(f.DATA, b"x", stream=4), "cannot be about"),
    ("stream 65535", started, f.frame(f.DATA, b"x", stream=65535), "cannot be about"),
    ("flag", started, f.frame(f.DATA, b"x", stream=f.STDOUT, flags=1), "unknown flag"),
    ("EOF with bytes", started, f.frame(f.EOF, b"x", stream=f.STDOUT), "too long"),
    ("WINDOW of stdout", started, f.frame(f.WINDOW, b"\1\0\0\0", stream=f.STDOUT),
     "cannot be about"),
    ("WINDOW for nothing", started, f.frame(f.WINDOW, b"\1\0\0\0", stream=f.STDIN),
     "more than was sent"),
    ("WINDOW of nothing", started, f.frame(f.WINDOW, b"\0\0\0\0", stream=f.STDIN),
     "nothing back"),
    ("RESET twice", started, f.frame(f.RESET, stream=f.STDIN) * 2, "twice"),
    ("more than the window", started, f.frame(f.DATA, b"x" * f.MAX, stream=f.STDOUT) * 18,
     "more than its window"),
    ("DATA after EOF", started,
     f.frame(f.EOF, stream=f.STDOUT) + f.frame(f.DATA, b"x", stream=f.STDOUT), "after the end"),
    ("EOF twice", started, f.frame(f.EOF, stream=f.STDERR) * 2, "after the end"),
    ("DATA after USAGE", started, USAGE + f.frame(f.DATA, b"x", stream=f.STDOUT),
     "after the end of the worker"),
    ("USAGE twice", started, USAGE * 2, "twice"),
    ("short USAGE", started, f.frame(f.USAGE, b"x"), "too short"),
    ("USAGE of nothing", ready, USAGE, "nothing has started"),
    ("EXIT without USAGE", started, EXIT, "before STARTED and USAGE"),
    ("EXIT of nothing", ready, EXIT, "before STARTED"),
    ("EXIT with a stop", started, USAGE + f.control(d.EXIT, 0x137f, bytes(24)), "no wait status"),
    ("EXIT with a high bit", started, USAGE + f.control(d.EXIT, 1 << 20, bytes(24)),
     "no wait status"),
    ("EXIT with a negative", started, USAGE + f.control(d.EXIT, -1, bytes(24)), "no wait status"),
    ("EXIT by signal 100", started, USAGE + f.control(d.EXIT, 100, bytes(24)), "no wait status"),
    ("short EXIT", started, USAGE + f.control(d.EXIT, 0, bytes(23)), "another length"),
    ("STARTED twice", started, f.control(d.STARTED, 2), "does not follow"),
    ("STARTED first", greeted, f.control(d.STARTED, 2), "does not follow"),
    ("STARTED of no process", ready, f.control(d.STARTED, 0), "names no process"),
    ("READY twice", ready, f.control(d.READY), "twice"),
    ("READY and more", greeted, f.control(d.READY, 0, b"x"), "more than it can"),
    ("DENIED early", greeted, DENIED, "before READY"),
    ("short DENIED", started, f.control(d.DENIED, 1, b"x"), "names no call"),
    ("negative DENIED", started, f.control(d.DENIED, -1, bytes(16)), "names no call"),
    ("DENIED with a number", started, f.control(d.DENIED, 1, struct.pack("=4I", 1, 2, 0, 0)),
     "impossible number"),
    ("too many DENIED", started, DENIED * 200, "too often"),
    ("FAILED late", started, f.control(d.FAILED, 1, b"a\0b\0"), "after STARTED"),
    ("FAILED of nothing", ready, f.control(d.FAILED, 0, b"a\0b\0"), "no error's number"),
    ("FAILED without an end", ready, f.control(d.FAILED, 1, b"a\0b"), "does not say"),
    ("FAILED of one string", ready, f.control(d.FAILED, 1, b"a\0"), "does not say"),
    ("FAILED of three", ready, f.control(d.FAILED, 1, b"a\0b\0c\0"), "does not say"),
    ("FAILED without a step", ready, f.control(d.FAILED, 1, b"\0b\0"), "does not say"),
    ("GO", started, f.control(d.GO), "no guest sends"),
    ("GROUP", started, f.control(d.GROUP, 0, b"/sys/fs/cgroup\0"), "no guest sends"),
    ("TTY", started, f.control(d.TTY), "no guest sends"),
    ("HELPER_EXIT", started, f.control(d.HELPER_EXIT), "no guest sends"),
    ("GUEST_USAGE", started, f.control(driver.GUEST_USAGE, 0, bytes(40)), "no guest sends"),
    ("short CONTROL", started, f.frame(f.CONTROL, b"1234567"), "too short"),
    ("long CONTROL", started, f.frame(f.CONTROL, bytes(4097)), "too long"),
    ("HELLO twice", greeted, f.hello(), "twice"),
    ("HELLO of another version", booting, f.hello(1), "different versions"),
    ("long HELLO", booting, f.frame(f.HELLO, bytes(5)), "too long"),
    ("READY before HELLO", booting, f.control(d.READY), "before HELLO"),
    ("DATA before HELLO", booting, f.frame(f.DATA, b"x", stream=f.STDOUT), "before HELLO"),
    ("DATA before READY", greeted, f.frame(f.DATA, b"x", stream=f.STDOUT), "before the worker"),
]


class Hostile(Case):
    def check(self, prelude, data, words):
        guest = self.guest()
        prelude(guest)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            guest.say(data)
        step, detail, code = self.failure(guest)
        self.assertEqual((step, code), ("channel", errno.EPROTO))
        self.assertIn(words, detail)
        self.assertIn("of the guest", detail)

    def test_the_controls_pass(self):
        """What is near the faults, and none."""
        guest = self.guest()
        guest.start()
        guest.say(DENIED * 100, f.frame(f.DATA, b"x" * f.MAX, stream=f.STDERR),
                  f.frame(f.EOF, stream=f.STDOUT), f.frame(f.RESET, stream=f.STDIN), USAGE,
                  f.control(d.EXIT, 0x80 | 11, bytes(24)))
        self.assertEqual(guest.keeper.read(2, f.MAX), b"x" * f.MAX)
        self.assertEqual(guest.keeper.await_(d.EXIT).value, 0x80 | 11)


def hostile_case(prelude, data, words):
    return lambda self: self.check(prelude, data, words)


for _name, *_case in HOSTILE:
    setattr(Hostile, "test_" + _name.replace(" ", "_"), hostile_case(*_case))


class Emulator(Case):
    def test_it_ends_by_itself(self):
        guest = self.guest("qemu: no such\x1b machine", "3")
        guest.channel.close()
        step, detail, _ = self.failure(guest)
        self.assertEqual(step, "machine")
        self.assertIn("before its worker started", detail)
        self.assertIn("status 3", detail)
        self.assertIn("qemu: no such? machine", detail)

    def test_it_ends_under_the_worker(self):
        guest = self.guest()
        guest.start()
        os.kill(guest.emulator, 9)
        guest.channel.close()
        step, detail, _ = self.failure(guest)
        self.assertEqual(step, "machine")
        self.assertIn("before its worker did", detail)

    def test_its_last_frames_count(self):
        guest = self.guest()
        guest.start()
        guest.say(f.frame(f.DATA, b"bye", stream=f.STDOUT), USAGE, EXIT)
        guest.channel.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(guest.emulator, 9)
        guest.keeper.await_(d.EXIT)
        self.assertEqual(guest.keeper.read(1), b"bye")

    def test_it_is_not_there(self):
        keeper = driver.Keeper(["/nonexistent/qemu"], SPEC)
        self.addCleanup(keeper.end)
        step, detail, code = keeper.receive(10).failure
        self.assertEqual((step, code), ("machine", errno.ENOENT))
        self.assertIn("/nonexistent/qemu", detail)
        self.assertNotEqual(keeper.wait(), 0)

    def test_what_it_gets(self):
        guest = self.guest()
        self.assertEqual(guest.emulator_fds, [0, 1, 2, 6, 9])
        files = socket.socketpair()
        with files[0], files[1]:
            other = self.guest(files=files[1].fileno())
            self.assertEqual(other.emulator_fds, [0, 1, 2, 6, 7, 9])
        self.assertEqual(set(guest.emulator_env) - {"LC_CTYPE"}, set())

    def test_it_dies_with_its_keeper(self):
        guest = self.guest()
        guest.start()
        os.kill(guest.keeper.pid, 9)
        self.assertTrue(gone(guest.emulator_pidfd))

    def test_it_dies_with_the_supervisor(self):
        for prelude in (booting, started):
            guest = self.guest()
            prelude(guest)
            guest.keeper.control.close()
            self.assertTrue(gone(guest.emulator_pidfd))
            self.assertEqual(guest.keeper.wait(), 0)

    def test_a_guest_that_does_not_end_its_worker(self):
        guest = self.guest()
        guest.start()
        guest.keeper.send(d.KILL)
        step, detail, code = self.failure(guest)
        self.assertEqual((step, code), ("machine", errno.ETIMEDOUT))
        self.assertIn("when it was told to", detail)

    def test_the_keeper_is_confined(self):
        guest = self.guest()
        guest.start()
        with open(f"/proc/{guest.keeper.pid}/status", encoding="ascii") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        self.assertEqual((status["Seccomp"], status["NoNewPrivs"]), ("2", "1"))
        self.assertEqual(resource.prlimit(guest.keeper.pid, resource.RLIMIT_NPROC), (0, 0))
        # The emulator is not held by the same filter: the jail around both is its.
        with open(f"/proc/{guest.emulator}/status", encoding="ascii") as file:
            self.assertIn("Seccomp:\t0", file.read())


class Late(Case):
    """A guest is made ready, and its worker comes later."""
    WAIT = 2  # SETUP_WAIT

    def waiting(self, **kwargs):
        guest = self.guest(flags=LATE, **kwargs)
        self.assertTrue(guest.reader.is_quiet(), "nothing is said before HELLO")
        guest.say(f.hello())
        kind, _, _, setup = guest.reader.take()
        self.assertEqual((kind, struct.unpack_from("=I", setup, 44)[0]), (f.SETUP, self.WAIT))
        self.assertTrue(guest.reader.is_quiet(), "no SPEC follows yet")
        guest.say(f.control(d.ARMED))
        guest.keeper.await_(d.ARMED)
        return guest, setup

    def program(self, guest, spec=SPEC, stdio=None, count=4):
        """Sends it, with pipes as stdio: (to stdin, from stdout, from stderr)."""
        pairs = [os.pipe() for _ in range(3)]
        theirs = [pairs[0][0], pairs[1][1], pairs[2][1]]
        sealed = d.memfd(spec)
        guest.keeper.send(d.PROGRAM, fds=[sealed, *theirs][:count])
        for fd in (sealed, *theirs):
            os.close(fd)
        ours = [pairs[0][1], pairs[1][0], pairs[2][0]]
        for fd in ours:
            self.addCleanup(os.close, fd)
        return ours

    def test_a_whole_life(self):
        for flags in (0, 1):
            with self.subTest(restored=flags):
                guest = self.guest(flags=LATE | flags)
                if not flags:
                    guest.say(f.hello())
                first = guest.reader.take()[3]
                guest.say(f.control(d.ARMED))
                guest.keeper.await_(d.ARMED)
                time.sleep(0.01)
                before = time.time()
                stdin, stdout, stderr = self.program(guest)
                again, spec = guest.specification()
                self.assertEqual(spec, SPEC)
                self.assertNotEqual(again[:32], first[:32], "the seed")
                seconds, nano, waits = struct.unpack_from("=qII", again, 32)
                self.assertGreaterEqual(seconds + nano / 1e9, before - 0.001)
                self.assertEqual(waits, 0)
                guest.say(f.control(d.READY))
                guest.keeper.await_(d.READY)
                guest.keeper.go()
                self.assertEqual(guest.reader.take()[3], struct.pack("=Ii", d.GO, 0))
                guest.say(f.control(d.STARTED, 2), f.frame(f.DATA, b"out", stream=f.STDOUT),
                          f.frame(f.DATA, b"err", stream=f.STDERR))
                guest.keeper.await_(d.STARTED)
                self.assertEqual((os.read(stdout, 9), os.read(stderr, 9)), (b"out", b"err"))
                os.write(stdin, b"in")
                self.assertEqual(guest.reader.take(), (f.DATA, 0, f.STDIN, b"in"))
                guest.say(f.frame(f.EOF, stream=f.STDOUT), f.frame(f.EOF, stream=f.STDERR), USAGE,
                          EXIT)
                guest.keeper.await_(d.EXIT)
                self.assertEqual((os.read(stdout, 9), os.read(stderr, 9)), (b"", b""))

    def test_it_is_confined_before_the_guest_hears_of_a_worker(self):
        guest, _ = self.waiting()
        self.program(guest)
        guest.specification()
        with open(f"/proc/{guest.keeper.pid}/status", encoding="ascii") as file:
            self.assertIn("Seccomp:\t2", file.read())

    def test_what_nobody_asked_for(self):
        guest = self.guest()
        guest.say(f.hello())
        guest.specification()
        guest.say(f.control(d.ARMED))
        self.assertEqual(self.failure(guest)[0], "channel")
        for more in (f.control(d.ARMED), f.control(d.READY, 1), f.frame(f.DATA, b"x", stream=f.STDOUT)):
            guest, _ = self.waiting()
            guest.say(more)
            self.assertEqual(self.failure(guest)[0], "channel")

    def test_a_program_that_cannot_be(self):
        guest = self.guest()
        guest.say(f.hello())
        guest.specification()
        self.program(guest)
        self.assertEqual(self.failure(guest)[0], "machine")
        for spec, count in ((SPEC, 3), (SPEC, 0), (b"", 4)):
            guest, _ = self.waiting()
            self.program(guest, spec, count=count)
            self.assertEqual(self.failure(guest)[0], "machine")
        guest, _ = self.waiting()
        self.program(guest)
        self.program(guest)
        self.assertEqual(self.failure(guest)[0], "machine")

    def test_it_dies_with_the_supervisor_while_it_waits(self):
        guest, _ = self.waiting()
        guest.keeper.control.close()
        self.assertTrue(gone(guest.emulator_pidfd))
        self.assertEqual(guest.keeper.wait(), 0)


class Orders(Case):
    def refuse(self, text, words):
        keeper = driver.Keeper([], SPEC, order_text=text)
        self.addCleanup(keeper.end)
        step, detail, _ = keeper.receive(10).failure
        self.assertEqual(step, "machine")
        self.assertIn(words, detail)
        self.assertNotEqual(keeper.wait(), 0)

    def test_bad_orders(self):
        good = ["/bin/true", "x"]
        self.refuse(b"", "cannot be read")
        self.refuse(b"short", "no order")
        self.refuse(driver.order(good, magic=1), "no order")
        self.refuse(driver.order(good, version=2), "different versions")
        self.refuse(driver.order(good) + b"more", "longer than it says")
        self.refuse(driver.order(good, flags=16), "unknown flag")
        self.refuse(driver.order(good, flags=3), "unknown flag")
        self.refuse(driver.order(good, flags=10), "unknown flag")
        self.refuse(driver.order(good, count=0), "no program")
        self.refuse(driver.order(good, count=3), "no end")
        self.refuse(driver.order(good, count=1), "more than its arguments")
        self.refuse(driver.order(good, count=1 << 31), "too many arguments")
        self.refuse(driver.order(good, connections=4097), "more connections than any policy")
        self.refuse(driver.order(["true"]), "no absolute path")
