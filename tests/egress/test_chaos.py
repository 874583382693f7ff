# SPDX-License-Identifier: Apache-2.0
"""Ends, resets, stalls and nonsense in any order, on both sides and in every state of a connection:
the proxy serves on, and nothing of it stays behind."""

import contextlib
import random
import socket
import threading
import time

from harness import check
from harness.discover import test
from stage import proxy, servers
from stage.context import reset
from stage.tls import hello

NAMES = {"good.example.com": ["9.9.9.10"], "two.example.com": ["9.9.9.12", "9.9.9.10"],
         "closed.example.com": ["9.9.9.12"], "hole.example.com": ["9.9.8.1"],
         "evil.example.com": ["10.77.0.5"]}
BLOCK = random.Random(5).randbytes(300000)
ACTS = 800
THREADS = 12


def act(stream, dice):
    """One thing that a peer may do; False: it has gone."""
    what = dice.randrange(9)
    if what < 3:
        stream.sendall(BLOCK[:dice.choice((1, 10, 3000, 70000, 300000))])
    elif what < 5:
        stream.recv(dice.choice((1, 100, 65536, 200000)))
    elif what == 5:
        stream.shutdown(dice.choice((socket.SHUT_WR, socket.SHUT_RD)))
    elif what == 6:
        if stream.family != socket.AF_UNIX:
            stream.send(b"!", socket.MSG_OOB)
    elif what == 7:
        reset(stream)
        return False
    else:
        time.sleep(dice.random() * 0.01)
    return dice.random() < 0.8


def misbehave(stream, dice):
    stream.settimeout(0.3)
    with contextlib.suppress(OSError):
        while act(stream, dice):
            pass


class Client:
    def __init__(self, t, addresses, number):
        self.t, self.addresses, self.dice = t, addresses, random.Random(number)

    def open(self):
        dice, t = self.dice, self.t
        name, port = dice.choice(list(NAMES)), dice.choice((80, 443, 443, 5432))
        kind = dice.randrange(4)
        if kind < 2:
            stream = t.connect(self.addresses[name], port, 2)
        else:
            stream = t.connect("127.0.0.1", 3128, 2)
        if kind == 2:
            stream.sendall(f"CONNECT {name}:{port} HTTP/1.1\r\n\r\n".encode()[:dice.choice((7, 999))])
        elif kind == 3:
            message = b"\5\1\0\5\1\0\3" + bytes([len(name)]) + name.encode() + port.to_bytes(2, "big")
            stream.sendall(message[:dice.choice((1, 3, 9, 999, 999))])
        if port == 443 and dice.random() < 0.7:
            message = hello(dice.choice((name, "other.example.com", None)))
            stream.sendall(message[:dice.choice((5, 50, 9999, 9999))])
        return stream

    def run(self, left, lock):
        while True:
            with lock:
                if left[0] == 0:
                    return
                left[0] -= 1
            with contextlib.suppress(OSError):
                with self.open() as stream:
                    misbehave(stream, self.dice)


def judged(t, started, addresses, reason, name):
    """By a client that waits, which the chaotic ones do not."""
    with contextlib.suppress(OSError):
        with t.connect(addresses["good.example.com"], 443) as stream:
            stream.sendall(hello(name))
            while stream.recv(65536):  # the server may have spoken before
                pass
    return bool(started.audit.find(ev="connect", reason=reason))


@test("whatever both sides do, the proxy serves on and keeps nothing", seconds=300)
def chaos(t):
    t.names.update(NAMES)
    for port in (80, 443):
        t.serve("9.9.9.10", port,
                lambda stream: misbehave(stream, random.Random(stream.fileno() + port)))
    t.serve("9.9.9.11", 80, servers.echo)
    door = t.listen(3128, "127.0.0.1")
    entries = [f"{name}:{port}" for name in NAMES for port in (80, 443)] + ["9.9.9.11:80"]
    started = t.start(entries, [*t.sockets(), (proxy.DOOR, door)], flags=proxy.FLAG_SNI,
                      connections=100, connect_ms=400, idle_ms=600)
    addresses = {name: t.resolve(name) for name in NAMES}
    t.speaks(t.connect("9.9.9.11", 80))
    descriptors, left, lock = started.descriptors(), [ACTS], threading.Lock()
    threads = [threading.Thread(target=Client(t, addresses, number).run, args=(left, lock))
               for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check.equal(started.process.poll(), None, "the proxy lives")
    t.until(lambda: started.descriptors() <= descriptors + 2 * 8, "connections are closed")
    t.speaks(t.connect("9.9.9.11", 80))
    # On a busy machine all of those may have gone before the proxy came to their hello.
    for reason, name in (("sni_mismatch", "other.example.com"), ("sni_missing", None)):
        t.until(lambda wanted=(reason, name): judged(t, started, addresses, *wanted),
                f"a hello is refused: {reason}")
    report = started.stop()
    reasons = {line["reason"] for line in started.audit.find(ev="connect", verdict="deny")}
    missing = {"address_forbidden", "port_not_allowed", "dial_failed", "sni_mismatch",
               "sni_missing", "bad_request"} - reasons
    check.equal(missing, set(), "reasons that did not come up")
    ends = {line["end"] for line in started.audit.find(ev="close")}
    check.true({"fin", "rst", "timeout"} <= ends, f"ends that came up: {ends}")
    check.within(report.summary["connections"] - len(started.audit.find(ev="close")), 0,
                 report.summary["suppressed"], "connections without a line of their end")
