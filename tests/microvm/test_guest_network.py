# SPDX-License-Identifier: Apache-2.0
"""The network of a guest from the worker to kastellan-vm's end, on real machines. What would be the
egress proxy's is this test's: an address of the host itself, and one of the loopback."""
import socket
import struct
import threading
import unittest

import driver
import init_driver as d
import name_port
from test_guest import Case


def own_address():
    """One that is not the loopback's, so that the worker's connections are diverted."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return probe.getsockname()[0]
        except OSError:
            return None


def answer(question):
    """203.0.113.9 to whoever asks for an address of IPv4; nothing else is known."""
    end = question.index(b"\0", 12) + 5
    found = question[end - 4:end - 2] == b"\0\1"
    record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton("203.0.113.9")
    return (question[:2] + struct.pack("!5H", 0x8180, 1, int(found), 0, 0) + question[12:end]
            + (record if found else b""))


class Network(Case):
    def setUp(self):
        self.server = socket.create_server(("0.0.0.0", 0), backlog=64)
        self.server.settimeout(120)
        self.addCleanup(self.server.close)
        self.port = self.server.getsockname()[1]

    def worker(self, script, *, loopback=()):
        spec = driver.spec(["sh", "-c", script])
        spec.add("EGRESS", struct.pack("=H", 443))
        for port in loopback:
            spec.add("LOOPBACK", bytes(10) + b"\xff\xff\x7f\0\0\1" + struct.pack("=II", port, 0))
        keeper = self.machine([], spec=spec, connections=16)
        keeper.go()
        return keeper

    def end(self, keeper):
        """(status, stdout) of one that has ended."""
        status, _ = self.outcome(keeper, 120)
        return status, keeper.read(1)

    def accept(self):
        end, _ = self.server.accept()
        self.addCleanup(end.close)
        end.settimeout(60)
        return end

    def echo(self, end):
        with end:
            while data := end.recv(65536):
                end.sendall(data)

    def test_an_address_of_the_loopback(self):
        keeper = self.worker(f"echo ping | nc 127.0.0.1 {self.port}", loopback=[self.port])
        with self.accept() as end:
            self.assertEqual(end.recv(100), b"ping\n")
            end.sendall(b"pong\n")
        self.assertEqual(self.end(keeper), (0, b"pong\n"))

    def test_any_address_and_port(self):
        address = own_address()
        if not address:
            self.skipTest("host: no address but the loopback's")
        keeper = self.worker(f"dd if=/dev/urandom bs=50000 count=100 of=/tmp/x 2>/dev/null; "
                             f"nc {address} {self.port} </tmp/x | sha256sum; sha256sum /tmp/x")
        end = self.accept()
        thread = threading.Thread(target=self.echo, args=(end,))
        thread.start()
        status, text = self.end(keeper)
        thread.join()
        one, other = (line.split()[0] for line in text.decode().splitlines())
        self.assertEqual((status, one), (0, other))

    def test_nobody_listens_there(self):
        keeper = self.worker("nc 127.0.0.1 1 </dev/null 2>/dev/null; echo $?")
        self.assertEqual(self.end(keeper), (0, b"1\n"))

    def test_names(self):
        names = name_port.take(self, 120)
        keeper = self.worker(f"nslookup one.example.com {name_port.ADDRESS}")
        data = b""
        for _ in range(2):
            data, peer = names.recvfrom(512)
            self.assertIn(b"\3one\7example\3com\0", data)
            names.sendto(answer(data), peer)
        status, text = self.end(keeper)
        self.assertEqual(status, 0, text)
        self.assertIn(b"203.0.113.9", text)


if __name__ == "__main__":
    unittest.main()
