# SPDX-License-Identifier: Apache-2.0
"""From the start to the end: the owner's word, the jail's, and nobody's."""

import os
import signal
import socket
import threading
import time

from harness import check
from harness.discover import test
from stage import names, proxy, servers
from stage.servers import read_all, read_exactly


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return file.read().rpartition(")")[2].split()[0] == "Z"


@test("it ends with its owner, and its resolver and connections with it")
def hang_up(t):
    t.serve("9.9.9.10", 80, servers.echo)
    started = t.start(["9.9.9.10:80"])
    stream = t.connect("9.9.9.10", 80)
    t.speaks(stream)
    resolver, = started.children()
    started.control.close()
    check.equal(started.process.wait(30), 3, "its status")
    stream.settimeout(5)
    try:
        check.equal(stream.recv(1), b"", "the connection is over")
    except ConnectionResetError:
        pass
    t.until(lambda: gone(resolver), "the resolver is gone")


@test("the owner is killed")
def owner_killed(t):
    """The same by way of the kernel: another process holds the owner's side."""
    t.serve("9.9.9.10", 80, servers.echo)
    started = t.start(["9.9.9.10:80"])
    holder = os.fork()
    if holder == 0:
        signal.pause()
        os._exit(0)
    started.control.close()
    time.sleep(0.2)
    check.equal(started.process.poll(), None, "it lives while somebody has the socket")
    os.kill(holder, signal.SIGKILL)
    os.waitpid(holder, 0)
    check.equal(started.process.wait(30), 3, "its status")


@test("the owner is killed, and a child that it forked has a copy of its socket")
def owner_killed_copy_left(t):
    sockets, (reader, writer) = t.sockets(), os.pipe()
    owner = os.fork()
    if owner == 0:
        started = proxy.Proxy(t.options.egress, ["9.9.9.10:80"], sockets,
                              resolver=t.options.names).ready()
        holder = os.fork()
        if holder == 0:
            signal.pause()
        os.write(writer, f"{started.pid} {started.children()[0]} {holder}".encode())
        signal.pause()
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        started, resolver, holder = map(int, os.read(pipe.fileno(), 100).split())
    try:
        time.sleep(0.2)
        check.true(not gone(started), "it lives with its owner")
        os.kill(owner, signal.SIGKILL)
        os.waitpid(owner, 0)
        t.until(lambda: gone(started) and gone(resolver), "it ends with its owner")
        check.true(not gone(holder), "the child is there")
    finally:
        os.kill(holder, signal.SIGKILL)
        if not gone(started):
            os.kill(started, signal.SIGKILL)


@test("STOP lets what is under way end, takes nothing new, and tells what there was")
def drain(t):
    go = threading.Event()

    def serve(stream):
        read_exactly(stream, 5)
        go.wait(10)
        stream.sendall(b"answer")

    t.serve("9.9.9.10", 80, serve)
    started = t.start(["9.9.9.10:80"], drain_ms=8000)
    stream = t.connect("9.9.9.10", 80)
    stream.sendall(b"hello")
    for _ in range(3):
        t.refused("9.9.9.11", 80)
    t.refused("9.9.9.10", 443)
    proxy.send(started.control, proxy.STOP)
    time.sleep(0.2)
    check.equal(started.process.poll(), None, "it lives while a connection does")
    late = t.connect("9.9.9.10", 80)  # the test holds the listener: nobody takes it
    late.settimeout(0.3)
    try:
        check.fail(f"received {late.recv(1)!r}")
    except TimeoutError:
        pass
    go.set()
    check.equal(b"".join(read_all(stream)), b"answer", "the answer")
    stream.close()
    report = started.stop(tell=False)
    check.equal(report.code, 0, "its status")
    check.equal(report.denied, [
        (3, "address_not_allowed", 80, "9.9.9.11", "9.9.9.11:80"),
        (1, "port_not_allowed", 443, "9.9.9.10", "9.9.9.10:443")], "denied destinations")
    check.equal(report.summary, {"connections": 1, "denials": 4, "up": 5, "down": 6,
                                 "suppressed": 0, "unfinished": 0}, "the summary")
    last = started.audit.lines[-1]
    check.equal((last["ev"], last["connections"], last["up"], last["down"], last["denials"]),
                ("summary", 1, 5, 6, 4), "the last line of the audit")
    check.equal(started.audit.lines[0]["ev"], "policy", "the first line of the audit")


@test("what does not end by itself ends after drain_ms")
def drain_end(t):
    t.serve("9.9.9.10", 80, servers.silent)
    t.names["hole.example"] = ["9.9.8.1"]
    started = t.start(["9.9.9.10:80", "hole.example:80"], drain_ms=500)
    stream = t.connect("9.9.9.10", 80)
    started.audit.wait(ev="connect", verdict="allow")
    dialling = t.reach("hole.example", 80)
    began = time.monotonic()
    report = started.stop()
    check.within(time.monotonic() - began, 0.4, 20, "seconds")
    check.equal(report.code, 0, "its status")
    t.is_reset(stream)
    t.is_reset(dialling)
    check.equal(started.audit.wait(ev="close")["end"], "worker_gone", "how it ended")


@test("without a drain, and without a connection, STOP is the end at once")
def no_drain(t):
    t.serve("9.9.9.10", 80, servers.silent)
    for drain_ms, busy in ((0, True), (60000, False)):
        started = t.start(["9.9.9.10:80"], t.sockets_again(), drain_ms=drain_ms)
        if busy:
            t.connect("9.9.9.10", 80)
            started.audit.wait(ev="connect", verdict="allow")
        began = time.monotonic()
        check.equal(started.stop().code, 0, "its status")
        check.within(time.monotonic() - began, 0, 20, "seconds")


@test("without its resolver it knows no name, and addresses work on")
def resolver_killed(t):
    for name in ("one.example", "two.example"):
        t.names[name] = ["9.9.9.10"]
    t.names["mute.example"] = lambda kind: None
    t.serve("9.9.9.10", 80, servers.echo)
    started = t.start(["one.example:80", "two.example:80", "mute.example:80", "9.9.9.10:80"],
                      connect_ms=20000)
    t.speaks(t.reach("one.example", 80))
    waiting = t.reach("mute.example", 80)
    time.sleep(0.2)
    resolver, = started.children()
    os.kill(resolver, signal.SIGKILL)
    t.is_reset(waiting)
    t.refused(t.resolve("two.example"), 80)
    check.equal(started.audit.wait(ev="connect", host="two.example")["reason"], "not_resolved",
                "the reason")
    t.speaks(t.connect("9.9.9.10", 80))
    before = ticks(started)
    time.sleep(0.4)
    check.within(ticks(started) - before, 0, 4, "ticks: the dead resolver costs nothing")


def ticks(started):
    with open(f"/proc/{started.pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@test("sockets come from the jail at any time, and its hang-up ends nothing")
def from_jail(t):
    t.names["api.example.com"] = ["9.9.9.10"]
    t.serve("9.9.9.10", 80, servers.echo)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    started = t.start(["api.example.com:80"], [], jail=theirs)
    theirs.close()
    for kind, one in t.sockets():
        proxy.send(ours, proxy.SOCKETS, kind.to_bytes(4, "little"), [one.fileno()])
    t.speaks(t.reach("api.example.com", 80))
    ours.close()
    time.sleep(0.1)
    t.speaks(t.reach("api.example.com", 80))
    check.equal(started.process.poll(), None, "it lives")


@test("what the jail may not send changes nothing")
def hostile_jail(t):
    t.serve("9.9.9.10", 80, servers.echo)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    started = t.start(["9.9.9.10:80"], jail=theirs)
    theirs.close()
    before = started.descriptors()
    plain = socket.socket()
    reader, writer = os.pipe()
    for kind, fd in ((proxy.TCP, plain.fileno()), (proxy.TCP, reader), (proxy.DNS_UDP, writer),
                     (99, plain.fileno()), (0, plain.fileno())):
        proxy.send(ours, proxy.SOCKETS, kind.to_bytes(4, "little"), [fd])
    proxy.send(ours, proxy.SOCKETS, b"\1\0", [reader])
    proxy.send(ours, proxy.SOCKETS, b"")
    for kind in (proxy.STOP, proxy.ENTRIES, proxy.CONFIG, proxy.START, 77):
        proxy.send(ours, kind, b"x" * 40, [reader])
    ours.send(b"x")
    t.until(lambda: started.descriptors() <= before, "nothing of it is kept")
    t.speaks(t.connect("9.9.9.10", 80))
    for fd in (reader, writer):
        os.close(fd)
    plain.close()
    ours.close()


@test("connections and questions that came before it was ready are served")
def early(t):
    t.names["api.example.com"] = ["9.9.9.10"]
    t.serve("9.9.9.10", 80, servers.echo)
    started = t.start(["9.9.9.10:80", "api.example.com:80"], ready=False, start=False)
    stream = t.connect("9.9.9.10", 80)
    stream.sendall(b"early")
    time.sleep(0.2)
    proxy.send(started.control, proxy.START)
    check.equal(t.resolve("api.example.com"), "198.18.0.1", "the answer")
    check.equal(read_exactly(stream, 5), b"early", "the echo")
    started.ready()


@test("what the owner says wrong is refused, by step and detail")
def bad_setup(t):
    def fails(step, detail, entries=("9.9.9.10:80",), sockets=(), **options):
        made = t.start(list(entries), list(sockets), ready=False, **options)
        code, said, why = made.failure()
        check.true(code > 0, "an errno")
        check.contains(said, step)
        check.contains(why, detail)

    fails("configuration", "version", version=2)
    fails("configuration", "connections", connections=0)
    fails("configuration", "names", names=0)
    fails("configuration", "connect_ms", connect_ms=0)
    fails("configuration", "flags", flags=1 << 9)
    fails("configuration", "no end", worker=b"w" * 64)
    fails("entries", "wildcard", entries=["*:443"])
    fails("entries", "port", entries=["api.example.com"])
    fails("sockets", "kind", sockets=[(proxy.TCP, socket.socket())])


@test("it gives up its ids, and is confined in them")
def ids(t):
    t.names["api.example.com"] = ["9.9.9.10"]
    t.serve("9.9.9.10", 80, servers.echo)
    started = t.start(["api.example.com:80"], ids=(12345, 23456))
    # The resolver is confined once there is something to resolve.
    t.speaks(t.reach("api.example.com", 80))
    for pid in (started.pid, *started.children()):
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            status = dict(line.split(":\t", 1) for line in file.read().splitlines())
        check.equal(status["Uid"].split(), ["12345"] * 4, "uid")
        check.equal(status["Gid"].split(), ["23456"] * 4, "gid")
        check.equal(status["Groups"].strip(), "", "groups")
        check.equal(int(status["CapEff"], 16), 0, "capabilities")
        check.equal(status["NoNewPrivs"], "1", "no_new_privs")
        check.one_of(status["Seccomp"], {"2"} if not t.sanitized else {"0"}, "the filter")


@test("a hostile worker's flood of denials is counted, and never holds up the rest")
def flood(t):
    t.serve("9.9.9.10", 80, servers.echo)
    started = t.start(["9.9.9.10:80"])
    for number in range(600):
        t.ask(f"flood{number}.example", names.A)
    t.speaks(t.connect("9.9.9.10", 80))
    report = started.stop()
    check.equal(report.summary["denials"], 600, "denials")
    told = len(started.audit.find(ev="dns", verdict="deny"))
    check.equal(told + report.summary["suppressed"], 600, "lines and those left out")
    check.true(len(report.denied) <= 64, "destinations that are told apart")
    check.true(started.audit.find(ev="connect", verdict="allow"), "an allowed one is always told")


@test("nobody reads the audit: the relay goes on, and what was lost is counted")
def unread_audit(t):
    """Those that still wait at the end as well: they are lost with the proxy."""
    t.serve("9.9.9.10", 80, servers.echo)
    started = t.start(["9.9.9.10:80"])
    started.audit.pause()
    for _ in range(1800):
        with t.connect("9.9.9.10", 80) as stream:
            t.speaks(stream)
    report = started.stop()
    check.equal(report.summary["connections"], 1800, "connections")
    check.true(report.summary["suppressed"] > 0, "lines were left out")
    check.equal(len(started.audit.lines) + report.summary["suppressed"], 2 + 2 * 1800,
                "lines and those left out")
