#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`kastellan egress` from one end to the other: test_egress_command.py KASTELLAN KASTELLAN_EGRESS.

The test starts itself anew in namespaces of its own; names and services are those of that host.
curl and sockets of the test come through the doors."""

import json
import os
import signal
import socket
import ssl
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

INSIDE = "--inside"
KASTELLAN = EGRESS = DIRECTORY = None
HOSTS = "127.0.0.1 localhost\n127.0.0.1 service.example\n127.0.0.1 other.example\n"
NAMES = {"web": 80, "tls": 443, "other": 8081}


class Service:
    """Answers what it is sent with "pong " and the length, and keeps it."""

    def __init__(self, port):
        self.heard = []
        self.socket = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            peer, _ = self.socket.accept()
            threading.Thread(target=self.answer, args=(peer,), daemon=True).start()

    def answer(self, peer):
        with peer:
            while True:
                try:
                    said = peer.recv(4096)
                    if not said:
                        return
                    self.heard.append(said)
                    if said.startswith(b"GET"):
                        peer.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\npong")
                        return
                    peer.sendall(b"pong %d" % len(said))
                except OSError:
                    return


SERVICES = {}
REACHED = ["--net", "service.example:80", "--net", "service.example:443", "--net", "127.0.0.1:80",
           "--net", "127.0.0.1:443"]


class Door:
    """A `kastellan egress` that runs."""

    def __init__(self, *arguments, listen=("127.0.0.1:0",), net=REACHED, **options):
        words = [word for where in listen for word in ("--listen", where)]
        self.process = subprocess.Popen(
            [KASTELLAN, "egress", *words, *net, *arguments], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env={"KASTELLAN_EGRESS": EGRESS}, **options)
        self.places = []
        for _ in listen:
            line = self.process.stdout.readline()
            if not line:
                raise AssertionError(f"it did not start: {self.process.stderr.read()}")
            assert line.startswith("listening on "), line
            self.places.append(line.removeprefix("listening on ").strip())

    @property
    def port(self):
        return int(self.places[0].rsplit(":", 1)[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def end(self, kind=signal.SIGTERM, timeout=10):
        """Its exit status and what it said."""
        self.process.send_signal(kind)
        _, said = self.process.communicate(timeout=timeout)
        return self.process.returncode, said

    def connect(self, index=0):
        place = self.places[index]
        family = socket.AF_UNIX if place.startswith("unix:") else socket.AF_INET
        door = socket.socket(family)
        door.settimeout(10)
        try:
            door.connect(place.removeprefix("unix:") if family == socket.AF_UNIX else
                         ("127.0.0.1", int(place.rsplit(":", 1)[1])))
        except OSError:
            door.close()
            raise
        return door

    def ask(self, host, port, index=0):
        """By CONNECT: the socket, and the status; 0 where it was reset."""
        door, head = socket.socket(), b""
        request = f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n"
        try:
            door = self.connect(index)
            door.sendall(request.encode())
            while b"\r\n\r\n" not in head and (part := door.recv(1)):
                head += part
        except (BrokenPipeError, ConnectionResetError):
            return door, 0
        return door, int(head.split()[1]) if head else 0

    def status(self, *arguments):
        door, status = self.ask(*arguments)
        door.close()
        return status

    def curl(self, proxy, url, *arguments):
        return subprocess.run(["curl", "-sS", "--max-time", "10", "-p", "-x", proxy, *arguments,
                               url], capture_output=True, text=True, env={}, check=False)


def socks(door, host, port):
    """The reply's code."""
    door.sendall(b"\5\1\0")
    assert door.recv(2) == b"\5\0"
    name = host.encode()
    door.sendall(b"\5\1\0\3" + bytes([len(name)]) + name + struct.pack("!H", port))
    return door.recv(10)[1]


def proxies_of(pid):
    """The proxy of a command, and its resolver."""
    def children(parent):
        with open(f"/proc/{parent}/task/{parent}/children", encoding="ascii") as file:
            return [int(child) for child in file.read().split()]

    proxy, = children(pid)
    resolver, = children(proxy)
    return proxy, resolver


def is_gone(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True


def eventually(condition, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False


def is_sanitized(program):
    """Then it has no filter of system calls."""
    with open(program, "rb") as file:
        return b"__asan_init" in file.read()


def hello(name):
    """The first bytes of a TLS client."""
    context = ssl.create_default_context()
    context.check_hostname = False
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing, server_hostname=name)
    try:
        session.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


class Doors(unittest.TestCase):
    def test_connect(self):
        with Door() as door:
            done = door.curl(f"http://127.0.0.1:{door.port}", "http://service.example/")
            self.assertEqual((done.returncode, done.stdout), (0, "pong"), done.stderr)

    def test_socks(self):
        with Door() as door:
            for url in ("http://service.example/", "http://127.0.0.1/"):
                done = door.curl(f"socks5h://127.0.0.1:{door.port}", url)
                self.assertEqual((done.returncode, done.stdout), (0, "pong"), done.stderr)

    def test_both_on_every_door(self):
        path = os.path.join(DIRECTORY, "both")
        with Door(listen=[f"unix:{path}", "127.0.0.1:0", "[::1]:0"]) as door:
            self.assertEqual(door.places[0], f"unix:{path}")
            self.assertTrue(door.places[2].startswith("[::1]:"))
            for index in (0, 1):
                peer, status = door.ask("service.example", 80, index)
                with peer:
                    self.assertEqual(status, 200)
                    peer.sendall(b"ping")
                    self.assertEqual(peer.recv(64), b"pong 4")
                with door.connect(index) as peer:
                    self.assertEqual(socks(peer, "service.example", 80), 0)
                    peer.sendall(b"pi")
                    self.assertEqual(peer.recv(64), b"pong 2")

    def test_denied(self):
        with Door() as door:
            before = len(SERVICES["other"].heard)
            for host, port in (("other.example", 80), ("service.example", 8081),
                               ("127.0.0.1", 8081), ("127.0.0.2", 80), ("localhost", 80),
                               ("service.example.", 81)):
                self.assertEqual(door.status(host, port), 403, f"{host}:{port}")
                with door.connect() as peer:
                    self.assertEqual(socks(peer, host, port), 2, f"{host}:{port}")
            self.assertEqual(len(SERVICES["other"].heard), before)
            status, said = door.end()
        self.assertEqual(status, 0)
        self.assertIn("12 denied", said)
        self.assertIn("other.example, port 80: denied: no entry of the allowlist", said)
        self.assertIn("--net other.example:80, if it may go there", said)
        # The control: each of them answers where it is listed.
        with Door(net=["--net", "other.example:8081", "--net", "127.0.0.1:8081"]) as door:
            self.assertEqual(door.status("other.example", 8081), 200)
            self.assertEqual(door.status("127.0.0.1", 8081), 200)

    def test_name_to_own_address(self):
        # That the name is listed does not open this host to it.
        with Door(net=["--net", "service.example:80"]) as door:
            self.assertEqual(door.status("service.example", 80), 403)
            self.assertIn("service.example, port 80: denied: the name leads to an address",
                          door.end()[1])

    def reaches(self, door, name):
        peer, status = door.ask("service.example", 443)
        self.assertEqual(status, 200)
        with peer:
            peer.sendall(hello(name))
            try:
                return peer.recv(64).startswith(b"pong")
            except ConnectionResetError:
                return False

    def test_sni(self):
        with Door() as door:
            self.assertTrue(self.reaches(door, "service.example"))
            heard = len(SERVICES["tls"].heard)
            self.assertFalse(self.reaches(door, "other.example"))
            self.assertFalse(self.reaches(door, None))
            self.assertEqual(len(SERVICES["tls"].heard), heard)
        with Door("--sni", "off") as door:
            self.assertTrue(self.reaches(door, "other.example"))
            self.assertTrue(self.reaches(door, None))

    def test_connections(self):
        with Door("--connections", "1") as door:
            first, status = door.ask("service.example", 80)
            self.assertEqual(status, 200)
            try:
                with door.connect() as second:
                    second.sendall(b"\5\1\0")
                    self.assertEqual(second.recv(2), b"")
            except (BrokenPipeError, ConnectionResetError):
                pass
            first.close()
            self.assertTrue(eventually(lambda: door.status("service.example", 80) == 200))

    def test_idle(self):
        with Door("--idle", "300ms") as door:
            peer, status = door.ask("service.example", 80)
            self.assertEqual(status, 200)
            start = time.monotonic()
            with peer:
                try:
                    self.assertEqual(peer.recv(1), b"")
                except ConnectionResetError:
                    pass
            self.assertGreater(time.monotonic() - start, 0.2)

    def test_policy_file(self):
        path = os.path.join(DIRECTORY, "policy.json")
        with open(path, "w", encoding="ascii") as file:
            json.dump({"net": {"Allowlist": ["other.example:8081"]}, "egress": {"sni": "off"},
                       "fs_read": ["/nonexistent/is/not/looked/at"]}, file)
        with Door("--policy", path, net=["--net", "127.0.0.1:8081"]) as door:
            self.assertEqual(door.status("other.example", 8081), 200)
            self.assertEqual(door.status("service.example", 80), 403)


class Files(unittest.TestCase):
    def test_unix_socket(self):
        path = os.path.join(DIRECTORY, "door")
        with Door(listen=[f"unix:{path}"]) as door:
            found = os.lstat(path)
            self.assertTrue(stat.S_ISSOCK(found.st_mode))
            self.assertEqual(stat.S_IMODE(found.st_mode), 0o600)
            self.assertEqual(door.end()[0], 0)
        self.assertFalse(os.path.lexists(path))

    def test_foreign_files_stay(self):
        path = os.path.join(DIRECTORY, "foreign")
        with Door(listen=[f"unix:{path}"]) as door:
            os.unlink(path)
            with open(path, "w", encoding="ascii"):
                pass
            door.end()
        self.assertTrue(os.path.isfile(path))
        refused = refuse("--listen", f"unix:{path}", "--net", "a.example:1")
        self.assertIn("Address already in use", refused)
        self.assertTrue(os.path.isfile(path))

    def test_audit(self):
        path = os.path.join(DIRECTORY, "audit")
        with open(path, "w", encoding="ascii") as file:
            file.write("{}\n")
        with Door("--egress-audit", path) as door:
            door.status("service.example", 80)
            door.status("other.example", 80)
            self.assertEqual(door.end()[0], 0)
        with open(path, encoding="ascii") as file:
            lines = [json.loads(line) for line in file]
        self.assertEqual(lines[0], {})
        events = [(line["ev"], line.get("verdict")) for line in lines[1:]]
        self.assertEqual(events[0], ("policy", None))
        self.assertIn(("connect", "allow"), events)
        self.assertIn(("connect", "deny"), events)
        self.assertEqual(events[-1][0], "summary")
        self.assertEqual([line["seq"] for line in lines[1:]], list(range(1, len(lines))))

    def test_audit_descriptor(self):
        reading, writing = os.pipe()
        with Door("--egress-audit", f"fd:{writing}", pass_fds=[writing]) as door:
            os.close(writing)
            door.status("service.example", 80)
            door.end()
        with open(reading, encoding="ascii") as file:
            self.assertEqual(json.loads(file.readline())["ev"], "policy")


class Life(unittest.TestCase):
    def test_signals(self):
        # Nothing is under way, so nothing is waited for. One of several is quick also where others
        # keep the machine busy; none would be that waits as if there were connections.
        taken = []
        for kind in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            with Door() as door:
                door.status("service.example", 80)
                proxy, resolver = proxies_of(door.process.pid)
                start = time.monotonic()
                status, said = door.end(kind)
                self.assertEqual(status, 0, said)
                self.assertRegex(said, r"kastellan: 1 connections, \d+ bytes sent, \d+ received; "
                                       "0 denied")
                taken.append(time.monotonic() - start)
                self.assertTrue(is_gone(proxy) and eventually(lambda: is_gone(resolver)))
        self.assertLess(min(taken), 1.5)

    def test_open_connections_may_end(self):
        with Door() as door:
            peer, _ = door.ask("service.example", 80)
            start = time.monotonic()
            door.process.send_signal(signal.SIGTERM)
            time.sleep(0.2)
            peer.sendall(b"still")
            self.assertEqual(peer.recv(64), b"pong 5")
            self.assertRaises(ConnectionRefusedError, door.connect)
            self.assertEqual(door.process.wait(10), 0)
            self.assertLess(time.monotonic() - start, 20)
            peer.close()

    def test_second_signal(self):
        with Door() as door:
            peer, _ = door.ask("service.example", 80)
            door.process.send_signal(signal.SIGTERM)
            time.sleep(0.2)
            start = time.monotonic()
            status, said = door.end()
            self.assertEqual(status, 125)
            self.assertIn("second signal", said)
            self.assertLess(time.monotonic() - start, 1.7)
            peer.close()

    def test_owner_is_killed(self):
        with Door() as door:
            door.status("service.example", 80)
            pids = proxies_of(door.process.pid)
            self.assertFalse(any(map(is_gone, pids)))
            door.process.kill()
            for pid in pids:
                self.assertTrue(eventually(lambda pid=pid: is_gone(pid)))

    def test_proxy_is_killed(self):
        with Door() as door:
            proxy, resolver = proxies_of(door.process.pid)
            os.kill(proxy, signal.SIGKILL)
            _, said = door.process.communicate(timeout=10)
            self.assertEqual(door.process.returncode, 125)
            self.assertIn("ended without having been told to", said)
            self.assertTrue(eventually(lambda: is_gone(resolver)))

    def test_confined(self):
        with Door() as door:
            # The resolver is confined once there is something to resolve.
            door.status("service.example", 80)
            for pid in proxies_of(door.process.pid):
                with open(f"/proc/{pid}/status", encoding="ascii") as file:
                    status = dict(line.rstrip("\n").split(":\t", 1) for line in file)
                self.assertEqual((status["Seccomp"], status["NoNewPrivs"]),
                                 ("0" if is_sanitized(EGRESS) else "2", "1"))
                self.assertEqual(status["CapEff"].strip("0"), "")
                with open("/proc/self/uid_map", encoding="ascii") as file:
                    whole = file.read().split()[2] == "4294967295"
                if os.geteuid() == 0 and whole:
                    self.assertGreater(int(status["Uid"].split()[0]), 2 ** 30)
                    self.assertEqual(status["Groups"].strip(), "")


def refuse(*arguments):
    done = subprocess.run([KASTELLAN, "egress", *arguments], capture_output=True, text=True,
                          env={"KASTELLAN_EGRESS": EGRESS}, timeout=20, check=False)
    assert done.returncode == 125, done
    assert done.stdout == "", done
    return done.stderr


class Refused(unittest.TestCase):
    def test_places(self):
        for where, why in (("0.0.0.0:0", "not the loopback"), ("192.0.2.1:80", "not the loopback"),
                           ("[::]:0", "not the loopback"), ("[::ffff:127.0.0.1]:0", "loopback"),
                           ("localhost:80", "not understood"), ("::1:80", "not understood"),
                           ("127.0.0.1", "not understood"), ("127.0.0.1:x", "not understood"),
                           ("127.0.0.1:65536", "not understood"), ("unix:", "not understood"),
                           ("unix:" + 200 * "a", "at most 107 bytes"), ("", "not understood"),
                           ("unix:/nonexistent/door", "No such file"),
                           ("127.0.0.1:80", "Address already in use")):
            said = refuse("--listen", where, *REACHED)
            self.assertIn(why, said, where)
            self.assertIn("remedy: ", said, where)

    def test_arguments(self):
        listen = ("--listen", "127.0.0.1:0")
        for arguments, why in (((*REACHED,), "no place to listen"), (listen, "no endpoint"),
                               ((*listen, *REACHED, "word"), "one word too many"),
                               ((*listen, "--net", "a.example"), "port"),
                               ((*listen, *REACHED, "--sni", "on"), "write match or off"),
                               ((*listen, *REACHED, "--connections", "0"), "connections"),
                               ((*listen, *REACHED, "--idle", "x"), "not understood"),
                               ((*listen, *REACHED, "--egress-audit", "fd:77"), "not open"),
                               (listen * 9 + tuple(REACHED), "more than 8")):
            self.assertIn(why, refuse(*arguments), arguments)

    def test_quiet(self):
        self.assertEqual(refuse("--quiet", *REACHED), "")
        with Door("--quiet") as door:
            self.assertEqual(door.end(), (0, ""))

    def test_missing_program(self):
        global EGRESS
        saved, EGRESS = EGRESS, "/nonexistent/kastellan-egress"
        try:
            said = refuse("--listen", "127.0.0.1:0", *REACHED)
        finally:
            EGRESS = saved
        self.assertIn("/nonexistent/kastellan-egress", said)
        self.assertIn("set KASTELLAN_EGRESS", said)


def set_scene():
    etc = os.path.join(DIRECTORY, "etc")
    os.mkdir(etc)
    for name, text in (("hosts", HOSTS), ("nsswitch.conf", "hosts: files\n"),
                       ("resolv.conf", "nameserver 127.0.0.1\n")):
        with open(os.path.join(etc, name), "w", encoding="ascii") as file:
            file.write(text)
    for command in (["ip", "link", "set", "lo", "up"], ["mount", "--bind", etc, "/etc"]):
        subprocess.run(command, check=True)
    SERVICES.update({name: Service(port) for name, port in NAMES.items()})


def inside():
    global KASTELLAN, EGRESS, DIRECTORY
    KASTELLAN, EGRESS, DIRECTORY = sys.argv[2:5]
    set_scene()
    unittest.main(argv=sys.argv[:1] + sys.argv[5:], verbosity=2)


def main():
    programs = [os.path.abspath(path) for path in sys.argv[1:3]]
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        return subprocess.run(["unshare", *user, "--net", "--mount", "--pid", "--fork",
                               "--mount-proc", sys.executable, __file__, INSIDE, *programs,
                               directory, *sys.argv[3:]], check=False).returncode


if __name__ == "__main__":
    sys.exit(inside() if sys.argv[1] == INSIDE else main())
