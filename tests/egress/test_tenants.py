# SPDX-License-Identifier: Apache-2.0
"""A proxy for many workers: what each of them has is its own, and what one does, or its owner says of
it, reaches no other."""

import errno
import os
import socket
import struct
import threading

from harness import check
from harness.discover import test
from harness.jail import wait_for
from stage import names, proxy
from stage.servers import echo
from stage.tenants import EUSERS, TENANT, Pool


def two(t, **options):
    """Each may reach one name and one address; the names have the same server."""
    for address in ("9.9.9.10", "9.9.9.11"):
        t.serve(address, 80, echo)
    t.names["one.example"], t.names["two.example"] = ["9.9.9.10"], ["9.9.9.11"]
    pool = Pool(t)
    return pool, [pool.enter(entries=[f"{name}.example:80"], worker=name.encode(), **options).ready()
                  for name in ("one", "two")]


@test("grants, names, counts, refusals and audit are each one's own")
def apart(t):
    _, both = two(t)
    mine = ["one.example", "two.example"]
    addresses = []
    for tenant, name in zip(both, mine):
        with tenant.here():
            addresses.append(t.resolve(name))
            t.speaks(t.connect(addresses[-1], 80))
    for tenant, name, server in zip(both, reversed(mine), ("9.9.9.11", "9.9.9.10")):
        with tenant.here():
            check.equal(t.ask(name).code, names.NXDOMAIN, f"the answer for {name}")
            t.refused(server, 80)
    # The first name of each has the first number: the same address, and another destination.
    check.equal(addresses[0], addresses[1], "the addresses")
    for tenant, own, other, server in zip(both, mine, reversed(mine), ("9.9.9.11", "9.9.9.10")):
        report = tenant.stop()
        check.equal((report.summary["connections"], report.summary["up"]), (1, 5), "its counts")
        check.equal(sorted((reason, host) for _, reason, _, host, _ in report.denied),
                    [("address_not_allowed", server), ("host_not_allowed", other)],
                    "its refusals")
        hosts = {line.get("host") for line in tenant.audit.lines}
        check.equal(hosts, {None, own, other, server}, "hosts of its audit")
        check.equal({line["worker"] for line in tenant.audit.lines}, {own.split(".")[0]}, "workers")


@test("what one has resolved is not known to another")
def answers(t):
    t.serve("9.9.9.10", 80, echo)
    t.names["same.example"] = ["9.9.9.10"]
    pool = Pool(t)
    for count in (1, 2):
        tenant = pool.enter(entries=["same.example:80"]).ready()
        with tenant.here():
            for _ in range(2):
                t.speaks(t.reach("same.example", 80))
        before = len(t.asked)
        with tenant.here():
            t.speaks(t.reach("same.example", 80))
        check.equal(len(t.asked), before, "of its own it asks no more")
        asked_by_first = before if count == 1 else asked_by_first
    check.true(len(t.asked) > asked_by_first, "the second one has asked for itself")


@test("a full table, and spent bytes, are one's own")
def limits(t):
    t.serve("9.9.9.10", 80, echo)
    pool = Pool(t)
    full = pool.enter(entries=["9.9.9.10:80"], connections=2).ready()
    spent = pool.enter(entries=["9.9.9.10:80"], limit=10).ready()
    other = pool.enter(entries=["9.9.9.10:80"]).ready()
    with full.here():
        held = [t.connect("9.9.9.10", 80) for _ in range(2)]
        for stream in held:
            t.speaks(stream)
        t.refused("9.9.9.10", 80)
    with spent.here():
        stream = t.connect("9.9.9.10", 80)
        t.speaks(stream)
        stream.sendall(b"x")
        t.is_reset(stream)
    with other.here():
        for _ in range(3):
            t.speaks(t.connect("9.9.9.10", 80), b"more than ten bytes")
    check.equal(other.stop().summary["denials"], 0, "denials of the other")
    check.equal(full.stop().summary["denials"], 1, "denials of the full one")


@test("one that would pass a limit of the pool is refused, and let in once there is room")
def room(t):
    t.serve("9.9.9.10", 80, echo)
    for limit, wanted in (({"tenants": 1}, {}), ({"connections": 300}, {}), ({"names": 100}, {})):
        pool = Pool(t, **limit)
        first = pool.enter(entries=["9.9.9.10:80"], **wanted).ready()
        code, step, _ = pool.enter(entries=["9.9.9.10:80"], **wanted).refused()
        check.equal((code, step), (EUSERS, "make room"), f"with {limit}")
        first.stop()
        second = pool.enter(entries=["9.9.9.10:80"], **wanted).ready()
        with second.here():
            t.speaks(t.connect("9.9.9.10", 80))


@test("messages that are none reach nobody, and end at most the one that they came from")
def nonsense(t):
    pool, (victim, witness) = two(t)
    with victim.here():
        stream = t.reach("one.example", 80)
        t.speaks(stream)
    # To the proxy itself: none of these is a tenant, whatever else it looks like.
    reader, writer = os.pipe()
    for kind, data, fds in ((proxy.STOP, b"", ()), (proxy.CONFIG, b"\0" * 184, ()),
                            (proxy.ENTRIES, b"two.example:80\0", ()), (proxy.START, b"", ()),
                            (TENANT, b"", [writer]), (TENANT, struct.pack("I", 2), [writer]),
                            (TENANT, struct.pack("I", 1), ()), (99, b"x" * 4000, [writer] * 4)):
        proxy.send(pool.control, kind, data, fds)
    # A tenant that is no socket leaves at once; one that is none of ours, too.
    proxy.send(pool.control, TENANT, struct.pack("I", 1), [writer], value=1)
    os.close(reader)
    os.close(writer)
    # To a tenant that serves: what it may not say any more changes nothing.
    for kind, data in ((proxy.CONFIG, b"\0" * 184), (proxy.ENTRIES, b"one.example:80\0"),
                       (proxy.START, b""), (TENANT, struct.pack("I", 1)), (99, b"")):
        witness.say(kind, data)
    with witness.here():
        check.equal(t.ask("one.example").code, names.NXDOMAIN, "what it may not learn")
        t.speaks(t.reach("two.example", 80))
    # Before it serves: each is refused alone.
    for kind, data in ((proxy.ENTRIES, b"no end"), (proxy.STOP, b""), (proxy.CONFIG, b""),
                       (TENANT, struct.pack("I", 1)), (99, b"")):
        wrong = pool.enter(start=False)
        wrong.say(kind, data)
        wrong.refused()
    wrong = pool.enter(flags=proxy.FLAG_IDS, start=False)
    check.equal(wrong.refused()[1], "read configuration", "the step")
    with victim.here():
        t.speaks(stream)
    check.equal(victim.stop().summary["connections"], 1, "connections of the victim")


@test("one whose jail was lost on the way is refused")
def lost_jail(t):
    """As the kernel does where the proxy has no number left for a descriptor."""
    pool, (witness, _) = two(t)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    proxy.send(pool.control, TENANT, struct.pack("I", 1), [theirs.fileno()], value=2)
    theirs.close()
    kind, code = struct.unpack_from("Ii", ours.recv(4096))
    check.equal((kind, code), (proxy.FAILED, errno.EMFILE), "the answer")
    check.equal(ours.recv(4096), b"", "the end of it")
    ours.close()
    with witness.here():
        t.speaks(t.reach("one.example", 80))


@test("the end of one is seen by its owner, whoever has a copy of the proxy's socket")
def copied_socket(t):
    """As a child of fork() has, which came while the socket was handed over."""
    pool, (stays, _) = two(t)
    copied = pool.enter(entries=["9.9.9.10:80"], copied=True).ready()
    copied.stop()
    with stays.here():
        t.speaks(t.reach("one.example", 80))


@test("an end closes all of one's own, and nothing else")
def ends(t):
    pool, (stays, first) = two(t)
    with stays.here():
        kept = t.reach("one.example", 80)
        t.speaks(kept)
    first.stop()
    before, memory = pool.descriptors(), pool.rss()
    for turn in range(8):
        tenant = pool.enter(entries=["9.9.9.10:80", "two.example:80"]).ready()
        with tenant.here():
            streams = [t.connect("9.9.9.10", 80), t.reach("two.example", 80)]
            for stream in streams:
                t.speaks(stream)
        if turn % 2:
            tenant.hang_up()
            for stream in streams:
                t.is_reset(stream)
        else:
            for stream in streams:
                stream.close()
            check.equal(tenant.stop().summary["connections"], 2, "its connections")
        # Its last one is closed behind the hang-up.
        wait_for(lambda: pool.descriptors() == before, f"no descriptor more after turn {turn}")
    # A sanitizer keeps for a while what is freed.
    room = 8192 if t.sanitized else 512
    check.true(pool.rss() <= memory + room, f"memory: {memory} KiB, then {pool.rss()}")
    t.speaks(kept)


@test("a reader of one's audit that does not read holds up nobody's end but its own")
def slow_reader(t):
    _, (slow, other) = two(t)
    slow.audit.pause()
    with slow.here():
        for number in range(1500):
            t.ask(f"{number:060}.example")
    done = threading.Event()
    thread = threading.Thread(target=lambda: (slow.stop(), done.set()))
    thread.start()
    with other.here():
        for _ in range(5):
            t.speaks(t.reach("two.example", 80))
    check.equal(other.stop().summary["connections"], 5, "connections of the other")
    slow.audit.end()
    thread.join(30)
    check.true(done.is_set(), "the slow one has its end")


@test("with the owner's end the proxy ends, and everybody's connections")
def owner_ends(t):
    pool, both = two(t)
    streams = []
    for tenant, name in zip(both, ("one.example", "two.example")):
        with tenant.here():
            streams.append(t.reach(name, 80))
            t.speaks(streams[-1])
    pool.control.close()
    pool.process.wait(30)
    for stream in streams:
        stream.settimeout(30)
        check.equal(stream.recv(1), b"", "the end of a connection")


@test("without a resolver those who are there stay, and nobody else comes")
def no_resolver(t):
    pool, (tenant, other) = two(t)
    with tenant.here():
        stream = t.reach("one.example", 80)
        t.speaks(stream)
    for child in pool.children():
        os.kill(child, 9)
    check.equal(pool.receive(30), None, "what the owner hears")
    t.speaks(stream)
    check.equal(tenant.stop().summary["connections"], 1, "its connections")
    check.equal(other.stop().summary["connections"], 0, "those of the other")
    check.equal(pool.process.wait(30), 0, "the end with the last one")


@test("names that nobody answers hold up no other tenant's")
def slow_names(t):
    many = 40
    t.serve("9.9.9.10", 80, echo)
    t.names["good.example"] = ["9.9.9.10"]
    for number in range(many):
        t.names[f"n{number}.slow.example"] = lambda *_: None
    pool = Pool(t)
    slow = pool.enter(entries=["*.slow.example:80"], connect_ms=600000).ready()
    other = pool.enter(entries=["good.example:80"], connect_ms=600000).ready()
    with slow.here():
        for number in range(many):
            t.reach(f"n{number}.slow.example", 80)
    with other.here():
        t.speaks(t.reach("good.example", 80, timeout=60))
    # In the order in which they were asked it would have been the last of all.
    check.true(len(slow.audit.find(reason="not_resolved")) < many // 2, "most of them still wait")
    # And the control: they are asked.
    slow.audit.wait(60, reason="not_resolved")
