# SPDX-License-Identifier: Apache-2.0
"""What has gone wrong in this field, tried by a worker with a network. Each act has a control that
shows it succeeding without a jail, or with the entry that it needs.

Tried elsewhere, and not here:
    numeric hosts, NUL, %00, "@", wide dots in a policy    unit: policies/bad/host-*, endpoint
    heads of CONNECT: folded, two, half, too long          unit: test_egress_doors, and fuzz/
    rebinding, mixed answers, names of all bad addresses   egress: test_names
    TLS greetings in pieces, twice, oversized              egress: test_guard
    ends, floods, full tables, slow readers                egress: test_life, test_limits
    sockets of other families and kinds, vsock among them  e2e: test_egress, test_sockets
    abstract and other sockets of the host's services      e2e: test_sockets
    the worker's own loopback, listening                   e2e: test_egress
    the proxy's death, its privileges                      e2e: test_egress
"""

import errno
import pathlib

from harness import check
from harness.discover import add, test
from net import internet
from net.addresses import PRIVATE, TALK
from net.servers import reverse
from stage import servers
from stage.world import HOST_OWN, HOST_OWN6

WORDS = "talk.example.com:9"
LOST = ("ECONNRESET", "EPIPE", "ENOTCONN")  # accepted by the proxy, and then refused


def probe(*words):
    return ["/usr/bin/python3", "-I", internet.place() / "probe.py", *map(str, words)]


def run(t, words, *entries, **options):
    flags = [part for entry in entries for part in ("--net", entry)]
    return t.jail.run(probe(*words), read=[internet.place()], flags=flags, **options)


def works(t, words, *entries, **options):
    result = run(t, words, *entries, **options)
    check.equal(result.verdict, "allowed", f"{words} with {entries}")
    return result


def refused(t, words, *entries, by, **options):
    result = run(t, words, *entries, **options)
    found = [f"denied: {word}" for word in by if result.verdict.startswith(f"denied: {word}")]
    check.true(found, f"{words} with {entries}: expected one of {by}, found {result.verdict!r}")
    return result


def denied_rows(result):
    return [(row["host"], row["port"], row["reason"], row["entry"])
            for row in result.status["network"]["denied"]]


def entry_of(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


# Addresses.

def address(t, where, port, listable):
    """Somebody answers there, with and without a jail."""
    act = ("connect", where, port)
    t.possible(probe(*act))
    result = refused(t, act, WORDS, by=LOST)
    (host, at, reason, entry), = denied_rows(result)
    check.equal((at, reason, entry), (port, "address_not_allowed", entry_of(host, port)),
                "the denial")
    if listable:
        works(t, act, entry_of(where, port))


for label, where, listable in (
        ("a private network", PRIVATE, True),
        ("a private network, as an IPv6 address", f"::ffff:{PRIVATE}", False),
        ("a private network behind NAT64", "64:ff9b::a4d:5", True),
        ("a private network by 6to4", "2002:a4d:5::1", True),
        ("unique local addresses", "fd00:77::5", True),
        ("shared addresses", "100.64.0.9", True),
        ("the metadata of clouds", "169.254.169.254", True),
        ("the metadata of another cloud", "100.100.100.200", True),
        ("the metadata of clouds over IPv6", "fd00:ec2::254", True),
        ("a public address", TALK, True)):
    add(f"{label}: reached where it is listed, and only there",
        lambda t, where=where, listable=listable: address(t, where, 9, listable), __name__)

for where in (HOST_OWN, HOST_OWN6):
    def own(t, where=where):
        server = servers.Server(None, where, 0, reverse)
        t.later(server.close)
        address(t, where, server.listener.getsockname()[1], True)
        check.equal(server.accepted, 2, "visitors")
    add(f"this host's own address {where}: reached where it is listed, and only there", own,
        __name__)


@test("data that is sent with the connection goes nowhere, and programs hear that it cannot")
def fast_open(t):
    act = ("fastopen", PRIVATE, 9)
    t.possible(probe(*act))
    for entry in (WORDS, f"{PRIVATE}:9"):
        result = refused(t, act, entry, by=("ENOTSUP",))
        check.equal(result.status["network"]["connections"], 0, "connections")


@test("a listed name that leads to a private address needs that address listed, too")
def private_name(t):
    act = ("connect", "inner.example.com", 9)
    t.possible(probe(*act))
    result = refused(t, act, "inner.example.com:9", by=LOST)
    check.equal(denied_rows(result), [("inner.example.com", 9, "address_forbidden",
                                       f"{PRIVATE}:9")], "the denial")
    works(t, act, "inner.example.com:9", f"{PRIVATE}:9")


@test("the host's loopback, spelled in ways that only a resolver understands")
def disguised(t):
    server = servers.Server(None, "127.0.0.1", 0, reverse)
    t.later(server.close)
    port = server.listener.getsockname()[1]
    for spelled in ("127.1", "2130706433", "0x7f.1", "0177.0.0.1", "0x7f000001", "::ffff:127.0.0.1",
                    "localhost"):
        before = server.accepted
        t.possible(probe("connect", spelled, port))
        check.equal(server.accepted, before + 1, f"visitors of {spelled} without a jail")
        refused(t, ("connect", spelled, port), WORDS, by=("ECONNREFUSED",))
        check.equal(server.accepted, before + 1, f"visitors of {spelled}")


# Names.

DISGUISES = (
    r"inner.example.com\x00.talk.example.com", r"talk.example.com\x00.inner.example.com",
    r"talk.example.com\x00", r"talk.example.com\x20", r"\x20talk.example.com",
    r"user@talk.example.com", r"inner.example.com#talk.example.com", "talk%2eexample.com",
    "talk.example.com%00", r"talk\xef\xbc\x8eexample.com", "talk..example.com",
    "talk.example.com..", ".talk.example.com", "x" * 64 + ".talk.example.com",
    r"talk.example.com\x0d\x0aX: y", "127.1", "2130706433", "0x7f.1", "0177.0.0.1",
    "[::ffff:127.0.0.1]", "[::1%25lo]", "::1%lo", "xtalk.example.com", "talk.example.com.evil.org")


@test("names in disguise pass neither door")
def doors(t):
    entries = [WORDS, "*.talk.example.com:9"]
    for spelled in ("talk.example.com", "TALK.example.COM", "talk.example.com."):
        works(t, ("through_connect", f"{spelled}:9"), *entries)
        works(t, ("through_socks", spelled, 9), *entries)
    for spelled in DISGUISES:
        refused(t, ("through_connect", f"{spelled}:9"), *entries, by=("EACCES",))
        refused(t, ("through_socks", spelled, 9), *entries, by=("EACCES",))


@test("nor does a question for one have an answer")
def questions(t):
    works(t, ("ask", "talk.example.com"), WORDS)
    for spelled in (r"talk.example.com\x00", r"talk\x00.example.com", "talk/example.com",
                    "talk.example/com", "talk.example.com/", r"\x20talk.example.com",
                    "xtalk.example.com", "talk.example.com.evil"):
        refused(t, ("ask", spelled), WORDS, by=("ENOENT",))


def asked(label):
    """What the name server of the internet was asked for."""
    log = (internet.place().parent / "asked").read_text()
    return [line for line in log.splitlines() if label in line]


@test("no question leaves the host, whatever it asks, of whom and how")
def tunnel(t):
    """The control is heard by the name server of the internet."""
    t.control.run(probe("ask", "control.leak.example", 16))
    check.equal(len(asked("control.leak.example")), 1, "what it hears without a jail")
    for number, (kind, server, way) in enumerate((
            (1, "9.9.9.53", "udp"), (16, "9.9.9.53", "udp"), (10, "9.9.9.53", "tcp"),
            (28, "8.8.8.8", "udp"), (15, "127.0.0.53", "tcp"))):
        refused(t, ("ask", f"jail{number}.leak.example", kind, server, way), WORDS,
                by=("ENOENT",))
    refused(t, ("lookup", "jail.leak.example"), WORDS, by=("no such name",))
    check.equal([line for line in asked("leak.example") if "jail" in line], [], "what it hears")


@test("a name below a wildcard is asked for when it is connected to, and not before")
def wildcard(t):
    works(t, ("lookup", "quiet.wild.example.com"), "*.wild.example.com:9")
    check.equal(asked("quiet.wild.example.com"), [], "what the name server hears")
    refused(t, ("connect", "loud.wild.example.com", 9), "*.wild.example.com:9", by=LOST)
    check.true(asked("loud.wild.example.com"), "it hears nothing of a connection either")


# What is no TCP.

@test("datagrams do not pass, also to what is listed, and that is said at once")
def datagrams(t):
    act = ("datagram", "talk.example.com", 7)
    t.possible(probe(*act))
    result = refused(t, act, "talk.example.com:7", by=("ECONNREFUSED",))
    check.within(result.seconds, 0, 8, "seconds")
    refused(t, ("datagram", TALK, 7), f"{TALK}:7", by=("ECONNREFUSED",))


def answer_pieces(stream):
    """As the others answer at the end of what they are told, which not all of these tell of."""
    while piece := stream.recv(64):
        stream.sendall(b"%d bytes: " % len(piece) + piece[::-1] + b"\n")


def other_protocol(t, number, option):
    """To this host's own address, where a server of that very protocol answers. The entry is one of
    TCP's, and lets nothing else by."""
    try:
        server = servers.Server(None, HOST_OWN, 0, answer_pieces, protocol=number)
    except OSError as error:
        check.one_of(error.errno, {errno.EPROTONOSUPPORT, errno.ESOCKTNOSUPPORT, errno.ENOPROTOOPT},
                     "control")
        check.true(t.host.configured(option) is not True,
                   f"control: {error}, although this kernel should have it")
        t.cannot("no program can here, so that a refusal says nothing")
    t.later(server.close)
    port = server.listener.getsockname()[1]
    act = ("over", number, HOST_OWN, port)
    t.possible(probe(*act))
    check.equal(server.accepted, 1, "control: visitors without a jail")
    for profile in ("WorkerStrict", "WorkerNetClient"):
        for entry in (WORDS, entry_of(HOST_OWN, port)):
            result = refused(t, act, entry, policy={"profile": profile}, by=("EPROTONOSUPPORT",))
            check.equal(result.status["network"]["connections"], 0, "connections")
    check.equal(server.accepted, 1, "visitors")


for label, number, option in (("MPTCP", 262, "CONFIG_MPTCP"), ("SCTP", 132, "CONFIG_IP_SCTP")):
    add(f"{label} does not pass, also to what is listed",
        lambda t, number=number, option=option: other_protocol(t, number, option), __name__)


@test("no ping passes")
def pings(t):
    t.possible(probe("ping", TALK))
    for profile in ("WorkerStrict", "WorkerNetClient"):
        refused(t, ("ping", TALK), f"{TALK}:7", policy={"profile": profile},
                by=("EPROTONOSUPPORT", "EACCES", "EPERM"))


# What is not what it says.

@test("TLS has to greet the host that it was connected to")
def greeting(t):
    trusted = internet.place() / "ca.pem"
    for name, reason in (("other.example.com", "sni_mismatch"), ("", "sni_missing")):
        act = ("greet", "web.example.com", name, trusted)
        t.possible(probe(*act))
        result = run(t, act, "web.example.com:443")
        check.true(result.verdict.startswith("denied"), f"{name!r}: {result.verdict}")
        (host, port, found, _), = denied_rows(result)
        check.equal((host, port, found), ("web.example.com", 443, reason), "the denial")
        works(t, act, policy={"net": {"Allowlist": ["web.example.com:443"]},
                              "egress": {"sni": "off"}})
    works(t, ("greet", "web.example.com", "web.example.com", trusted), "web.example.com:443")


@test("a second request behind the first is the server's, and no second connection")
def smuggled(t):
    result = works(t, ("second_request", "talk.example.com:7", "inner.example.com:9"),
                   "talk.example.com:7", "inner.example.com:9", f"{PRIVATE}:9")
    check.equal(result.status["network"]["connections"], 1, "connections")
    works(t, ("through_connect", "inner.example.com:9"), "inner.example.com:9", f"{PRIVATE}:9")


@test("a request with two lengths, or a folded line, opens nothing")
def heads(t):
    works(t, ("through_connect", WORDS, r"Content-Length: 0\r\n"), WORDS)
    for extra in (r"Content-Length: 0\r\nContent-Length: 5\r\n", r"A: b\r\n c\r\n",
                  r"Transfer-Encoding: chunked\r\n", r"A\x00: b\r\n", r"Content-Length: 5\r\n"):
        refused(t, ("through_connect", WORDS, extra), WORDS, by=("EACCES",))


# The proxy.

def listening():
    """Sockets of this host that somebody could connect to."""
    found = set()
    for table in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6", "packet"):
        lines = pathlib.Path("/proc/net", table).read_text().splitlines()[1:]
        # A connected TCP socket, as those that the proxy dialled, takes nothing new.
        found |= {(table, line.split()[1]) for line in lines
                  if not table.startswith("tcp") or line.split()[3] == "0A"}
    for line in pathlib.Path("/proc/net/unix").read_text().splitlines()[1:]:
        if len(line.split()) > 7:
            found.add(("unix", line.split()[7]))
    return found


@test("the proxy listens on nothing that another process of the host could use")
def not_shared(t):
    before = listening()
    control = servers.Server(None, "127.0.0.1", 0, servers.echo)
    check.equal(len(listening() - before), 1, "a server of the host, which is seen")
    control.close()
    t.later(t.finish, hold(t))
    check.equal(listening() - before, set(), "what is new while a worker talks")


def hold(t):
    """A worker with a connection that is open."""
    script = "import socket, sys; s = socket.create_connection(('talk.example.com', 7)); " \
             "s.send(b'x'); print(s.recv(1), flush=True); sys.stdin.read()"
    process, _ = t.jail.start(["/usr/bin/python3", "-I", "-c", script],
                              flags=["--net", "talk.example.com:7"], stdin=-1, stdout=-1)
    check.equal(process.stdout.readline(), b"b'x'\n", "what the worker says")
    return process
