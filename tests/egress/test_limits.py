# SPDX-License-Identifier: Apache-2.0
"""What a worker may use up: connections, time, bytes, names, descriptors; and what happens then."""

import os
import re
import resource
import signal
import socket
import subprocess
import threading
import time

from harness import check
from harness.discover import test
from stage import names, proxy, servers, world
from stage.servers import read_exactly


def begin(t, serve=servers.echo, **options):
    server = t.serve("9.9.9.10", 80, serve)
    return server, t.start(["9.9.9.10:80"], **options)


def connect(t, **options):
    return t.connect("9.9.9.10", 80, **options)


@test("a full table refuses new connections, loses none, and takes new ones when there is room")
def full(t):
    _, started = begin(t, connections=20)
    streams = [connect(t) for _ in range(20)]
    for stream in streams:
        t.speaks(stream)
    for _ in range(50):
        t.refused("9.9.9.10", 80)
    line = started.audit.wait(ev="connect", verdict="deny", count=50)
    check.equal((line["reason"], line["host"]), ("limit", "9.9.9.10"), "the audit")
    for stream in streams:
        t.speaks(stream)
    # A full table does not make the proxy turn in circles.
    before = sum(time_of(started))
    time.sleep(0.5)
    check.within(sum(time_of(started)) - before, 0, 5, "ticks of the processor in half a second")
    for stream in streams[:5]:
        stream.close()
    t.until(lambda: len(started.audit.find(ev="close")) == 5, "five connections end")
    for _ in range(5):
        t.speaks(connect(t))
    t.refused("9.9.9.10", 80)


def time_of(started):
    with open(f"/proc/{started.pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return int(fields[11]), int(fields[12])


@test("without descriptors connections wait, none is lost, and nothing turns in circles")
def starved(t):
    _, started = begin(t, connections=500)
    t.speaks(connect(t))
    room = started.descriptors() + 20
    resource.prlimit(started.pid, resource.RLIMIT_NOFILE, (room, room))
    streams = [connect(t) for _ in range(60)]
    time.sleep(0.3)
    check.within(started.descriptors(), 1, room, "descriptors")
    before = sum(time_of(started))
    time.sleep(0.5)
    check.within(sum(time_of(started)) - before, 0, 10, "ticks of the processor in half a second")
    # Those that came in first may have found none for the way out: they were told so.
    served = 0
    for stream in streams:
        try:
            t.speaks(stream)
            served += 1
        except (ConnectionResetError, EOFError, BrokenPipeError):
            pass
        stream.close()
    t.until(lambda: served + len(started.audit.find(ev="connect", reason="limit")) == 60,
            "every connection is served or refused")
    check.within(served, 30, 60, "connections that were served")
    t.speaks(connect(t))


@test("a connection without a byte ends after idle_ms, one with bytes does not")
def idle(t):
    _, started = begin(t, idle_ms=1500)
    quiet, busy = connect(t), connect(t)
    began = time.monotonic()
    for _ in range(18):
        t.speaks(busy)
        time.sleep(0.1)
    t.is_reset(quiet)
    t.speaks(busy)
    line = started.audit.wait(ev="close", end="timeout")
    check.within(line["ms"], 1450, 15000, "life of the quiet one in ms")
    check.equal(len(started.audit.find(ev="close")), 1, "connections that have ended")


@test("a door waits for a request no longer than idle_ms")
def idle_door(t):
    door = t.listen(3128, "127.0.0.1")
    t.start(["9.9.9.10:80"], [(proxy.DOOR, door)], idle_ms=300)
    stream = t.connect("127.0.0.1", 3128)
    stream.sendall(b"CONNECT ")
    t.is_reset(stream)


@test("dialling ends after connect_ms, and so does the wait for a name")
def connect_time(t):
    t.names["hole.example"] = ["9.9.8.1"]
    t.names["mute.example"] = lambda kind: None
    started = t.start(["hole.example:80", "mute.example:80"], connect_ms=600)
    for name, reason in (("hole.example", "dial_failed"), ("mute.example", "not_resolved")):
        began = time.monotonic()
        t.refused(t.resolve(name), 80)
        check.within(time.monotonic() - began, 0.5, 20, f"seconds until {name} is given up")
        check.equal(started.audit.wait(ev="connect", host=name)["reason"], reason, name)


@test("a name that nobody answers for does not hold up the others")
def mute_names(t):
    for number in range(3):
        t.names[f"mute{number}.example"] = lambda kind: None
    t.names["good.example"] = ["9.9.9.10"]
    t.serve("9.9.9.10", 80, servers.echo)
    t.start(["good.example:80"] + [f"mute{number}.example:80" for number in range(3)],
            connect_ms=60000)
    for number in range(3):
        t.reach(f"mute{number}.example", 80)
    began = time.monotonic()
    t.speaks(t.reach("good.example", 80))
    check.within(time.monotonic() - began, 0, 20, "seconds of the good one")


@test("the bytes of a policy are counted over all connections, and then all is over")
def spent(t):
    _, started = begin(t, limit=1_000_000)
    first, second = connect(t), connect(t)
    first.sendall(b"x" * 300_000)
    check.equal(len(read_exactly(first, 300_000)), 300_000, "within the limit")
    t.speaks(second)
    total = 600_010
    second.sendall(b"y" * 400_000)
    got = 0
    try:
        while True:
            piece = second.recv(65536)
            if not piece:
                check.fail("the end looks like a whole answer")
            got += len(piece)
    except ConnectionResetError:
        pass
    first.sendall(b"more")
    t.is_reset(first)
    t.refused("9.9.9.10", 80)
    started.audit.wait(ev="close", end="limit", count=2)
    check.equal(started.audit.wait(ev="connect", verdict="deny")["reason"], "limit", "afterwards")
    summary = started.stop().summary
    check.within(summary["up"] + summary["down"], total, 1_000_000, "bytes in all")


def buffers(namespace, which):
    """The largest (receive, send) buffers that any of these connections may have."""
    with world.inside(namespace):
        lines = subprocess.run(["ss", "-tmnHO", which],
                               stdout=subprocess.PIPE, check=True, text=True).stdout
    sizes = re.findall(r"rb(\d+),t\d+,tb(\d+)", lines)
    check.true(sizes, f"there are connections: {lines}")
    return max(int(size) for size, _ in sizes), max(int(size) for _, size in sizes)


@test("the buffers of many connections do not grow, those of a few do")
def small_buffers(t):
    def pass_through(stream):
        sender = threading.Thread(target=stream.sendall, args=(bytes(32 << 20),))
        sender.start()
        read_exactly(stream, 32 << 20)
        sender.join()

    for port in (80, 8080):
        t.serve("9.9.9.10", port, servers.echo)
    t.start(["9.9.9.10:80", "9.9.9.10:8080"])
    home = world.here()
    # The control: the first one's buffers at the proxy grow.
    first = connect(t)
    pass_through(first)
    for place, which in (home, "dport = :80"), (t.jail, "sport = :80"):
        for number, size in enumerate(buffers(place, which)):
            check.true(size > 131072, f"buffer {number} of {which} has grown to {size}")
    others = [connect(t) for _ in range(15)]
    for other in others:
        t.speaks(other)
    last = t.connect("9.9.9.10", 8080)
    pass_through(last)
    for place, which in (home, "dport = :8080"), (t.jail, "sport = :8080"):
        for number, size in enumerate(buffers(place, which)):
            check.within(size, 1, 131072, f"bytes of buffer {number} of {which}")
    os.close(home)


@test("the table of names is bounded, and those that are in it stay")
def name_table(t):
    t.serve("9.9.9.10", 80, servers.echo)
    t.names["n0.example.com"] = ["9.9.9.10"]
    started = t.start(["*.example.com:80"], names=10)
    first = t.resolve("n0.example.com")
    for number in range(1, 10):
        t.resolve(f"n{number}.example.com")
    for number in range(10, 30):
        check.equal(t.ask(f"n{number}.example.com").code, names.SERVFAIL, f"name {number}")
    check.equal(t.resolve("n0.example.com"), first, "the first one")
    t.speaks(t.connect(first, 80))
    started.audit.wait(ev="dns", verdict="deny", reason="limit")


@test("names that are looked up through a door count as those that DNS was asked for")
def names_of_doors(t):
    t.serve("9.9.9.10", 80, servers.echo)
    listener = t.listen(3128, "127.0.0.1")
    started = t.start(["*.example.com:80"], [(proxy.DOOR, listener), *t.sockets()], names=10)
    for number in range(20):
        t.names[f"n{number}.example.com"] = ["9.9.9.10"]

    def status(number):
        stream = t.connect("127.0.0.1", 3128)
        stream.sendall(f"CONNECT n{number}.example.com:80 HTTP/1.1\r\n\r\n".encode())
        return read_exactly(stream, 12)[9:]

    for number in range(5):
        t.resolve(f"n{number}.example.com")
    # The control: known ones, and new ones as long as there is room.
    for number in range(10):
        check.equal(status(number), b"200", f"name {number}")
    for number in range(10, 20):
        check.equal(status(number), b"503", f"name {number}")
    check.equal(status(3), b"200", "one that is known")
    started.audit.wait(ev="connect", verdict="deny", reason="limit", count=10)
    check.equal(len({name for name, _ in t.asked if name.endswith("example.com")}), 10,
                "names that left the host")


@test("datagrams that are no question do not keep one waiting")
def empty_datagrams(t):
    t.names["api.example.com"] = ["9.9.9.10"]
    started = t.start(["api.example.com:80"])
    noise = world.World.socket(t.jail, socket.AF_INET, socket.SOCK_DGRAM)
    t.later(noise.close)
    noise.connect(("8.8.8.8", 53))
    for what in b"", bytes(4000):
        os.kill(started.pid, signal.SIGSTOP)
        for _ in range(100):
            noise.send(what)
        threading.Timer(0.5, os.kill, (started.pid, signal.SIGCONT)).start()
        t.resolve("api.example.com")


@test("a thousand names of a wildcard neither fill the resolver nor forget those who wait")
def many_names(t):
    t.serve("9.9.9.10", 80, servers.echo)
    expected = 1100
    for number in range(expected):
        t.names[f"n{number}.example.com"] = ["9.9.9.10"]
    started = t.start(["*.example.com:80"], names=2000, connections=200)
    before = started.rss()
    for number in range(expected):
        with t.reach(f"n{number}.example.com", 80) as stream:
            t.speaks(stream)
    check.within(started.rss() - before, 0, 4096, "KiB that the proxy has grown by")
    started.audit.wait(ev="connect", verdict="allow", count=expected)


@test("connections to DNS over TCP count, and an idle one ends")
def dns_clients(t):
    started = t.start(["9.9.9.10:80"], connections=10)
    streams = [t.connect("8.8.8.8", 53) for _ in range(10)]
    t.until(lambda: started.descriptors() > 20, "they are accepted")
    t.refused("8.8.8.8", 53)
    check.equal(t.ask("nowhere.example").code, names.NXDOMAIN, "UDP works on")
    streams[0].close()
    t.until(lambda: not refuses(t), "there is room again")


def refuses(t):
    try:
        t.ask("nowhere.example", tcp=True)
        return False
    except (ConnectionResetError, EOFError, socket.timeout):
        return True
