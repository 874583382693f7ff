#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The laboratory's own logic, without a guest: a runner that reports too little success is a
nuisance, one that reports too much is worse."""

import io
import lzma
import pathlib
import struct
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "payload")]

import harness  # noqa: E402
from vmlab import cache, guests, kernel, tap  # noqa: E402

GOOD = "ok 1 - one\n# about one\nnot ok 2 - two # TODO later\n1..2\n"


def names(output, status, errors=""):
    return [(ok, name) for ok, name, _ in tap.entries("g/u", output, status, errors)]


class Entries(unittest.TestCase):
    def bad(self, output, status, word):
        ok, name = names(output, status)[-1]
        self.assertFalse(ok)
        self.assertIn(word, name)

    def test_good(self):
        found = tap.entries("g/u", GOOD, 0, "")
        self.assertEqual(found, [
            (True, "g/u: one", ["about one"]), (False, "g/u: two # TODO later", []),
        ])

    def test_failure_is_kept(self):
        self.assertEqual(names("not ok 1 - one\n1..1\n", 1), [(False, "g/u: one")])

    def test_nothing_at_all(self):
        self.bad("", None, "did not run")
        self.bad("", 0, "no plan")
        self.bad("1..0\n", 0, "no test")

    def test_cut_short(self):
        self.bad("ok 1 - one\n", 0, "no plan")
        self.bad("1..3\nok 1 - one\n", 0, "planned 3")

    def test_status(self):
        self.bad("ok 1 - one\n1..1\n", 1, "exit status 1")
        self.bad("ok 1 - one\n1..1\n", 124, "in time")

    def test_report(self):
        stream = io.StringIO()
        report = tap.Report(stream)
        report.add([(True, "a", []), (False, "b # SKIP no", []), (False, "c # TODO", ["why"])])
        self.assertEqual(report.end(), 0)
        report.add([(False, "d", [])])
        self.assertEqual(report.end(), 1)
        self.assertEqual(stream.getvalue().splitlines(), [
            "ok 1 - a", "not ok 2 - b # SKIP no", "not ok 3 - c # TODO", "# why", "1..3",
            "not ok 4 - d", "1..4",
        ])


class Kernel(unittest.TestCase):
    def test_bzimage(self):
        elf = b"\x7fELF" + b"kernel" * 1000
        packed = lzma.compress(elf)
        image = bytearray(4096)
        image[0x1F1] = 3
        image[0x202:0x206] = b"HdrS"
        image[0x248:0x250] = struct.pack("<II", 16, len(packed) + 4)
        image[2048 + 16:] = packed + b"size"
        self.assertEqual(kernel.vmlinux(bytes(image)), elf)
        with self.assertRaises(cache.Unavailable):
            kernel.vmlinux(bytes(4096))

    def test_cpio(self):
        archive = kernel.Cpio()
        archive.add("a", 0o100644, b"12345")
        data = archive.end()
        self.assertEqual(len(data) % 4, 0)
        self.assertEqual(data[:6], b"070701")
        self.assertEqual(int(data[54:62], 16), 5)
        self.assertIn(b"12345" + b"\0" * 3 + b"070701", data)


class Payload(unittest.TestCase):
    def test_every_row_of_the_table_is_known(self):
        import test_host
        for guest in guests.GUESTS:
            self.assertTrue(guest.name == "sid" or guest.name in test_host.KERNELS)
        self.assertTrue(any(guest.default for guest in guests.GUESTS))

    def test_only(self):
        @harness.only(guests=("a",), users=("root",))
        def one(_):
            """One."""

        for guest, user, wanted in (("a", "root", True), ("b", "root", False),
                                    ("a", "worker", False)):
            self.assertEqual(harness.Suite(guest, user)._wants(one), wanted)


if __name__ == "__main__":
    unittest.main()
