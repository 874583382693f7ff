# SPDX-License-Identifier: Apache-2.0
"""Names and addresses: which may be reached, and what the worker and the owner hear of the others."""

import contextlib
import socket
import subprocess

from harness import check
from harness.discover import add, test
from stage import names, proxy, servers
from stage.world import CLONE_NEWNET, HOST_OWN, HOST_OWN6, World, libc, must


@test("an allowed name is reached through an address of its own, and no other name is")
def by_name(t):
    t.names["api.example.com"] = ["9.9.9.10"]
    t.names["other.example.com"] = ["9.9.9.10"]
    t.serve("9.9.9.10", 443, servers.echo)
    allowed = t.start(["api.example.com:443"])
    synthetic = t.resolve("api.example.com")
    check.equal(synthetic, "198.18.0.1", "the synthetic address")
    t.speaks(t.connect(synthetic, 443))
    line = allowed.audit.wait(ev="connect", verdict="allow")
    check.equal((line["host"], line["port"], line["ip"], line["rule"], line["dst"], line["via"]),
                ("api.example.com", 443, "9.9.9.10", "api.example.com:443", synthetic,
                 "transparent"), "the audit")
    check.equal(t.ask("other.example.com").code, names.NXDOMAIN, "another name")
    check.equal(t.asked.count(("other.example.com", names.A)), 0, "questions that left the host")
    # With the grant.
    t.start(["other.example.com:443"], sockets=t.sockets_again())
    check.equal(len(t.ask("other.example.com").addresses), 1, "the same name where it is allowed")


@test("another port of an allowed name is refused, and says so")
def other_port(t):
    t.names["api.example.com"] = ["9.9.9.10"]
    t.serve("9.9.9.10", 443, servers.echo)
    t.serve("9.9.9.10", 80, servers.echo)
    started = t.start(["api.example.com:443"])
    address = t.resolve("api.example.com")
    t.refused(address, 80)
    line = started.audit.wait(ev="connect", verdict="deny")
    check.equal((line["reason"], line["host"], line["port"], line["entry"], line["rule"]),
                ("port_not_allowed", "api.example.com", 80, "api.example.com:80", None), "the audit")
    t.speaks(t.connect(address, 443))
    report = started.stop()
    check.equal(report.denied, [(1, "port_not_allowed", 80, "api.example.com",
                                 "api.example.com:80")], "what the owner hears")


@test("an address is reached where it is an entry, and refused where it is none")
def literal(t):
    for address in ("9.9.9.10", "10.77.0.5", "2620:fe::10", "fd00:77::5"):
        t.serve(address, 5432, servers.echo)
    started = t.start(["9.9.9.10:5432", "[fd00:77::5]:5432"])
    t.speaks(t.connect("9.9.9.10", 5432))
    t.speaks(t.connect("fd00:77::5", 5432))
    t.refused("10.77.0.5", 5432)
    t.refused("2620:fe::10", 5432)
    line = started.audit.wait(ev="connect", verdict="deny", host="2620:fe::10")
    check.equal((line["reason"], line["entry"]),
                ("address_not_allowed", "[2620:fe::10]:5432"), "the audit")
    check.true(not started.audit.find(verdict="allow", host="10.77.0.5"), "nothing else is allowed")


@test("a wildcard covers what is below it, and neither its domain nor a lookalike")
def wildcard(t):
    for name in ("a.example.com", "b.c.example.com", "example.com", "notexample.com"):
        t.names[name] = ["9.9.9.10"]
    t.serve("9.9.9.10", 80, servers.echo)
    started = t.start(["*.example.com:80"])
    t.speaks(t.reach("a.example.com", 80))
    t.speaks(t.reach("B.c.EXAMPLE.com", 80))
    for name in ("example.com", "notexample.com"):
        check.equal(t.ask(name).code, names.NXDOMAIN, name)
    check.equal(started.audit.wait(ev="connect", host="b.c.example.com")["rule"],
                "*.example.com:80", "the entry")


@test("answers: A, AAAA, no data of other types, NXDOMAIN, reverse, over TCP and to any server")
def answers(t):
    t.start(["api.example.com:443"])
    for server in ("8.8.8.8", "127.0.0.53", "2001:4860:4860::8888", "::1"):
        for tcp in (False, True):
            check.equal(t.ask("api.example.com", server=server, tcp=tcp).addresses, ["198.18.0.1"],
                        f"A from {server}, tcp {tcp}")
    check.equal(t.ask("api.example.com", names.AAAA).addresses, ["2001:2:0:1::1"], "AAAA")
    check.equal(t.ask("1.0.18.198.in-addr.arpa", names.PTR).addresses, ["api.example.com"], "PTR")
    for kind in (names.TXT, names.HTTPS):
        reply = t.ask("api.example.com", kind)
        check.equal((reply.code, reply.addresses), (names.NOERROR, []), f"type {kind}")
    for kind in (names.A, names.AAAA, names.TXT):
        check.equal(t.ask("secret.tunnel.example", kind).code, names.NXDOMAIN, f"type {kind}")
        check.equal(t.ask("secret.tunnel.example", kind, tcp=True).code, names.NXDOMAIN, "over TCP")
    check.equal(t.asked, [], "questions that left the host")


@test("several questions in one TCP connection, in pieces, and one that is too long")
def pipelined(t):
    t.start(["api.example.com:443"])
    stream = t.connect("8.8.8.8", 53)
    message = names.question("api.example.com", names.A)
    framed = len(message).to_bytes(2, "big") + message
    for byte in framed:
        stream.sendall(bytes([byte]))
    stream.sendall(framed * 40)
    for _ in range(41):
        size = int.from_bytes(servers.read_exactly(stream, 2), "big")
        reply = names.Reply(servers.read_exactly(stream, size))
        check.equal(reply.addresses, ["198.18.0.1"], "an answer")
    stream.sendall(b"\xff\xff")
    try:
        check.equal(stream.recv(1), b"", "the end after a message of 65535 bytes")
    except ConnectionResetError:
        pass


@test("without IPv6 in the jail AAAA has no data")
def without_v6(t):
    t.start(["api.example.com:443"], flags=proxy.FLAG_NO_V6)
    check.equal(t.ask("api.example.com", names.AAAA).addresses, [], "AAAA")
    check.equal(len(t.ask("api.example.com").addresses), 1, "A")


@test("a synthetic address that no name has leads nowhere")
def guessed(t):
    t.names["api.example.com"] = ["9.9.9.10"]
    t.serve("9.9.9.10", 443, servers.echo)
    t.serve("198.18.0.2", 443, servers.echo)
    started = t.start(["api.example.com:443"])
    t.refused("198.18.0.1", 443)  # of a name that nobody asked for yet
    check.equal(started.audit.wait(ev="connect", verdict="deny")["reason"], "host_not_allowed",
                "the reason")
    t.speaks(t.reach("api.example.com", 443))
    t.refused("198.18.0.2", 443)
    t.refused("2001:2:0:1::2", 443)


FORBIDDEN = [
    ("private", "10.77.0.5", "private"),
    ("the metadata service", "169.254.169.254", "metadata"),
    ("shared address space", "100.64.0.9", "cgnat"),
    ("the host's loopback", "127.0.0.1", "loopback"),
    ("unspecified", "0.0.0.0", "unspecified"),
    ("the host's own public address", HOST_OWN, None),
    ("the host's own public IPv6 address", HOST_OWN6, None),
    ("unique local", "fd00:77::5", "unique_local"),
    ("IPv6 loopback", "::1", "loopback"),
    ("a mapped private address", "::ffff:10.77.0.5", "v4_mapped"),
    ("NAT64 of a private address", "64:ff9b::10.77.0.5", "nat64"),
    ("6to4 of a private address", "2002:a4d:5::1", "6to4"),
    ("a metadata service that looks public", "168.63.129.16", "metadata"),
    ("a metadata service in shared address space", "100.100.100.200", "metadata"),
    ("a metadata service over IPv6", "fd00:ec2::254", "metadata"),
    ("a synthetic address", "198.18.0.1", "synthetic"),
]


def forbidden(t, address, kind):
    """A name may not lead there. The control: the very address as an entry opens it, for the name
    too, where anything can be there at all."""
    t.names["evil.example"] = [address]
    t.names["good.example"] = ["9.9.9.10", address]
    t.serve("9.9.9.10", 80, servers.echo)
    on_host = address in (HOST_OWN, HOST_OWN6, "127.0.0.1", "::1")
    reachable = on_host or address in ("10.77.0.5", "169.254.169.254", "100.64.0.9", "fd00:77::5")
    there = (t.serve_host if on_host else t.serve)(address, 80, servers.banner) \
        if reachable else None
    started = t.start(["evil.example:80", "good.example:80"])
    t.refused(t.resolve("evil.example"), 80)
    line = started.audit.wait(ev="connect", verdict="deny")
    check.equal((line["reason"], line.get("class")), ("address_forbidden", kind), "the audit")
    check.equal(len(line["resolved"]), 1, "what it resolved to is told")
    t.speaks(t.reach("good.example", 80))  # of a mixed answer the good one is dialled
    if not reachable:
        return
    check.equal(there.accepted, 0, "connections to the forbidden address")
    entry = f"[{address}]:80" if ":" in address else f"{address}:80"
    control = t.start(["evil.example:80", entry], sockets=t.sockets_again())
    stream = t.connect(t.resolve("evil.example"), 80)
    check.equal(servers.read_exactly(stream, 3), b"220", "with the address as an entry")
    check.equal(control.audit.wait(ev="connect", verdict="allow")["ip"], address, "the audit")


for label, one, kind_of in FORBIDDEN:
    add(f"a name that resolves to {label} is refused",
        lambda t, one=one, kind_of=kind_of: forbidden(t, one, kind_of), __name__)


@test("a name that changes its address between two questions leads to the checked one alone")
def rebinding(t):
    turns = []

    def change(kind):
        if kind != names.A:
            return ()
        turns.append(kind)
        return ["9.9.9.10"] if len(turns) == 1 else ["10.77.0.5"]

    t.names["rebind.example"] = change
    good = t.serve("9.9.9.10", 80, servers.echo)
    evil = t.serve("10.77.0.5", 80, servers.echo)
    started = t.start(["rebind.example:80"])
    address = t.resolve("rebind.example")
    for _ in range(5):
        t.speaks(t.connect(address, 80))
    check.equal((good.accepted, evil.accepted), (5, 0), "connections to the two")
    check.equal(len(turns), 1, "questions while the answer is kept")
    # Another proxy asks anew, and is told the other address.
    other = t.start(["rebind.example:80"], sockets=t.sockets_again())
    t.refused(t.resolve("rebind.example"), 80)
    check.equal(other.audit.wait(ev="connect")["reason"], "address_forbidden", "the reason")
    check.equal(evil.accepted, 0, "connections to the private address")
    started.audit.wait(ev="connect", verdict="allow", count=5)


@test("aliases are followed by the host, and the address at their end is the one that counts")
def aliases(t):
    t.names.update({"first.example": names.alias("second.example"),
                    "second.example": names.alias("last.elsewhere.example"),
                    "last.elsewhere.example": ["9.9.9.10"],
                    "inward.example": names.alias("inner.elsewhere.example"),
                    "inner.elsewhere.example": ["10.77.0.5"],
                    "round.example": names.alias("and-round.example"),
                    "and-round.example": names.alias("round.example")})
    t.serve("9.9.9.10", 80, servers.echo)
    inner = t.serve("10.77.0.5", 80, servers.echo)
    started = t.start(["first.example:80", "inward.example:80", "round.example:80"])
    t.speaks(t.reach("first.example", 80))
    for name, reason in (("inward.example", "address_forbidden"), ("round.example", "not_resolved")):
        t.refused(t.resolve(name), 80)
        check.equal(started.audit.wait(ev="connect", host=name)["reason"], reason, name)
    check.equal(inner.accepted, 0, "connections to the private address")
    # What an alias leads to is no name of the list.
    check.equal(t.ask("second.example").code, names.NXDOMAIN, "a name on the way")


@test("of a hundred addresses some are tried, and none that is not public")
def hundred(t):
    t.names["public.example"] = [f"8.8.0.{number}" for number in range(1, 101)]
    t.names["private.example"] = [f"10.77.0.{number}" for number in range(1, 101)]
    t.serve("0.0.0.0", 80, servers.echo)
    started = t.start(["public.example:80", "private.example:80"])
    t.speaks(t.reach("public.example", 80))
    t.refused(t.resolve("private.example"), 80)
    line = started.audit.wait(ev="connect", host="private.example")
    check.equal((line["reason"], len(line["resolved"])), ("address_forbidden", 16), "the audit")


@test("an endpoint on the port of names is reached where it is listed, and is the responder's elsewhere")
def listed_port_of_names(t):
    t.names["names.example.com"] = ["9.9.9.10"]
    for address in ("9.9.9.10", "9.9.9.11", "9.9.9.12"):
        t.serve(address, 53, servers.banner)
    t.start(["names.example.com:53", "9.9.9.11:53", "api.example.com:443"])
    for address in (t.resolve("names.example.com"), "9.9.9.11"):
        stream = t.connect(address, 53)
        check.equal(servers.read_exactly(stream, 3), b"220", f"who is at {address}")
    for server in ("9.9.9.12", "8.8.8.8", t.resolve("api.example.com")):
        check.equal(len(t.ask("api.example.com", server=server, tcp=True).addresses), 1,
                    f"an answer from {server}")
    # A datagram is a question, whatever the list has.
    check.equal(len(t.ask("api.example.com", server="9.9.9.11").addresses), 1, "over UDP")


@test("names of the host's own files are known, and one that does not resolve is told apart")
def host_files(t):
    t.serve("8.8.1.1", 80, servers.echo)
    started = t.start(["from-hosts.example:80", "nowhere.example:80"])
    t.speaks(t.reach("from-hosts.example", 80))
    t.refused(t.resolve("nowhere.example"), 80)
    check.equal(started.audit.wait(ev="connect", verdict="deny")["reason"], "not_resolved",
                "the reason")


@test("a name with a dot is that name alone, one without is looked for where the host looks")
def search(t):
    """What the list means does not depend on the domains that the host's resolver tries."""
    for name in ("api.example.com.corp.example", "n1.example.com.corp.example"):
        t.names[name] = ["9.9.9.10"]
    t.names["inside.corp.example"] = ["9.9.9.10"]
    t.serve("9.9.9.10", 80, servers.echo)
    started = t.start(["api.example.com:80", "*.example.com:80", "inside:80"])
    t.speaks(t.reach("inside", 80))  # the control: the domain is tried
    for name in ("api.example.com", "n1.example.com"):
        # On a slow machine the reset is there before the call has come back.
        with contextlib.suppress(ConnectionResetError):
            t.is_reset(t.reach(name, 80))
    started.audit.wait(ev="connect", verdict="deny", reason="not_resolved", count=2)
    check.equal([name for name, _ in t.asked if name.endswith(".com.corp.example")], [],
                "names that were asked for elsewhere")


@test("when one address does not answer the next one is tried")
def next_address(t):
    t.names["two.example"] = ["9.9.9.10", "9.9.9.11"]
    t.names["slow.example"] = ["9.9.8.1", "2620:fe::10", "9.9.9.11"]
    t.names["closed.example"] = ["9.9.9.12"]
    t.serve("9.9.9.11", 80, servers.echo)
    started = t.start(["two.example:80", "slow.example:80", "closed.example:80"])
    for name in ("two.example", "slow.example"):
        t.speaks(t.reach(name, 80, 5))
        line = started.audit.wait(ev="connect", host=name)
        check.equal((line["verdict"], line["ip"]), ("allow", "9.9.9.11"), name)
    t.refused(t.resolve("closed.example"), 80)
    check.equal(started.audit.wait(ev="connect", host="closed.example")["reason"], "dial_failed",
                "nobody listens")


@test("one listener for every port, where the kernel redirects to it (TPROXY)")
def tproxy(t):
    rules = """
table inet egress {
  chain in {
    type filter hook prerouting priority mangle;
    meta l4proto tcp tcp dport != 53 meta mark set 1 tproxy to :9000
  }
}
"""
    made = subprocess.run(["/usr/sbin/nft", "-f", "-"], input=rules, text=True, check=False,
                          capture_output=True,
                          preexec_fn=lambda: must(libc.setns(t.jail, CLONE_NEWNET), "setns"))
    if made.returncode:
        raise check.Skip(f"no nf_tables: {made.stderr.strip()}", cannot=True)
    t.names["api.example.com"] = ["9.9.9.10", "2620:fe::10"]
    t.serve("9.9.9.10", 4711, servers.echo)
    listener = World.socket(t.jail, socket.AF_INET6)
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.setsockopt(socket.SOL_IP, 19, 1)  # IP_TRANSPARENT
    listener.setsockopt(socket.IPPROTO_IPV6, 75, 1)  # IPV6_TRANSPARENT
    listener.bind(("::", 9000))
    listener.listen(128)
    t.later(listener.close)
    started = t.start(["api.example.com:4711"],
                      sockets=[(proxy.TCP, listener), (proxy.DNS_UDP, t.answer())])
    t.speaks(t.connect(t.resolve("api.example.com"), 4711))
    t.speaks(t.connect(t.resolve("api.example.com", names.AAAA), 4711))
    for port in (1, 4712, 65535):
        t.refused("9.9.9.9", port)
        started.audit.wait(ev="connect", verdict="deny", host="9.9.9.9", port=port)
    # No entry can have port 0, so that none is said to allow it.
    with contextlib.suppress(OSError):
        t.connect("9.9.9.8", 0)
    line = started.audit.wait(ev="connect", verdict="deny", host="9.9.9.8")
    check.equal((line["reason"], line.get("entry")), ("address_not_allowed", None), "port 0")
