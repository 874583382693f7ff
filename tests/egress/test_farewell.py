# SPDX-License-Identifier: Apache-2.0
"""What a worker began right before its end, while the proxy was busy elsewhere: what it sent arrives,
what it only wanted is counted, what it must not have is in the audit."""

import contextlib
import os
import signal
import threading

from harness import check
from harness.discover import test
from stage import proxy
from stage.servers import read_all


@contextlib.contextmanager
def busy(started):
    """It sees nothing of what happens meanwhile until the end, and then all of it at once."""
    os.kill(started.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(started.pid, signal.SIGCONT)


class Collector:
    def __init__(self):
        self.got, self.done = [], threading.Event()

    def __call__(self, stream):
        self.got.append(b"".join(read_all(stream)))
        self.done.set()


@test("what was sent before the worker's end arrives, though the proxy had not even accepted it")
def sent_before(t):
    collector = Collector()
    t.serve("9.9.9.10", 80, collector)
    t.names["late.example"] = ["9.9.9.10"]
    started = t.start(["late.example:80"])
    address = t.resolve("late.example")
    with busy(started):
        with t.connect(address, 80) as stream:
            stream.sendall(b"last words")
        proxy.send(started.control, proxy.STOP)
    report = started.stop(tell=False)
    check.true(collector.done.wait(30), "it arrives")
    check.equal(collector.got, [b"last words"], "what arrives")
    check.equal((report.summary["connections"], report.summary["unfinished"],
                 report.summary["up"]), (1, 0, 10), "the summary")


@test("who said nothing before the worker's end is counted, and not dialled")
def silent_before(t):
    server = t.serve("9.9.9.10", 80, Collector())
    t.names["late.example"] = ["9.9.9.10"]
    started = t.start(["late.example:80"])
    address = t.resolve("late.example")
    with busy(started):
        t.connect(address, 80)
        t.connect(address, 80).close()
        proxy.send(started.control, proxy.STOP)
    report = started.stop(tell=False)
    check.equal((report.summary["connections"], report.summary["unfinished"]), (0, 2),
                "the summary")
    check.equal(server.accepted, 0, "visitors")
    check.equal(len(started.audit.find(ev="connect", verdict="allow")), 2, "lines of the audit")


@test("what is not allowed is told, too, and its bytes go nowhere")
def denied_before(t):
    server = t.serve("9.9.9.11", 80, Collector())
    started = t.start(["9.9.9.10:80"])
    with busy(started):
        with t.connect("9.9.9.11", 80) as stream:
            stream.sendall(b"secret")
        proxy.send(started.control, proxy.STOP)
    report = started.stop(tell=False)
    check.equal(report.denied, [(1, "address_not_allowed", 80, "9.9.9.11", "9.9.9.11:80")],
                "denied destinations")
    check.equal((report.summary["denials"], report.summary["unfinished"]), (1, 0), "the summary")
    check.equal(server.accepted, 0, "visitors")
