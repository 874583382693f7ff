# SPDX-License-Identifier: Apache-2.0
"""Allowlists: the worker reaches what is listed, in every way, and nothing else in any. The services
are this host's own, so that each is listed by its address; names lead to them by the host's own
name, which some entry lists as well."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading

from harness import check
from harness.discover import add, test
from harness.jail import wait_for

LOST = {"ECONNRESET", "EPIPE", "ENOTCONN"}  # accepted by the proxy, and then refused
STRICT, CLIENT = "WorkerStrict", "WorkerNetClient"


class Service:
    """Answers "ping" with "pong ping", and counts its visitors."""

    def __init__(self, t, address="127.0.0.1"):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.socket(family)
        self.socket.bind((address, 0))
        self.socket.listen(16)
        self.address, self.port = address, self.socket.getsockname()[1]
        self.visitors, self.guests = 0, []
        threading.Thread(target=self.serve, daemon=True).start()
        t.later(self.close)

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def await_visitor(self):
        """The worker is connected as soon as the proxy takes it, which is before the proxy has
        asked for the name and has come here."""
        wait_for(lambda: self.guests, "a visitor")

    def close_all(self):
        self.await_visitor()
        for visitor in self.guests:
            visitor.shutdown(socket.SHUT_RDWR)

    def serve(self):
        while True:
            try:
                visitor, _ = self.socket.accept()
            except OSError:
                return
            self.visitors += 1
            self.guests.append(visitor)
            threading.Thread(target=self.answer, args=(visitor,), daemon=True).start()

    @staticmethod
    def answer(visitor):
        with visitor:
            try:
                said = b""
                while part := visitor.recv(64):
                    said += part
                visitor.sendall(b"pong " + said)
            except OSError:
                pass

    @property
    def entry(self):
        return f"[{self.address}]:{self.port}" if ":" in self.address else \
            f"{self.address}:{self.port}"


def listed(*entries):
    return [part for entry in entries for part in ("--net", entry)]


def act(t, *words):
    return t.probe("egress.py", *map(str, words))


def own_name(t):
    """A name of this host by which the proxy finds the services here."""
    name = socket.gethostname().lower()
    try:
        found = {row[4][0] for row in socket.getaddrinfo(name, 1, socket.AF_INET)}
    except OSError:
        found = set()
    if "127.0.0.1" not in found:
        t.cannot(f"the name of this host, {name}, does not lead to 127.0.0.1")
    return name


def address_reached(t, address, profile):
    service = Service(t, address)
    argv = act(t, "connect", address, service.port)
    t.contained(argv, by={"ECONNREFUSED", "EAFNOSUPPORT", "EADDRNOTAVAIL", "EACCES", "ENETUNREACH"},
                flags=["--profile", profile],
                granted={"flags": [*listed(service.entry), "--profile", profile]})
    check.equal(service.visitors, 1 if t.options.controls_only else 2, "visitors")


for address in ("127.0.0.1", "127.0.0.9", "::1"):
    for profile in (STRICT, CLIENT):
        add(f"{address} of the host is reached where it is listed, under {profile}",
            lambda t, address=address, profile=profile: address_reached(t, address, profile),
            __name__)


@test("another port of a listed address is not reached, nor another address of a listed port")
def others(t):
    service, other = Service(t), Service(t)
    here = {"flags": listed(service.entry)}
    t.contained(act(t, "connect", "127.0.0.1", other.port), by={"ECONNREFUSED"}, **here)
    t.denied(act(t, "connect", "127.0.0.2", service.port), by={"ECONNREFUSED"}, **here)
    before = other.visitors
    for address in ("192.0.2.1", "10.0.0.1", "169.254.169.254", "2001:db8::1", "::ffff:10.0.0.1"):
        t.denied(act(t, "connect", address, service.port), by=LOST, **here)
    check.equal((service.visitors, other.visitors), (0, before), "visitors")


@test("a listed name is reached by whatever connects to it, and only on its port")
def names(t):
    name, service, other = own_name(t), Service(t), Service(t)
    entries = [f"{name}:{service.port}", service.entry]
    for way in ("connect", "through_connect", "through_socks"):
        t.allowed(act(t, way, name, service.port), flags=listed(*entries))
    if not t.options.controls_only:
        check.equal(service.visitors, 3, "visitors")
    t.possible(act(t, "connect", name, service.port))
    t.contained(act(t, "connect", name, other.port), by=LOST, flags=listed(*entries))


@test("a name that leads to the host itself needs its address listed, too")
def own_address(t):
    name, service = own_name(t), Service(t)
    argv = act(t, "connect", name, service.port)
    t.contained(argv, by=LOST, flags=listed(f"{name}:{service.port}"),
                granted={"flags": listed(f"{name}:{service.port}", service.entry)})
    result = t.run(argv, flags=listed(f"{name}:{service.port}"))
    denied, = result.status["network"]["denied"]
    check.equal((denied["reason"], denied["entry"]), ("address_forbidden", service.entry), "denial")


@test("other names do not exist, and that is said at once")
def unlisted_names(t):
    """Of an answer that does not come another error would be made: that it cannot be told now."""
    name, service = own_name(t), Service(t)
    for asked in ("example.com", f"x.{name}", "localhost.localdomain", "a" * 63 + ".test"):
        t.denied(act(t, "resolve", asked), by={"NONAME"}, flags=listed(f"{name}:{service.port}"))
    t.contained(act(t, "resolve", name), by={"NONAME"}, flags=listed("example.com:443"),
                granted={"flags": listed(f"{name}:{service.port}")})


@test("all names below a wildcard are known, and the domain itself is not")
def wildcard(t):
    flags = listed("*.example.com:443")
    for name in ("a.example.com", "a.b.example.com", "A.Example.Com."):
        t.allowed(act(t, "resolve", name), flags=flags)
    for name in ("example.com", "badexample.com", "example.com.evil.test"):
        t.denied(act(t, "resolve", name), by={"NONAME"}, flags=flags)


@test("a name has addresses of both families that stand for it, and keeps them")
def synthetic(t):
    flags = listed("one.example.com:443", "two.example.com:443")
    t.needs_jail()
    for family, beginning in ((2, "198.18."), (10, "2001:2:")):
        said = [t.run(act(t, "resolve", "one.example.com", family), flags=flags).lines[0]]
        check.true(said[0].startswith(beginning), f"the address is {said[0]}")


@test("the door refuses what is not listed, and says what would allow it")
def door(t):
    service = Service(t)
    t.allowed(act(t, "through_connect", "127.0.0.1", service.port), flags=listed(service.entry))
    t.denied(act(t, "through_connect", "127.0.0.1", service.port),
             by={"EACCES"}, flags=listed("example.com:443"))
    t.denied(act(t, "through_socks", "127.0.0.1", service.port), by={"EACCES"},
             flags=listed("example.com:443"))
    result = t.run(act(t, "through_connect", "api.example.org", 443),
                   flags=listed("example.com:443"))
    check.contains(result.text, "api.example.org:443")


@test("the loopback leads to nobody, and no profile lets the worker listen on it")
def own_loopback(t):
    service = Service(t)
    flags = listed("example.com:443")
    for address in ("127.0.0.1", "127.0.0.53", "::1"):
        t.denied(act(t, "connect", address, service.port), by={"ECONNREFUSED"}, flags=flags)
        for profile in (STRICT, CLIENT):
            t.contained(act(t, "serve", address, 0), by={"EPERM", "EACCES"},
                        flags=[*flags, "--profile", profile])
    check.equal(service.visitors, 0, "visitors")
    result = t.run(act(t, "connect", "127.0.0.1", service.port), flags=flags)
    check.equal(result.status["network"]["denied"], [], "what the proxy has seen")


@test("datagrams lead nowhere, and that is said at once")
def datagrams(t):
    t.needs_jail()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]

        def answer():
            try:
                data, peer = server.recvfrom(16)
                server.sendto(data, peer)
            except OSError:
                pass
        threading.Thread(target=answer, daemon=True).start()
        flags = listed(f"127.0.0.1:{port}", "192.0.2.1:443")
        t.denied(act(t, "datagram", "127.0.0.1", port), by={"ECONNREFUSED"}, flags=flags)
        t.denied(act(t, "datagram", "192.0.2.1", 443), by={"ECONNREFUSED"}, flags=flags)
        t.possible(act(t, "datagram", "127.0.0.1", port))


@test("no other kind of socket can be made, vsock among them")
def other_sockets(t):
    for family, kind in ((40, 1), (17, 3), (1, 1), (16, 3), (2, 3)):
        for profile in (STRICT, CLIENT):
            t.denied(t.probe("sockets", "socket", str(family), str(kind), "0"),
                     by={"EAFNOSUPPORT", "EPROTONOSUPPORT", "EPERM"},
                     flags=[*listed("example.com:443"), "--profile", profile])
    t.possible(t.probe("sockets", "socket", "1", "1", "0"))


@test("the outcome names what was denied, how often, and the entry that would allow it")
def outcome(t):
    service = Service(t)
    t.needs_jail()
    script = (f"for i in 1 2 3; do {' '.join(act(t, 'connect', '192.0.2.7', 80))}; done; "
              f"{' '.join(act(t, 'connect', '127.0.0.1', service.port))}; exit 9")
    result = t.run(["/bin/sh", "-c", script], flags=[*listed(service.entry), "--cpu", "20s"])
    network = result.status["network"]
    check.equal((result.code, network["proxy_died"], network["connections"]), (9, False, 1),
                "code, died, connections")
    check.equal((network["bytes_sent"], network["bytes_received"]), (4, 9), "bytes")
    denied, = network["denied"]
    check.equal((denied["host"], denied["port"], denied["times"], denied["entry"]),
                ("192.0.2.7", 80, 3, "192.0.2.7:80"), "denial")
    check.contains(result.complaint, "--net 192.0.2.7:80")
    asked = t.run(act(t, "resolve", "example.org"), flags=listed(service.entry))
    check.contains(asked.complaint, "--net example.org:PORT")
    lost = t.run(act(t, "connect", "nowhere.invalid", 80), flags=listed("nowhere.invalid:80"))
    check.contains(lost.complaint, "getent ahosts nowhere.invalid")
    quiet = t.run(act(t, "connect", "192.0.2.7", 80), flags=[*listed(service.entry), "-q"])
    check.equal(quiet.complaint, "", "complaint")


@test("the audit is one JSON object a line, one for each decision")
def audit(t):
    service = Service(t)
    path = t.notes / "audit.jsonl"
    flags = [*listed(service.entry), "--egress-audit", path]
    t.allowed(act(t, "connect", "127.0.0.1", service.port), flags=flags)
    t.denied(act(t, "connect", "192.0.2.7", 80), by=LOST, flags=flags)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    made = [line for line in lines if line["ev"] == "connect" and line["verdict"] == "allow"]
    refused = [line for line in lines if line["ev"] == "connect" and line["verdict"] == "deny"]
    ended = [line for line in lines if line["ev"] == "close"]
    check.equal((len(made), len(refused), len(ended)), (1, 1, 1), "lines")
    check.equal((made[0]["host"], made[0]["port"], made[0]["rule"]),
                ("127.0.0.1", service.port, service.entry), "allowed")
    check.equal((refused[0]["host"], refused[0]["reason"]), ("192.0.2.7", "address_not_allowed"),
                "denied")
    check.equal((ended[0]["up"], ended[0]["down"]), (4, 9), "bytes")
    # Both runs have the same policy, and are two workers.
    check.equal(len({line["policy"] for line in lines}), 1, "policies")
    check.true(re.fullmatch("sha256:[0-9a-f]{64}", lines[0]["policy"]), "the policy's digest")
    check.equal(len({line["worker"] for line in lines}), 2, "workers")
    other = [*listed(service.entry), "--egress-audit", path, "--mem", "128M"]
    t.allowed(act(t, "connect", "127.0.0.1", service.port), flags=other)
    last = json.loads(path.read_text().splitlines()[-1])
    check.true(last["policy"] != lines[0]["policy"], "another policy has another digest")


@test("an audit that cannot be written stops nothing, and the outcome tells how much it lacks")
def audit_lost(t):
    t.needs_jail()
    service = Service(t)
    words = act(t, "connect", "127.0.0.1", service.port)
    for path, complete in ((t.notes / "audit-whole", True), ("/dev/full", False)):
        result = t.run(words, flags=[*listed(service.entry), "--egress-audit", path])
        check.true(result.verdict.startswith("allowed"), f"{path}: {result.verdict!r}")
        check.equal(result.status["network"]["suppressed"] == 0, complete, f"{path}: none is lost")
        check.equal("left out" in result.complaint, not complete, f"{path}: that is said")


@test("an audit that the worker could write is refused, and nothing is started")
def audit_in_a_grant(t):
    top = t.directory("top", 0o777)
    result = t.jail.run(["/bin/touch", top / "started"], write=[top],
                        flags=[*listed("example.com:443"), "--egress-audit", top / "audit"])
    check.equal((result.code, (top / "started").exists()), (125, False), "code, started")
    check.contains(result.complaint, "--egress-audit", "writable grant")


@test("without the proxy's program nothing is started, and the remedy is told")
def no_program(t):
    top = t.directory("top", 0o777)
    result = t.jail.run(["/bin/touch", top / "started"], write=[top],
                        flags=listed("example.com:443"))
    check.equal((result.code, (top / "started").exists()), (0, True), "control")
    argv = t.jail.command(["/bin/touch", top / "started-2"], write=[top],
                          flags=listed("example.com:443"))
    for path in ("/nonexistent/kastellan-egress", "/bin/false", "/etc/passwd"):
        ended = t.control.run(argv, env={**os.environ, "KASTELLAN_EGRESS": path})
        check.equal((ended.code, (top / "started-2").exists()), (125, False), f"with {path}")
        check.contains(ended.complaint, "egress", "remedy")


def proxies(pid):
    """The proxy of a kastellan, and the resolver, which is its child."""
    parents = {}
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            name = (entry / "comm").read_text().strip()
            state, parent = (entry / "stat").read_text().rsplit(")", 1)[1].split()[:2]
        except OSError:
            continue
        if name in ("kastellan-egres", "kastellan-names") and state != "Z":
            parents[int(entry.name)] = int(parent)
    # A child's number is smaller than its parent's where the kernel has begun anew.
    first = [one for one, parent in parents.items() if parent == pid]
    return first + [one for one, parent in parents.items() if parent in first]


def held(t, service):
    process, path = t.jail.start(act(t, "hold", "127.0.0.1", service.port),
                                 read=[t.probes.directory], flags=listed(service.entry),
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    t.later(t.finish, process)
    check.equal(process.stdout.readline(), b"held\n", "first line")
    service.await_visitor()
    return process, path


@test("the proxy's death ends the connections, and the outcome tells it")
def proxy_dies(t):
    service = Service(t)
    process, path = held(t, service)
    proxy, *_ = wait_for(lambda: proxies(process.pid), "the proxy")
    os.kill(proxy, signal.SIGKILL)
    out, err = process.communicate(timeout=10 * t.options.pace)
    check.equal(out.decode().splitlines()[-1], "denied: ECONNRESET", "what the worker saw")
    check.contains(err.decode(), "the egress proxy ended before the worker")
    check.equal(json.loads(path.read_bytes())["network"]["proxy_died"], True, "proxy_died")


@test("the proxy ends with a supervisor that is killed, and with its worker")
def proxy_ends(t):
    service = Service(t)
    process, _ = held(t, service)
    several = wait_for(lambda: len(proxies(process.pid)) == 2 and proxies(process.pid), "proxies")
    check.equal(len(several), 2, "proxies")
    process.kill()
    # They fall to the runner, which is a subreaper.
    wait_for(lambda: not proxies(process.pid) and not proxies(os.getpid()), "their end")
    t.run(["/bin/true"], flags=listed(service.entry))
    check.equal(proxies(os.getpid()), [], "proxies that are left")


@test("the proxy has no privilege, no file and no descriptor that it does not need")
def proxy_confined(t):
    """The resolver as well, once it has something to resolve."""
    service, name = Service(t), own_name(t)
    process, _ = t.jail.start(
        act(t, "hold", name, service.port), read=[t.probes.directory],
        flags=listed(service.entry, f"{name}:{service.port}"), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE)
    t.later(t.finish, process)
    check.equal(process.stdout.readline(), b"held\n", "first line")
    service.await_visitor()
    both = wait_for(lambda: len(proxies(process.pid)) == 2 and proxies(process.pid), "proxies")
    for pid in both:
        status = dict(line.split(":\t", 1) for line in
                      pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
        # A build with sanitizers has no filter of its own.
        sanitized = b"__asan_init" in pathlib.Path(os.environ["KASTELLAN_EGRESS"]).read_bytes()
        check.equal((status["Seccomp"], status["NoNewPrivs"]), ("0" if sanitized else "2", "1"),
                    "filter, privileges")
        for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            check.equal(int(status[kind], 16), 0, kind)
        if t.root:
            check.true(status["Uid"].split()[0] not in ("0", "65534"), "the user")
            check.equal(status.get("Groups", "").split(), [], "groups")


def host_network(t, argv, **options):
    return t.run(argv, policy={"net": "ProxyEgress"}, **options)


@test("ProxyEgress is the host's network, and everything else is confined")
def proxy_egress(t):
    service = Service(t)
    argv = act(t, "connect", "127.0.0.1", service.port)
    t.denied(argv, by={"EAFNOSUPPORT", "EACCES", "ECONNREFUSED"})
    t.needs_jail()
    check.equal(host_network(t, argv).verdict, "allowed", "verdict")
    check.equal(service.visitors, 1, "visitors")
    secret = t.file("secret")
    check.equal(host_network(t, ["/bin/cat", secret]).code, 1, "a file that is not granted")
    for family, kind in ((40, 1), (17, 3), (1, 1), (16, 3)):
        said = host_network(t, t.probe("sockets", "socket", str(family), str(kind), "0")).verdict
        check.true(said.startswith("denied"), f"family {family}: {said}")
    for name in ("resolv.conf", "hosts"):
        path = pathlib.Path("/etc") / name
        if path.is_file():
            check.equal(host_network(t, ["/bin/cat", path]).stdout, path.read_bytes(), name)
