# SPDX-License-Identifier: Apache-2.0
"""Many connections, some of them cut at random: what arrives is what was sent, and nothing of them
stays behind."""

import contextlib
import hashlib
import os
import pathlib
import random
import socket
import threading

from harness import check
from harness.discover import test
from stage import servers
from stage.context import reset
from stage.servers import read_all

WORKERS = 4  # processes of clients
THREADS = 12  # in each of them
BLOCK = random.Random(3).randbytes(1 << 20)
CUT_EVERY = 5
SLACK = 1024  # KiB: the allocator's and the kernel's rounding
SLACK_SANITIZED = 8192  # what was freed is kept for a while


def child(function):
    """A process of its own, for the sake of the interpreter's lock; ends with 0 if all is well."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        code = function()
    finally:
        os._exit(code)


def serve_apart(t, function):
    """The server in a process of its own."""
    ready, started = os.pipe()

    def run():
        listener = servers.listener_of(t.world.internet, "9.9.9.10", 80)
        os.write(started, b"!")
        function(listener)
        return 0

    pid = child(run)
    os.read(ready, 1)
    os.close(ready)
    os.close(started)
    t.later(os.waitpid, pid, 0)
    t.later(os.kill, pid, 9)


def size_of(dice):
    """Most are short; some are long enough for a pipe, and for a full buffer."""
    return dice.choice((0, 1, 700, 1400, 9000, 60000)) if dice.random() < 0.9 else \
        dice.randrange(65536, 1 << 20)


def one(t, dice, cut):
    """True: it went as it should."""
    size = size_of(dice)
    at = dice.randrange(0, len(BLOCK) - size + 1)
    with t.connect("9.9.9.10", 80, timeout=60) as stream:
        if cut:
            with contextlib.suppress(OSError):
                stream.sendall(BLOCK[at:at + size // 2])
                if dice.random() < 0.5:
                    reset(stream)
            return True
        stream.sendall(BLOCK[at:at + size])
        stream.shutdown(socket.SHUT_WR)
        return b"".join(read_all(stream)).decode() == \
            hashlib.sha256(BLOCK[at:at + size]).hexdigest()


def clients(t, seed, count):
    """The exit status of a process of clients."""
    left, failures, lock = [count], [], threading.Lock()

    def work(number):
        dice = random.Random(f"{seed} {number}")
        while True:
            with lock:
                if left[0] == 0 or len(failures) > 5:
                    return
                left[0] -= 1
                cut = left[0] % CUT_EVERY == 0
            try:
                if not one(t, dice, cut):
                    failures.append("another digest")
            except OSError as error:
                failures.append(repr(error))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for failure in failures:
        print(f"# {failure}", flush=True)
    return 1 if failures else 0


@test("connections with checksums, every fifth one cut", seconds=900)
def load(t):
    total = t.options.connections
    serve_apart(t, servers.digest_many)
    started = t.start(["9.9.9.10:80"], connections=512)
    check.true(one(t, random.Random(1), False), "the first one")
    descriptors, before = started.descriptors(), started.rss()
    pids = [child(lambda seed=seed: clients(t, seed, total // WORKERS)) for seed in range(WORKERS)]
    for pid in pids:
        check.equal(os.waitpid(pid, 0)[1], 0, "failures of the clients")
    grown = started.rss() - before
    # Empty pipes are kept for the next ones, two ends each.
    t.until(lambda: started.descriptors() <= descriptors + 2 * 128, "connections are closed")
    print(f"# {total} connections, the proxy grew by {grown} KiB", flush=True)
    slack = SLACK_SANITIZED if t.sanitized else SLACK
    check.within(grown, -slack, slack, "KiB that the proxy has grown by")
    report = started.stop()
    check.within(report.summary["connections"], total - total // CUT_EVERY, total + 1,
                 "connections that were dialled")
    check.equal(report.summary["denials"], 0, "denials")
    closed = len(started.audit.find(ev="close"))
    check.equal(closed + report.summary["suppressed"] // 2, report.summary["connections"],
                "lines of their ends")


def more_ports(t):
    """Those that closed connections have left rest for a minute, and the usual ones are not enough
    for as many again."""
    ports = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")
    usual = ports.read_text(encoding="ascii")
    ports.write_text("10000 65000", encoding="ascii")
    t.later(ports.write_text, usual, "ascii")


@test("an idle connection has no more than a KiB of the proxy's memory", seconds=300)
def idle(t):
    limit = int(os.sysconf("SC_OPEN_MAX"))
    count = min(t.options.connections, (limit - 500) // 2)
    more_ports(t)
    serve_apart(t, servers.echo_many)
    started = t.start(["9.9.9.10:80"], connections=count + 8)
    streams = [t.connect("9.9.9.10", 80) for _ in range(8)]
    started.audit.wait(ev="connect", verdict="allow", count=8)
    before = started.rss()
    streams += [t.connect("9.9.9.10", 80, timeout=60) for _ in range(count)]
    t.until(lambda: started.descriptors() >= 2 * (count + 8), "all are dialled", 240)
    each = (started.rss() - before) * 1024 / count
    print(f"# {count} idle connections, {each:.0f} bytes each", flush=True)
    check.within(each, 0, 4096 if t.sanitized else 1024, "bytes of the proxy's memory for each")
    for stream in streams[::100]:
        t.speaks(stream)
