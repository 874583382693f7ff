#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The real resolver against a host whose names are known:
test_egress_resolver.py EGRESS_RESOLVE KASTELLAN_NAMES.

The test starts itself anew in namespaces of its own, with an /etc and a name server of its own, and
asks through the program egress_resolve."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

INSIDE = "--inside"
PROGRAM = None
NAMES = None
DIRECTORY = None
SERVER = None

HOSTS = """127.0.0.1 localhost
192.0.2.80 listed.example listed
"""
ZONE = {
    "plain.example": ["198.51.100.1"],
    "dual.example": ["2001:db8::7", "198.51.100.2"],
    "many.example": [f"198.51.100.{n}" for n in range(1, 41)],
    "twice.example": ["198.51.100.3", "198.51.100.3", "198.51.100.4"],
    "private.example": ["10.0.0.5", "127.0.0.1", "::ffff:10.0.0.6"],
    "silent.example": "silent",
    "broken.example": "servfail",
    "empty.example": [],
    "large.example": ("truncated", ["198.51.100.9"]),
}
EAI_NONAME, EAI_AGAIN, EAI_NODATA = -2, -3, -5


def write(path, text):
    """Under a new inode, as a service writes its file."""
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(text)
    os.replace(path + ".new", path)


def is_sanitized():
    """Then it has no filter of system calls, and cannot look for leaks once it is confined."""
    with open(PROGRAM, "rb") as file:
        return b"__asan_init" in file.read()


class Resolver:
    def __init__(self, *arguments):
        environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"} if arguments else None
        self.process = subprocess.Popen([PROGRAM, NAMES, *arguments], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, bufsize=1,
                                        env=environment)
        word, number = self.process.stdout.readline().split()
        assert word == "pid"
        self.pid = int(number)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def put(self, ticket, name):
        self.process.stdin.write(f"{ticket} {name}\n")

    def take(self):
        ticket, error, *addresses = self.process.stdout.readline().split()
        return int(ticket), int(error), addresses

    def ask(self, name):
        self.put(1, name)
        ticket, error, addresses = self.take()
        assert ticket == 1
        return error, addresses


class Names(unittest.TestCase):
    def check(self, name, error, addresses):
        for arguments in ([], ["confined"]):
            with Resolver(*arguments) as resolver:
                self.assertEqual(resolver.ask(name), (error, addresses))

    def test_hosts_file(self):
        self.check("listed.example", 0, ["192.0.2.80"])
        self.check("listed", 0, ["192.0.2.80"])
        self.assertNotIn("listed.example", [name for name, _ in SERVER.asked])

    def test_name_server(self):
        self.check("plain.example", 0, ["198.51.100.1"])

    def test_unreachable_family_is_last(self):
        self.check("dual.example", 0, ["198.51.100.2", "2001:db8::7"])

    def test_sixteen_at_most(self):
        with Resolver() as resolver:
            error, addresses = resolver.ask("many.example")
        self.assertEqual((error, len(addresses), len(set(addresses))), (0, 16, 16))

    def test_each_once(self):
        with Resolver() as resolver:
            error, addresses = resolver.ask("twice.example")
        self.assertEqual((error, sorted(addresses)), (0, ["198.51.100.3", "198.51.100.4"]))

    def test_forbidden_ones_are_told(self):
        # Whoever dials judges them, and has to see them for that.
        with Resolver() as resolver:
            error, addresses = resolver.ask("private.example")
        self.assertEqual(error, 0)
        self.assertEqual(sorted(addresses), ["10.0.0.5", "127.0.0.1", "::ffff:10.0.0.6"])

    def test_failures(self):
        self.check("missing.example", EAI_NONAME, [])
        self.check("broken.example", EAI_AGAIN, [])
        with Resolver() as resolver:
            self.assertIn(resolver.ask("empty.example"), [(EAI_NODATA, []), (EAI_NONAME, [])])

    def test_large_answers_by_tcp(self):
        self.check("large.example", 0, ["198.51.100.9"])
        self.assertIn("large.example", [name for name, _ in SERVER.tcp_asked])

    def test_slow_names_hold_up_nobody(self):
        with Resolver("confined") as resolver:
            for ticket in range(3):
                resolver.put(ticket, "silent.example")
            for ticket in range(10, 30):
                resolver.put(ticket, "plain.example")
            answers = [resolver.take() for _ in range(20)]
        self.assertEqual(answers, [(n, 0, ["198.51.100.1"]) for n in range(10, 30)])

    def test_new_settings_are_seen(self):
        # Often enough that each of its threads has answered with the old ones.
        with Resolver("confined") as resolver:
            for _ in range(40):
                self.assertEqual(resolver.ask("plain.example"), (0, ["198.51.100.1"]))
            write("/run/names/resolv.conf", "nameserver 127.0.0.2\n")
            try:
                for _ in range(40):
                    self.assertEqual(resolver.ask("plain.example"), (0, ["203.0.113.1"]))
            finally:
                write("/run/names/resolv.conf", "nameserver 127.0.0.1\n")

    def test_modules_are_loaded(self):
        with Resolver("confined") as resolver:
            with open(f"/proc/{resolver.pid}/maps", encoding="ascii") as file:
                self.assertNotIn("libnss_hesiod", file.read())
            resolver.ask("missing.example")
            with open(f"/proc/{resolver.pid}/maps", encoding="ascii") as file:
                self.assertIn("libnss_hesiod", file.read())


class Life(unittest.TestCase):
    def gone(self, pid, seconds=30):
        end = time.monotonic() + seconds
        while True:
            try:
                with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                    if file.read().rsplit(")", 1)[1].split()[0] in "ZX":
                        return True
            except OSError:
                return True
            if time.monotonic() > end:
                return False
            time.sleep(0.005)

    def test_ends_with_the_proxy(self):
        for kind in (signal.SIGKILL, signal.SIGTERM):
            for busy in (False, True):
                with Resolver() as resolver:
                    self.assertFalse(self.gone(resolver.pid, 0.05))
                    for ticket in range(6 if busy else 0):
                        resolver.put(ticket, "silent.example")
                    time.sleep(0.1)
                    resolver.process.send_signal(kind)
                    resolver.process.wait()
                    self.assertTrue(self.gone(resolver.pid))

    def test_confined_proxy_ends_it(self):
        # Questions are under way, and the proxy may signal nobody. One of several ends is quick
        # also where others keep the machine busy; none would be that waits for its patience's end.
        taken = []
        for _ in range(5):
            with Resolver("confined") as resolver:
                resolver.put(1, "plain.example")
                self.assertEqual(resolver.take()[0], 1)
                resolver.process.stdin.close()
                start = time.monotonic()
                self.assertEqual(resolver.process.wait(), 0)
                self.assertTrue(self.gone(resolver.pid))
                taken.append(time.monotonic() - start)
        self.assertLess(min(taken), 0.15)

    def status(self, resolver):
        with open(f"/proc/{resolver.pid}/status", encoding="ascii") as file:
            return dict(line.rstrip("\n").split(":\t", 1) for line in file)

    def test_waits_without_threads_and_privileges(self):
        with Resolver() as resolver:
            deadline = time.monotonic() + 5
            while self.status(resolver)["CapEff"].strip("0") and time.monotonic() < deadline:
                time.sleep(0.01)
            status = self.status(resolver)
            self.assertEqual(status["CapEff"].strip("0"), "")
            self.assertEqual(status["NoNewPrivs"], "1")
            self.assertEqual(status["Threads"], "1")
            # Its end does not need what only a question would.
            resolver.process.stdin.close()
            resolver.process.wait()
            self.assertTrue(self.gone(resolver.pid))

    def test_state(self):
        with Resolver() as resolver:
            self.assertEqual(resolver.ask("listed")[0], 0)
            deadline = time.monotonic() + 5  # the first answer need not wait for the last thread
            while self.status(resolver)["Threads"] != "5" and time.monotonic() < deadline:
                time.sleep(0.01)
            status = self.status(resolver)
            self.assertEqual(status["Seccomp"], "0" if is_sanitized() else "2")
            self.assertEqual(status["NoNewPrivs"], "1")
            self.assertEqual(status["CapEff"].strip("0"), "")
            self.assertEqual(status["Threads"], "5")
            self.assertEqual(sorted(map(int, os.listdir(f"/proc/{resolver.pid}/fd"))), [0, 1, 2, 3])
            for fd in range(3):
                self.assertEqual(os.readlink(f"/proc/{resolver.pid}/fd/{fd}"), "/dev/null")


def set_scene():
    etc = os.path.join(DIRECTORY, "etc")
    os.mkdir(etc)
    write(os.path.join(etc, "hosts"), HOSTS)
    write(os.path.join(etc, "nsswitch.conf"), "hosts: files hesiod dns\n")
    os.symlink("../run/names/resolv.conf", os.path.join(etc, "resolv.conf"))
    # An address gives a route to the neighbours of the names; IPv6 has none.
    for command in (["ip", "link", "set", "lo", "up"],
                    ["ip", "address", "add", "198.51.100.200/24", "dev", "lo"],
                    ["ip", "address", "add", "192.0.2.200/24", "dev", "lo"], ["mount", "-t", "tmpfs", "run", "/run"],
                    ["mount", "--bind", etc, "/etc"]):
        subprocess.run(command, check=True)
    os.mkdir("/run/names")
    write("/run/names/resolv.conf", "nameserver 127.0.0.1\n")


def inside():
    global PROGRAM, NAMES, DIRECTORY, SERVER
    from name_server import NameServer

    PROGRAM, NAMES, DIRECTORY = sys.argv[2:5]
    set_scene()
    SERVER = NameServer("127.0.0.1", ZONE)
    NameServer("127.0.0.2", {"plain.example": ["203.0.113.1"]})
    unittest.main(argv=sys.argv[:1] + sys.argv[5:], verbosity=2)


def main():
    programs = [os.path.abspath(program) for program in sys.argv[1:3]]
    with tempfile.TemporaryDirectory() as directory:
        return subprocess.run(["unshare", "--user", "--map-root-user", "--net", "--mount", "--pid",
                               "--fork", "--mount-proc", sys.executable, __file__, INSIDE, *programs,
                               directory, *sys.argv[3:]], check=False).returncode


if __name__ == "__main__":
    sys.exit(inside() if sys.argv[1] == INSIDE else main())
