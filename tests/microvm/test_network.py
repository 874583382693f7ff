# SPDX-License-Identifier: Apache-2.0
"""The connections of a guest, at kastellan-vm's end. The guest is this test, and so is what it leads
to: in the place of a network whose every address is the egress proxy's, the loopback."""
import contextlib
import errno
import os
import resource
import select
import socket
import struct
import time
import unittest

import frames as f
import init_driver as d
import name_port
from test_keeper import EXIT, USAGE, Case, gone

AT_ONCE = 8
SLACK = 64
NEVER = "192.0.2.1"


class Network(Case):
    at_once = AT_ONCE

    def setUp(self):
        self.streams = {}
        self.server = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.addCleanup(self.server.close)
        self.port = self.server.getsockname()[1]

    def started(self, **kwargs):
        guest = self.guest(connections=self.at_once, **kwargs)
        guest.start()
        return guest

    def open(self, guest, number=0, address="127.0.0.1", port=None):
        """A connection that has arrived: (stream, the server's end)."""
        stream = f.FIRST + number
        guest.say(f.frame(f.OPEN, f.place(address, port or self.port), stream=stream))
        end, _ = self.server.accept()
        self.addCleanup(end.close)
        end.settimeout(20)
        return stream, end

    def next(self, guest, *but):
        """The next frame of a connection; windows are passed over unless they are asked for."""
        while True:
            kind, flags, stream, payload = guest.reader.take(20)
            if stream >= f.FIRST and (kind != f.WINDOW or f.WINDOW in but):
                return kind, flags, stream, payload

    def lost(self, guest, stream):
        self.assertEqual(self.next(guest), (f.CLOSE, f.CUT, stream, b""))


class Carried(Network):
    def test_bytes_both_ways(self):
        guest = self.started()
        stream, end = self.open(guest)
        guest.say(f.frame(f.DATA, b"up\0\xff", stream=stream))
        self.assertEqual(end.recv(10), b"up\0\xff")
        end.sendall(b"down")
        self.assertEqual(self.next(guest), (f.DATA, 0, stream, b"down"))

    def test_half_close_of_the_worker(self):
        guest = self.started()
        stream, end = self.open(guest)
        guest.say(f.frame(f.DATA, b"question", stream=stream), f.frame(f.EOF, stream=stream))
        self.assertEqual(end.recv(100), b"question")
        self.assertEqual(end.recv(100), b"")
        end.sendall(b"answer")
        self.assertEqual(self.next(guest), (f.DATA, 0, stream, b"answer"))
        end.close()
        self.assertEqual(self.next(guest), (f.EOF, 0, stream, b""))
        self.assertEqual(self.next(guest), (f.CLOSE, 0, stream, b""))
        guest.say(f.frame(f.CLOSE, stream=stream))
        # The stream is free for another one.
        stream, end = self.open(guest)
        end.sendall(b"again")
        self.assertEqual(self.next(guest), (f.DATA, 0, stream, b"again"))

    def test_half_close_of_the_server(self):
        guest = self.started()
        stream, end = self.open(guest)
        end.shutdown(socket.SHUT_WR)
        self.assertEqual(self.next(guest), (f.EOF, 0, stream, b""))
        guest.say(f.frame(f.DATA, b"late", stream=stream))
        self.assertEqual(end.recv(10), b"late")
        guest.say(f.frame(f.EOF, stream=stream))
        self.assertEqual(end.recv(10), b"")
        self.assertEqual(self.next(guest), (f.CLOSE, 0, stream, b""))

    def test_a_reset_of_the_server(self):
        guest = self.started()
        stream, end = self.open(guest)
        end.sendall(b"before")
        self.assertEqual(self.next(guest), (f.DATA, 0, stream, b"before"))
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.close()
        self.lost(guest, stream)
        # What was under way is no fault; the guest's own CLOSE is the last of it.
        guest.say(f.frame(f.DATA, b"x", stream=stream), f.frame(f.EOF, stream=stream),
                  f.frame(f.CLOSE, stream=stream, flags=f.CUT))
        self.open(guest)

    def test_its_stream_is_free_at_once(self):
        """The next connection's OPEN may be behind the last frame of the one before."""
        guest = self.started()
        stream, end = self.open(guest)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.close()
        self.lost(guest, stream)
        guest.say(f.frame(f.CLOSE, stream=stream, flags=f.CUT)
                  + f.frame(f.OPEN, f.place("127.0.0.1", self.port), stream=stream)
                  + f.frame(f.DATA, b"next", stream=stream))
        second, _ = self.server.accept()
        with second:
            self.assertEqual(second.recv(10), b"next")

    def test_a_reset_of_the_worker(self):
        guest = self.started()
        stream, end = self.open(guest)
        guest.say(f.frame(f.DATA, b"some", stream=stream))
        self.assertEqual(end.recv(10), b"some")
        guest.say(f.frame(f.CLOSE, stream=stream, flags=f.CUT))
        with self.assertRaises(ConnectionResetError):
            end.recv(10)
        self.lost(guest, stream)

    def test_nobody_listens_there(self):
        guest = self.started()
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
        guest.say(f.frame(f.OPEN, f.place("127.0.0.1", port), stream=f.FIRST),
                  f.frame(f.DATA, b"early", stream=f.FIRST))
        self.lost(guest, f.FIRST)

    def test_an_address_that_cannot_be_connected_to(self):
        guest = self.started()
        guest.say(f.frame(f.OPEN, f.place("fe80::1", 443), stream=f.FIRST))
        self.lost(guest, f.FIRST)

    def test_ipv6(self):
        with socket.socket(socket.AF_INET6) as server:
            try:
                server.bind(("::1", 0))
            except OSError:
                self.skipTest("host: no IPv6")
            server.listen(1)
            guest = self.started()
            guest.say(f.frame(f.OPEN, f.place("::1", server.getsockname()[1]), stream=f.FIRST),
                      f.frame(f.DATA, b"six", stream=f.FIRST))
            end, _ = server.accept()
            with end:
                self.assertEqual(end.recv(10), b"six")

    def test_a_server_that_does_not_read_holds_up_its_own_connection_alone(self):
        guest = self.started()
        stalled, end = self.open(guest)
        # Until the sockets between are full as well.
        given = f.WINDOW_NET
        sent = 0
        quiet = 0
        while quiet < 3:
            while given - sent >= 8192:
                guest.say(f.frame(f.DATA, b"s" * 8192, stream=stalled))
                sent += 8192
            quiet = quiet + 1 if guest.reader.is_quiet(0.3) else 0
            if not quiet:
                kind, _, stream, payload = self.next(guest, f.WINDOW)
                self.assertEqual((kind, stream), (f.WINDOW, stalled))
                given += struct.unpack("<I", payload)[0]
        other, second = self.open(guest, 1)
        guest.say(f.frame(f.DATA, b"hey", stream=other))
        self.assertEqual(second.recv(10), b"hey")
        # All arrives once it is read, and nothing is there twice.
        guest.say(f.frame(f.EOF, stream=stalled))
        count = 0
        while piece := end.recv(1 << 20):
            count += len(piece)
        self.assertEqual(count, sent)

    def test_a_worker_that_does_not_read_is_sent_no_more_than_its_window(self):
        guest = self.started()
        stream, end = self.open(guest)
        end.setblocking(False)
        got = 0
        for _ in range(20):
            with contextlib.suppress(BlockingIOError):
                while True:
                    end.send(b"d" * 65536)
            while not guest.reader.is_quiet(0.02):
                kind, _, _, payload = self.next(guest)
                self.assertEqual(kind, f.DATA)
                got += len(payload)
        self.assertEqual(got, f.WINDOW_NET)
        guest.say(f.frame(f.WINDOW, struct.pack("<I", 1000), stream=stream))
        self.assertEqual(len(self.next(guest)[3]), 1000)

    def test_as_many_as_there_is_room_for(self):
        guest = self.started()
        ends = [self.open(guest, number) for number in range(AT_ONCE + SLACK)]
        for number, (stream, end) in enumerate(ends):
            guest.say(f.frame(f.DATA, b"%d" % number, stream=stream))
            self.assertEqual(end.recv(10), b"%d" % number)
        for number, (stream, end) in enumerate(ends):
            end.sendall(b"%d" % number)
            self.assertEqual(self.next(guest), (f.DATA, 0, stream, b"%d" % number))

    def test_the_most_that_a_policy_can_have(self):
        self.at_once = 4096 if resource.getrlimit(resource.RLIMIT_NOFILE)[1] > 5000 else 256
        guest = self.started()
        _, end = self.open(guest, self.at_once + SLACK - 1)
        guest.say(f.frame(f.DATA, b"last", stream=f.FIRST + self.at_once + SLACK - 1))
        self.assertEqual(end.recv(10), b"last")

    def test_what_was_sent_before_the_end_arrives(self):
        guest = self.started()
        stream, end = self.open(guest)
        guest.say(f.frame(f.DATA, b"x" * f.WINDOW_NET, stream=stream), f.frame(f.EOF, stream=stream),
                  USAGE, EXIT)
        guest.keeper.await_(d.EXIT)
        self.assertTrue(gone(guest.emulator_pidfd))
        count = 0
        while piece := end.recv(1 << 20):
            count += len(piece)
        self.assertEqual(count, f.WINDOW_NET)

    def test_what_has_not_ended_at_the_end_is_reset(self):
        guest = self.started()
        stream, end = self.open(guest)
        guest.say(f.frame(f.DATA, b"half", stream=stream), USAGE, EXIT)
        guest.keeper.await_(d.EXIT)
        with self.assertRaises(ConnectionResetError):
            while end.recv(10):
                pass

    def test_the_end_does_not_wait_for_ever_for_a_server(self):
        guest = self.started()
        stream, end = self.open(guest)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        given, sent = f.WINDOW_NET, 0
        while given - sent >= 8192:
            while given - sent >= 8192:
                guest.say(f.frame(f.DATA, b"s" * 8192, stream=stream))
                sent += 8192
            if not guest.reader.is_quiet(0.5):
                given += struct.unpack("<I", self.next(guest, f.WINDOW)[3])[0]
        start = time.monotonic()
        guest.say(USAGE, EXIT)
        guest.keeper.await_(d.EXIT, 30)
        self.assertGreater(time.monotonic() - start, 1)


class Names(Network):
    def setUp(self):
        super().setUp()
        self.names = name_port.take(self, 5)

    def ask(self, guest, number, words):
        for _ in range(10):
            guest.say(f.frame(f.ASK, f.place(name_port.ADDRESS, 53, number) + words))
            with contextlib.suppress(TimeoutError):
                return self.names.recvfrom(100)
        return self.fail(f"nobody asked {words!r}")

    def answered(self, guest, words, peer):
        """The frame that comes of an answer, which is repeated: a datagram may be lost on a host that
        has much to do, as any name server knows."""
        for _ in range(100):
            with contextlib.suppress(ConnectionRefusedError):
                self.names.sendto(words, peer)
            if not guest.reader.is_quiet(0.2):
                break
        return guest.reader.take()

    def test_a_question_and_its_answer(self):
        guest = self.started()
        data, peer = self.ask(guest, 5, b"who")
        self.assertEqual(data, b"who")
        kind, flags, stream, payload = self.answered(guest, b"me", peer)
        self.assertEqual((kind, flags, stream), (f.ANSWER, 0, f.SESSION))
        self.assertEqual((struct.unpack_from("=HH", payload, 16), payload[20:]), ((0, 5), b"me"))

    def test_a_later_question_takes_the_place_of_an_earlier_one(self):
        guest = self.started()
        _, first = self.ask(guest, 63, b"one")
        _, second = self.ask(guest, 63, b"two")
        with contextlib.suppress(ConnectionRefusedError):
            self.names.sendto(b"late", first)
        self.assertEqual(self.answered(guest, b"right", second)[3][20:], b"right")

    def test_nobody_else_answers(self):
        guest = self.started()
        _, peer = self.ask(guest, 0, b"who")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.sendto(b"forged", ("127.0.0.1", peer[1]))
        self.assertEqual(self.answered(guest, b"true", peer)[3][20:], b"true")


OPEN = f.frame(f.OPEN, f.place(NEVER, 443), stream=f.FIRST)
DEAD = f.frame(f.OPEN, f.place("127.0.0.1", 1), stream=f.FIRST)

# What the guest says, and the words that must be in the reason.
HOSTILE = [
    ("an unknown stream", f.frame(f.OPEN, f.place(NEVER, 443), stream=15), "cannot be about"),
    ("one past the last", f.frame(f.OPEN, f.place(NEVER, 443), stream=f.FIRST + AT_ONCE + SLACK),
     "no such connection"),
    ("far past the last", f.frame(f.OPEN, f.place(NEVER, 443), stream=65535), "cannot be about"),
    ("OPEN of stdout", f.frame(f.OPEN, f.place(NEVER, 443), stream=f.STDOUT), "cannot be about"),
    ("short OPEN", f.frame(f.OPEN, f.place(NEVER, 443)[:-1], stream=f.FIRST), "too short"),
    ("long OPEN", f.frame(f.OPEN, f.place(NEVER, 443) + b"x", stream=f.FIRST), "too long"),
    ("OPEN with a flag", f.frame(f.OPEN, f.place(NEVER, 443), stream=f.FIRST, flags=f.CUT),
     "unknown flag"),
    ("port 0", f.frame(f.OPEN, f.place(NEVER, 0), stream=f.FIRST), "no port"),
    ("a number in OPEN", f.frame(f.OPEN, f.place(NEVER, 443, 1), stream=f.FIRST), "no port"),
    ("OPEN twice", DEAD * 2, "there already"),
    ("DATA of none", f.frame(f.DATA, b"x", stream=f.FIRST), "no such connection"),
    ("EOF of none", f.frame(f.EOF, stream=f.FIRST), "no such connection"),
    ("WINDOW of none", f.frame(f.WINDOW, b"\1\0\0\0", stream=f.FIRST), "no such connection"),
    ("CLOSE of none", f.frame(f.CLOSE, stream=f.FIRST), "no such connection"),
    ("RESET of a connection", DEAD + f.frame(f.RESET, stream=f.FIRST), "cannot be about"),
    ("CLOSE of stdout", f.frame(f.CLOSE, stream=f.STDOUT), "cannot be about"),
    ("CLOSE before both ends", DEAD + f.frame(f.CLOSE, stream=f.FIRST), "have not ended"),
    ("CLOSE with another flag", DEAD + f.frame(f.CLOSE, stream=f.FIRST, flags=1), "unknown flag"),
    ("EOF of one twice", DEAD + f.frame(f.EOF, stream=f.FIRST) * 2, "twice"),
    ("DATA after its EOF", DEAD + f.frame(f.EOF, stream=f.FIRST)
     + f.frame(f.DATA, b"x", stream=f.FIRST), "after the end"),
    ("more than its window", DEAD + f.frame(f.DATA, b"x" * 32768, stream=f.FIRST) * 64,
     "more than its window"),
    ("a window for nothing", DEAD + f.frame(f.WINDOW, b"\1\0\0\0", stream=f.FIRST),
     "more than was sent"),
    ("OPEN after USAGE", USAGE + OPEN, "after the end of the worker"),
    ("ASK after USAGE", USAGE + f.frame(f.ASK, f.place(NEVER, 53) + b"x"),
     "after the end of the worker"),
    ("ASK of another port", f.frame(f.ASK, f.place(NEVER, 54) + b"x"), "another port"),
    ("ASK without a number", f.frame(f.ASK, f.place(NEVER, 53, 64) + b"x"), "no question"),
    ("empty ASK", f.frame(f.ASK, f.place(NEVER, 53)), "too short"),
    ("long ASK", f.frame(f.ASK, f.place(NEVER, 53) + bytes(4097)), "too long"),
    ("ASK of a connection", f.frame(f.ASK, f.place(NEVER, 53) + b"x", stream=f.FIRST),
     "cannot be about"),
]


class Hostile(Network):
    def check(self, data, words):
        guest = self.started()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            guest.say(data)
        step, detail, code = self.failure(guest)
        self.assertEqual((step, code), ("channel", errno.EPROTO))
        self.assertIn(words, detail)

    def test_before_the_worker(self):
        guest = self.guest(connections=AT_ONCE)
        guest.say(f.hello())
        guest.specification()
        guest.say(OPEN)
        self.assertIn("before the worker", self.failure(guest)[1])

    def test_opens_and_closes_without_end(self):
        """Nothing of them stays."""
        guest = self.started()
        before = len(os.listdir(f"/proc/{guest.keeper.pid}/fd"))
        for _ in range(300):
            guest.say(DEAD, f.frame(f.CLOSE, stream=f.FIRST, flags=f.CUT))
            self.assertEqual(self.next(guest)[0], f.CLOSE)
        stream, end = self.open(guest)
        guest.say(f.frame(f.DATA, b"alive", stream=stream))
        self.assertEqual(end.recv(10), b"alive")
        self.assertLessEqual(len(os.listdir(f"/proc/{guest.keeper.pid}/fd")), before + 1)

    def test_a_flood_does_not_keep_the_supervisor_out(self):
        guest = self.started()
        guest.channel.setblocking(False)
        ask = f.frame(f.ASK, f.place("127.0.0.77", 53, 1) + bytes(1000)) * 50
        deadline, rest = time.monotonic() + 1, ask
        while time.monotonic() < deadline:
            with contextlib.suppress(BlockingIOError):
                rest = rest[guest.channel.send(rest):] or ask
        guest.keeper.control.close()
        self.assertTrue(gone(guest.emulator_pidfd))


for _name, *_case in HOSTILE:
    setattr(Hostile, "test_" + _name.replace(" ", "_"),
            lambda self, case=tuple(_case): self.check(*case))


class Confined(Network):
    """Calls of kastellan-vm's, made for it by a debugger's hand, would need rights over it: so what it
    may is read of its filter's effects, and what it is limited to of /proc."""

    def test_descriptors_have_an_end(self):
        guest = self.started()
        limit = 16 + 64 + AT_ONCE + SLACK
        self.assertEqual(resource.prlimit(guest.keeper.pid, resource.RLIMIT_NOFILE), (limit, limit))

    def test_the_emulator_makes_no_socket(self):
        guest = self.started()
        with open(f"/proc/{guest.emulator}/status", encoding="ascii") as file:
            self.assertIn("Seccomp:\t2", file.read())
        without = self.guest()
        with open(f"/proc/{without.emulator}/status", encoding="ascii") as file:
            self.assertIn("Seccomp:\t0", file.read())


if __name__ == "__main__":
    unittest.main()
