# SPDX-License-Identifier: Apache-2.0
"""kastellan-vm with an emulator whose guest comes by a vsock. The emulator is a stand-in that connects
as Firecracker would, and hands the connections to the test, which is the guest."""
import contextlib
import errno
import os
import socket
import sys
import tempfile
import time

import driver
import frames as f
import init_driver as d
import test_keeper
from test_keeper import HERE, SPEC, USAGE, EXIT, Case, gone


class Guest(test_keeper.Guest):
    """files: kastellan-files is the test as well, at self.server."""

    def __init__(self, files=False, **limits):
        self.place = tempfile.TemporaryDirectory(prefix="ks-vsock-")
        self.path = os.path.join(self.place.name, "vsock")
        path = os.path.join(self.place.name, "emulator")
        self.server, theirs = socket.socketpair() if files else (None, None)
        argv = [sys.executable, "-I", os.path.join(HERE, "stand_in.py"), path, "--vsock", self.path]
        self.keeper = driver.Keeper(argv, SPEC, vsock=self.path,
                                    files=theirs.fileno() if files else None, **limits)
        if files:
            theirs.close()
        lent = self.adopt(path)
        self.channel = socket.socket(fileno=lent[0])
        self.files = socket.socket(fileno=lent[1]) if files else None
        self.reader = f.Reader(self.channel)

    def end(self):
        for one in (self.files, self.server):
            if one:
                one.close()
        super().end()


class Vsock(Case):
    def guest(self, *_, **kwargs):
        guest = Guest(**kwargs)
        self.addCleanup(guest.end)
        return guest

    def test_a_whole_life(self):
        guest = self.guest()
        guest.start()
        guest.say(f.frame(f.DATA, b"out", stream=f.STDOUT), USAGE, EXIT)
        self.assertEqual(guest.keeper.read(1), b"out")
        self.assertEqual(guest.keeper.await_(d.EXIT).value, 7 << 8)
        self.assertEqual(guest.keeper.wait(), 0)
        self.assertTrue(gone(guest.emulator_pidfd))

    def test_files_are_passed_on_both_ways_as_they_are(self):
        guest = self.guest(files=True)
        guest.start()
        for one, other in ((guest.files, guest.server), (guest.server, guest.files)):
            data = os.urandom(3 << 20)
            got = b""
            sent = 0
            one.setblocking(False)
            other.settimeout(10)
            while len(got) < len(data):
                with contextlib.suppress(BlockingIOError):
                    sent += one.send(data[sent:sent + 100000])
                if sent > len(got):
                    got += other.recv(1 << 16)
            one.setblocking(True)
            self.assertEqual(got, data)
        # The channel went on meanwhile, and does with a server that takes nothing.
        guest.files.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                guest.files.send(bytes(65536))
        guest.say(f.frame(f.DATA, b"still", stream=f.STDOUT))
        self.assertEqual(guest.keeper.read(1, 5), b"still")

    def test_the_end_of_either_side_of_the_files_is_the_others(self):
        for ends in (False, True):
            guest = self.guest(files=True)
            guest.start()
            one, other = (guest.files, guest.server) if ends else (guest.server, guest.files)
            one.shutdown(socket.SHUT_RDWR)
            one.close()
            other.settimeout(10)
            self.assertEqual(other.recv(1), b"")
            guest.say(USAGE, EXIT)
            guest.keeper.await_(d.EXIT)

    def test_each_door_is_for_one(self):
        guest = self.guest(files=True)
        guest.start()
        for port in (1024, 1025):
            with socket.socket(socket.AF_UNIX) as second:
                deadline = time.monotonic() + 10
                while second.connect_ex(f"{guest.path}_{port}") == 0:
                    second.close()
                    second = socket.socket(socket.AF_UNIX)
                    self.assertLess(time.monotonic(), deadline, "the door stays open")
        with socket.socket(socket.AF_UNIX) as second:
            self.assertEqual(second.connect_ex(f"{guest.path}_1026"), errno.ENOENT)

    def test_what_it_gets(self):
        self.assertEqual(self.guest().emulator_fds, [0, 1, 2, 6])
        self.assertEqual(self.guest(files=True).emulator_fds, [0, 1, 2, 6])

    def test_the_workers_connections_are_carried(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            guest = self.guest(files=True, connections=4)
            guest.start()
            guest.say(f.frame(f.OPEN, f.place("127.0.0.1", server.getsockname()[1]), stream=f.FIRST),
                      f.frame(f.DATA, b"up", stream=f.FIRST))
            end, _ = server.accept()
            with end:
                end.settimeout(20)
                self.assertEqual(end.recv(10), b"up")
                end.sendall(b"down")
                while (found := guest.reader.take(20))[0] != f.DATA:
                    pass
        self.assertEqual(found, (f.DATA, 0, f.FIRST, b"down"))

    def test_without_a_network_it_has_no_connection(self):
        guest = self.guest()
        guest.start()
        guest.say(f.frame(f.OPEN, f.place("127.0.0.1", 1), stream=f.FIRST))
        self.assertEqual(self.failure(guest)[0], "channel")

    def test_the_emulator_has_local_sockets_alone_where_its_jail_has_a_network(self):
        refused = errno.EAFNOSUPPORT
        self.assertEqual(self.guest(connections=4).emulator_sockets,
                         {str(socket.AF_UNIX): 0, str(socket.AF_INET): refused,
                          str(socket.AF_INET6): refused, str(socket.AF_VSOCK): refused})
        # The control: here no jail stands before what kastellan-vm does not forbid.
        self.assertEqual(self.guest().emulator_sockets[str(socket.AF_INET)], 0)

    def test_it_dies_with_the_supervisor(self):
        for prelude in (test_keeper.booting, test_keeper.started):
            guest = self.guest()
            prelude(guest)
            guest.keeper.control.close()
            self.assertTrue(gone(guest.emulator_pidfd))
            self.assertEqual(guest.keeper.wait(), 0)

    def test_a_hostile_frame(self):
        guest = self.guest()
        guest.start()
        guest.say(f.frame(99))
        self.assertEqual(self.failure(guest)[0], "channel")

    def test_doors_that_cannot_be_made(self):
        for path, words in (("/not/there/vsock", "/not/there/vsock_1024"), ("/" + "x" * 120, "xxx")):
            keeper = driver.Keeper(["/bin/true"], SPEC, vsock=path)
            self.addCleanup(keeper.end)
            step, detail, _ = keeper.receive(10).failure
            self.assertEqual(step, "machine")
            self.assertIn(words, detail)
        with self.subTest("a relative path"):
            keeper = driver.Keeper(["/bin/true"], SPEC, vsock="vsock")
            self.addCleanup(keeper.end)
            self.assertIn("no absolute path", keeper.receive(10).failure[1])


# Status, what is said of it, errno.
EXITS = [
    (0, "the guest ended", errno.ECONNABORTED),  # another may come up
    (1, "could not make the machine", errno.ECONNRESET),
    (2, "impossible", errno.ECONNRESET),
    (148, "filter", errno.EPERM),
    (149, "SIGBUS", errno.ENOMEM),
    (150, "SIGSEGV", errno.ECONNRESET),
    (151, "SIGXFSZ", errno.EFBIG),
    (152, "configuration", errno.EINVAL),
    (153, "arguments", errno.EINVAL),
    (154, "SIGXCPU", errno.ETIME),
    (155, "SIGPIPE", errno.EPIPE),
    (156, "SIGHUP", errno.ECONNRESET),
    (157, "SIGILL", errno.EOPNOTSUPP),
]


class Exits(Case):
    def exits(self, status, **kwargs):
        with tempfile.TemporaryDirectory(prefix="ks-vsock-") as place:
            if kwargs.pop("vsock", True):
                kwargs["vsock"] = os.path.join(place, "vsock")
            keeper = driver.Keeper(["/bin/sh", "-c", f"echo Error: told >&2; exit {status}"], SPEC,
                                   **kwargs)
            self.addCleanup(keeper.end)
            return keeper.receive(20).failure

    def test_each_has_its_words(self):
        for status, words, code in EXITS:
            step, detail, number = self.exits(status)
            self.assertEqual((step, number), ("machine", code), status)
            self.assertIn(f"before its worker started: the emulator exited with status {status} (",
                          detail)
            self.assertIn(words, detail)
            self.assertIn("Error: told", detail)

    def test_another_number_is_told_as_it_is(self):
        step, detail, number = self.exits(3)
        self.assertEqual((step, number), ("machine", errno.ECONNRESET))
        self.assertIn("status 3: Error: told", detail)

    def test_the_words_are_of_firecracker_alone(self):
        self.assertNotIn("configuration", self.exits(152, vsock=False)[1])
