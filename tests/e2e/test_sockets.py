# SPDX-License-Identifier: Apache-2.0
"""The network, and everything else that one can connect to."""

import os
import socket
import threading

from harness import check
from harness.discover import add, test

STRICT, CLIENT = "WorkerStrict", "WorkerNetClient"
NO_FAMILY = {"EAFNOSUPPORT"}
UNREACHED = {"EAFNOSUPPORT", "EACCES", "EPERM", "ECONNREFUSED", "ENETUNREACH", "ENETDOWN",
             "EHOSTUNREACH", "EADDRNOTAVAIL"}
STREAM, DGRAM, RAW, SEQPACKET = 1, 2, 3, 5

# name, family, type, protocol, kernel option, whether only root can
FAMILIES = [
    ("unix stream", 1, STREAM, 0, None, False),
    ("unix datagram", 1, DGRAM, 0, None, False),
    ("netlink route", 16, RAW, 0, None, False),
    ("netlink audit", 16, RAW, 9, "CONFIG_AUDIT", False),
    ("netlink netfilter", 16, RAW, 12, "CONFIG_NETFILTER_NETLINK", False),
    ("packet", 17, RAW, 0x300, "CONFIG_PACKET", True),
    ("packet datagram", 17, DGRAM, 0x300, "CONFIG_PACKET", True),
    ("vsock", 40, STREAM, 0, "CONFIG_VSOCKETS", False),
    ("alg", 38, SEQPACKET, 0, "CONFIG_CRYPTO_USER_API", False),
    ("bluetooth", 31, RAW, 1, "CONFIG_BT", False),
    ("xdp", 44, RAW, 0, "CONFIG_XDP_SOCKETS", True),
    ("key", 15, RAW, 2, "CONFIG_NET_KEY", True),
    ("can", 29, RAW, 1, "CONFIG_CAN", False),
    ("tipc", 30, STREAM, 0, "CONFIG_TIPC", False),
    ("rds", 21, SEQPACKET, 0, "CONFIG_RDS", False),
    ("smc", 43, STREAM, 0, "CONFIG_SMC", False),
    ("qipcrtr", 42, DGRAM, 0, "CONFIG_QRTR", False),
    ("nfc", 39, SEQPACKET, 0, "CONFIG_NFC", False),
    ("inet raw", 2, RAW, 1, None, True),
    ("inet6 raw", 10, RAW, 58, None, True),
    ("inet ping", 2, DGRAM, 1, "net.ipv4.ping_group_range", False),  # for nobody, as a rule
    ("mptcp", 2, STREAM, 262, "CONFIG_MPTCP", False),
    ("sctp", 2, STREAM, 132, "CONFIG_IP_SCTP", False),
    ("udplite", 2, DGRAM, 136, "/proc/net/udplite", False),
]


def family(t, number, kind, protocol, option, only_root):
    by = {"EAFNOSUPPORT", "EPROTONOSUPPORT", "EPERM"}
    argv = t.probe("sockets", "socket", str(number), str(kind), str(protocol))
    for profile in (STRICT, CLIENT):
        t.denied(argv, by=by, flags=["--profile", profile])
    t.denied(t.probe("sockets", "socket_high", *argv[2:]), by=by)
    outside = t.control.run(argv)
    if outside.verdict.startswith("allowed"):
        return
    check.one_of(outside.verdict, {"denied: EAFNOSUPPORT", "denied: EPROTONOSUPPORT",
                                   "denied: EPERM", "denied: EACCES", "denied: ESOCKTNOSUPPORT"},
                 "control")
    check.true(only_root and not t.root or option and t.host.configured(option) is not True,
               f"control: {outside.verdict} although this kernel should have it")
    t.cannot("neither can a plain program here, so that a refusal says nothing")


for row in FAMILIES:
    add(f"a socket of the kind {row[0]} cannot be made", lambda t, row=row: family(t, *row[1:]),
        __name__, root=row[5])


@test("WorkerStrict has no socket at all; WorkerNetClient has TCP and UDP over IPv4 and IPv6")
def profiles(t):
    for number in (2, 10):
        for kind in (STREAM, DGRAM):
            argv = t.probe("sockets", "socket", str(number), str(kind), "0")
            t.contained(argv, by=NO_FAMILY, flags=["--profile", STRICT],
                        granted={"flags": ["--profile", CLIENT]})


@test("stream and seqpacket pairs work, datagram pairs do not exist")
def pairs(t):
    for profile in (STRICT, CLIENT):
        for kind in (STREAM, SEQPACKET):
            t.allowed(t.probe("sockets", "pair", "1", str(kind)), flags=["--profile", profile])
        for kind in (DGRAM, RAW):
            t.contained(t.probe("sockets", "pair", "1", str(kind)),
                        by={"ESOCKTNOSUPPORT", "EPERM"}, flags=["--profile", profile])


class Host:
    """A service of the host that notes whether anybody came."""

    def __init__(self, t, kind, where, listens=True):
        number = socket.AF_UNIX if not isinstance(where, tuple) else \
            socket.AF_INET6 if ":" in where[0] else socket.AF_INET
        self.socket = socket.socket(number, kind)
        t.later(self.socket.close)
        self.socket.bind(where if isinstance(where, tuple) else os.fspath(where))
        self.socket.settimeout(0.3)
        self.listens = listens
        if listens:
            self.socket.listen(4)

    @property
    def port(self):
        return str(self.socket.getsockname()[1])

    def visited(self):
        try:
            if self.listens:
                self.socket.accept()[0].close()
            else:
                self.socket.recv(16)
        except (TimeoutError, BlockingIOError):
            return False
        return True


def unvisited(t, host, argv, by, **grants):
    """Denied, and the service saw nobody; the control is seen."""
    if not t.options.controls_only:
        t.denied(argv, by=by, **grants)
        check.true(not host.visited(), "the service had a visitor")
    t.possible(argv)
    check.true(host.visited(), "control: the service had no visitor")


@test("a socket of the host that lies in a grant cannot be connected to")
def unix_in_grant(t):
    for grant in ("read", "write"):
        for profile in (STRICT, CLIENT):
            place = t.directory(f"{grant}-{profile}", 0o777)
            host = Host(t, socket.SOCK_STREAM, place / "s")
            os.chmod(place / "s", 0o777)
            unvisited(t, host, t.probe("sockets", "unix", place / "s"), NO_FAMILY,
                      flags=["--profile", profile], **{grant: [place]})


@test("nor by one half of a pair, connected anew or sent from")
def pair_reconnected(t):
    place = t.directory("place", 0o777)
    host = Host(t, socket.SOCK_DGRAM, place / "s", listens=False)
    os.chmod(place / "s", 0o777)
    for act in ("pair_connect", "pair_sendto"):
        for kind in (DGRAM, RAW):
            argv = t.probe("sockets", act, place / "s", str(kind))
            t.denied(argv, by={"ESOCKTNOSUPPORT", "EPERM"}, write=[place])
            check.true(not host.visited(), "the service had a visitor")
        t.possible(t.probe("sockets", act, place / "s", str(DGRAM)))
    check.true(host.visited(), "control: the service had no visitor")
    for kind in (STREAM, SEQPACKET):
        t.denied(t.probe("sockets", "pair_sendto", place / "s", str(kind)),
                 by={"EPERM", "EISCONN", "EOPNOTSUPP"}, write=[place])


@test("nor by a datagram socket that was handed in as standard input")
def stdin_reconnected(t):
    place = t.directory("place", 0o777)
    host = Host(t, socket.SOCK_DGRAM, place / "s", listens=False)
    os.chmod(place / "s", 0o777)
    for _ in range(1):
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        argv = t.probe("sockets", "stdin_connect", place / "s")
        result = t.run(argv, write=[place], stdin=theirs)
        check.true(not result.verdict.startswith("allowed"), f"in the jail: {result.verdict}")
        check.equal(t.control.run(argv, stdin=theirs).verdict, "allowed: it worked", "control")
        mine.close()
        theirs.close()
    check.true(not host.visited(), "nothing was sent")


def refused_as_stdin(t, stdin, words, **options):
    result = t.run(["/bin/echo", "started"], stdin=stdin, **options)
    check.equal((result.code, result.text), (125, ""), f"outcome, {result.complaint}")
    check.contains(result.complaint, "stdin", words, "remedy: ")


@test("what is no stream is refused as one: sockets without a fixed other end, directories, handles")
def strange_streams(t):
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    server = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(server.getsockname())
    handles = [mine, theirs, server, client, *(socket.socket(*kind) for kind in (
        (socket.AF_UNIX, STREAM), (socket.AF_UNIX, DGRAM), (socket.AF_INET, STREAM),
        (socket.AF_INET, DGRAM), (socket.AF_INET6, DGRAM), (socket.AF_NETLINK, RAW)))]
    for handle in handles:
        t.later(handle.close)
    for handle in (theirs, *handles[5:]):
        refused_as_stdin(t, handle, "socket")
    for handle in (server, client):
        check.equal(t.run(["/bin/true"], stdin=handle).code, 0, "a TCP stream, WorkerStrict")
    others = {"directory": os.open("/", os.O_RDONLY), "no file": os.pidfd_open(os.getpid()),
              "no file ": os.eventfd(0)}
    for words, fd in others.items():
        t.later(os.close, fd)
        refused_as_stdin(t, fd, words.strip())
    block = next((path for path in ("/dev/loop0", "/dev/vda", "/dev/sda") if
                  os.access(path, os.R_OK)), None)
    if block:
        fd = os.open(block, os.O_RDONLY)
        t.later(os.close, fd)
        refused_as_stdin(t, fd, "block device")


@test("an abstract socket of the host cannot be connected to")
def abstract(t):
    name = f"kastellan-e2e-{os.getpid()}"
    host = Host(t, socket.SOCK_STREAM, f"\0{name}")
    for profile in (STRICT, CLIENT):
        unvisited(t, host, t.probe("sockets", "abstract", name), NO_FAMILY,
                  flags=["--profile", profile])


@test("a TCP service of the host on the loopback cannot be reached")
def tcp(t):
    host = Host(t, socket.SOCK_STREAM, ("127.0.0.1", 0))
    for profile in (STRICT, CLIENT):
        unvisited(t, host, t.probe("sockets", "tcp", host.port), UNREACHED,
                  flags=["--profile", profile])


@test("nor over IPv6")
def tcp6(t):
    try:
        host = Host(t, socket.SOCK_STREAM, ("::1", 0))
    except OSError as error:
        t.cannot(f"no IPv6 here: {error}")
    for profile in (STRICT, CLIENT):
        unvisited(t, host, t.probe("sockets", "tcp6", host.port), UNREACHED,
                  flags=["--profile", profile])


@test("nor by data that is sent with the connection")
def fast_open(t):
    host = Host(t, socket.SOCK_STREAM, ("127.0.0.1", 0))
    unvisited(t, host, t.probe("sockets", "fast_open", host.port),
              UNREACHED | {"EOPNOTSUPP"}, flags=["--profile", CLIENT])


@test("a UDP service of the host hears nothing")
def udp(t):
    host = Host(t, socket.SOCK_DGRAM, ("127.0.0.1", 0), listens=False)
    for profile in (STRICT, CLIENT):
        result = t.run(t.probe("sockets", "udp", host.port), flags=["--profile", profile])
        if profile == STRICT:
            check.equal(result.verdict, "denied: EAFNOSUPPORT", "WorkerStrict")
        check.true(not host.visited(), "the service heard something")
    t.possible(t.probe("sockets", "udp", host.port))
    check.true(host.visited(), "control: the service heard nothing")


@test("nobody outside can connect to what a worker listens on")
def listening(t):
    t.contained(t.probe("sockets", "listen"), by=UNREACHED, flags=["--profile", CLIENT])


@test("no interface but a loopback, no route, no neighbour")
def interfaces(t):
    script = ("import socket\n"
              "try: print(','.join(sorted(n for _, n in socket.if_nameindex())))\n"
              "except OSError: print('refused')\n"
              "try: print(max(0, len(open('/proc/net/route').readlines()) - 1))\n"
              "except OSError: print(0)\n")
    argv = ["/usr/bin/python3", "-I", "-c", script]
    result = t.run(argv)
    check.one_of(result.text, {"lo\n0\n", "refused\n0\n", "\n0\n"}, "interfaces and routes")
    check.true(t.control.run(argv).code == 0, "control: the script itself works")


@test("DNS goes nowhere: a name gives a clean error, quickly")
def resolve(t):
    script = ("import socket\n"
              "try: print(socket.getaddrinfo('example.com', 443))\n"
              "except OSError as error: print('error', type(error).__name__)\n")
    for profile in (STRICT, CLIENT):
        result = t.run(["/usr/bin/python3", "-I", "-c", script], flags=["--profile", profile])
        check.equal(result.text, "error gaierror\n", profile)
        check.within(result.seconds, 0, 8 * t.options.pace, "seconds")


@test("an empty allow-list means no network, not all of it")
def empty_allowlist(t):
    host = Host(t, socket.SOCK_STREAM, ("127.0.0.1", 0))
    unvisited(t, host, t.probe("sockets", "tcp", host.port), UNREACHED,
              policy={"net": {"Allowlist": []}, "profile": CLIENT})


@test("a descriptor for a socket that is standard output still carries, and only that")
def stdout_socket(t):
    mine, theirs = socket.socketpair()
    heard = []
    listener = threading.Thread(target=lambda: heard.append(mine.recv(100)))
    listener.start()
    t.later(mine.close)
    try:
        result = t.run(["/bin/echo", "hello"], stdout=theirs)
    finally:
        theirs.close()
        listener.join()
    check.equal(heard, [b"hello\n"], "what came")
    check.equal((result.type, result.code), ("exit", 0), "outcome")
