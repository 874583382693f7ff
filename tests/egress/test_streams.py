# SPDX-License-Identifier: Apache-2.0
"""Bytes: all of them, in order, ends and resets as they were, and nothing kept for a slow reader."""

import contextlib
import hashlib
import os
import random
import select
import socket
import threading
import time

from harness import check
from harness.discover import test
from stage import servers
from stage.context import reset
from stage.servers import read_all, read_exactly

MEBI = 1 << 20
PAYLOAD = random.Random(7).randbytes(3 * MEBI + 12345)


def begin(t, serve, **options):
    server = t.serve("9.9.9.10", 80, serve)
    return server, t.start(["9.9.9.10:80"], **options)


def connect(t, **options):
    return t.connect("9.9.9.10", 80, **options)


@test("half-close: the server answers what it has read to the end")
def half_close(t):
    _, started = begin(t, servers.digest)
    for size in (0, 1, 65535, 65536, 65537, len(PAYLOAD)):
        stream = connect(t)
        stream.sendall(PAYLOAD[:size])
        stream.shutdown(socket.SHUT_WR)
        check.equal(b"".join(read_all(stream)).decode(),
                    hashlib.sha256(PAYLOAD[:size]).hexdigest(), f"digest of {size} bytes")
    line = started.audit.wait(ev="close", up=len(PAYLOAD))
    check.equal((line["down"], line["end"]), (64, "fin"), "the audit")
    summary = started.stop().summary
    check.equal(summary["up"], 3 * 65536 + 1 + len(PAYLOAD), "bytes up, of all")


@test("half-close: the client speaks on when the server has ended")
def server_ends_first(t):
    heard = []

    def serve(stream):
        stream.sendall(b"bye")
        stream.shutdown(socket.SHUT_WR)
        heard.append(b"".join(read_all(stream)))

    begin(t, serve)
    stream = connect(t)
    check.equal(b"".join(read_all(stream)), b"bye", "the server's word, to its end")
    stream.sendall(PAYLOAD)
    stream.close()
    t.until(lambda: heard == [PAYLOAD], "all of the client's bytes arrive")


@test("both directions at once, large")
def both(t):
    _, started = begin(t, servers.echo)
    stream = connect(t)
    threading.Thread(target=lambda: (stream.sendall(PAYLOAD), stream.shutdown(socket.SHUT_WR)),
                     daemon=True).start()
    check.true(b"".join(read_all(stream)) == PAYLOAD, "the echo is what was sent")
    started.audit.wait(ev="close", up=len(PAYLOAD), down=len(PAYLOAD))


@test("a reset of the client reaches the server, and one of the server the client")
def resets(t):
    seen = []

    def serve(stream):
        try:
            command = stream.recv(5)
            if command == b"reset":
                servers.reset(stream)
            else:
                seen.append(stream.recv(1))
        except ConnectionResetError:
            seen.append("reset")

    _, started = begin(t, serve)
    stream = connect(t)
    stream.sendall(b"reset")
    t.is_reset(stream)
    stream = connect(t)
    stream.sendall(b"hello")
    time.sleep(0.1)
    reset(stream)
    t.until(lambda: seen == ["reset"], "the server sees a reset")
    started.audit.wait(ev="close", end="rst", count=2)
    # The control: an end is an end.
    stream = connect(t)
    stream.sendall(b"hello")
    stream.close()
    t.until(lambda: seen == ["reset", b""], "the server sees an end")
    started.audit.wait(ev="close", end="fin")


@test("what was sent before a reset arrives")
def before_reset(t):
    def serve(stream):
        stream.recv(1)
        stream.sendall(b"last words")
        time.sleep(0.05)
        servers.reset(stream)

    begin(t, serve)
    stream = connect(t)
    stream.sendall(b"?")
    check.equal(read_exactly(stream, 10), b"last words", "the words")
    t.is_reset(stream)


@test("a slow reader holds up the sender, and takes no memory of the proxy's")
def back_pressure(t):
    go = threading.Event()

    def serve(stream):
        go.wait(30)
        servers.digest(stream)

    _, started = begin(t, serve)
    before = started.rss()
    streams = [connect(t) for _ in range(8)]
    amounts = []
    for stream in streams:
        stream.setblocking(False)
        amount, quiet = 0, 0
        while quiet < 4 and amount < 256 * MEBI:
            if select.select([], [stream], [], 0.05)[1]:
                amount, quiet = amount + stream.send(b"z" * MEBI), 0
            else:
                quiet += 1
        amounts.append(amount)
    check.true(max(amounts) < 64 * MEBI, f"the senders are held up: {amounts}")
    check.within(started.rss() - before, 0, 512, "KiB that the proxy has grown by")
    go.set()
    for stream, amount in zip(streams, amounts):
        stream.settimeout(20)
        stream.shutdown(socket.SHUT_WR)
        check.equal(b"".join(read_all(stream)).decode(),
                    hashlib.sha256(b"z" * amount).hexdigest(), "what arrives in the end")


@test("one greedy stream does not starve the others")
def fair(t):
    begin(t, servers.echo)
    stop = threading.Event()
    greedy = connect(t)

    def pour():
        while not stop.is_set():
            try:
                greedy.sendall(b"g" * MEBI)
            except OSError:
                return

    def swallow():
        with contextlib.suppress(OSError):
            while greedy.recv(MEBI):
                pass

    for function in (pour, swallow):
        threading.Thread(target=function, daemon=True).start()
    time.sleep(0.2)
    slowest = 0
    stream = connect(t)
    for _ in range(50):
        began = time.monotonic()
        t.speaks(stream)
        slowest = max(slowest, time.monotonic() - began)
    stop.set()
    check.within(slowest, 0, 8, "seconds of the slowest of 50 small requests")


@test("TCP's urgent bytes go along in their places, and stop nothing")
def urgent(t):
    begin(t, servers.digest)
    stream = connect(t)
    expected = b""
    for number in range(40):
        stream.sendall(PAYLOAD[:50000])
        stream.send(b"!", socket.MSG_OOB)
        expected += PAYLOAD[:50000] + b"!"
        if number % 10 == 0:
            time.sleep(0.01)
    stream.shutdown(socket.SHUT_WR)
    check.equal(b"".join(read_all(stream)).decode(), hashlib.sha256(expected).hexdigest(),
                "the digest of all bytes")


@test("a client that goes away while its server is dialled")
def gone_early(t):
    t.names["hole.example"] = ["9.9.8.1"]
    t.serve("9.9.9.10", 80, servers.echo)
    started = t.start(["hole.example:80", "9.9.9.10:80"])
    before = started.descriptors()
    for _ in range(20):
        reset(t.reach("hole.example", 80))
    t.until(lambda: started.descriptors() == before, "their descriptors are closed")
    t.speaks(connect(t))


@test("pipes are given back")
def pipes(t):
    _, started = begin(t, servers.echo)
    for _ in range(3):
        stream = connect(t)
        threading.Thread(target=stream.sendall, args=(PAYLOAD,), daemon=True).start()
        read_exactly(stream, len(PAYLOAD))
    kinds = [os.readlink(f"/proc/{started.pid}/fd/{fd}")
             for fd in os.listdir(f"/proc/{started.pid}/fd")]
    # The proxy has both ends of its own ones.
    own = {kind for kind in kinds if kind.startswith("pipe:") and kinds.count(kind) == 2}
    check.within(len(own), 1, 2, f"pipes of three connections, one after the other: {kinds}")
