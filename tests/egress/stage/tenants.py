# SPDX-License-Identifier: Apache-2.0
"""A proxy for many workers, as its owner sees it: each has a socket of its own, and a jail."""

import contextlib
import socket
import struct
import time

from harness import check
from stage import proxy

POOL, TENANT = 10, 11
POOL_FORM = "8I"
VERSION = 1
EUSERS = 87


class Pool(proxy.Proxy):
    """Of t.start()'s kind, so that the test's end is its end; its audit is not used."""

    def __init__(self, t, tenants=16, connections=4096, names=4096):
        self.t = t
        self.audit, self.report, self.resolver = proxy.Audit(), proxy.Report(), None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control, self.began = ours, time.monotonic()
        self._start(t.options.egress, theirs.fileno(), -1)
        theirs.close()
        self.pid = self.process.pid
        proxy.send(ours, POOL, struct.pack(POOL_FORM, VERSION, 0, 0, 0, 0, tenants, connections,
                                           names))
        self.audit.start()
        t.own(self)
        self.ready()

    def enter(self, **options):
        return Tenant(self, **options)


class Tenant:
    """A worker with a jail; within with it the test's jail is this one's."""

    def __init__(self, pool, entries=(), sockets=None, flags=0, connections=256, names=64,
                 connect_ms=5000, idle_ms=0, drain_ms=200, limit=0, worker=b"w", start=True,
                 copied=False):
        self.t, self.audit, self.report = pool.t, proxy.Audit(), proxy.Report()
        self.process = pool.process
        self.jail = self.t.another_jail()
        if sockets is None:
            with self.here():
                sockets = self.t.sockets()
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.t.later(self.control.close)
        proxy.send(pool.control, TENANT, struct.pack("I", VERSION), [theirs.fileno()], value=1)
        if copied:
            self.t.later(theirs.dup().close)
        theirs.close()
        self.say(proxy.CONFIG, struct.pack(
            proxy.CONFIG_FORM, VERSION, flags | proxy.FLAG_AUDIT, 0, 0, connections, names,
            connect_ms, idle_ms, drain_ms, 0, limit, worker, b"sha256:test"), [self.audit.writer])
        self.audit.start()
        for entry in entries:
            self.say(proxy.ENTRIES, entry.encode() + b"\0")
        for kind, one in sockets:
            self.say(proxy.SOCKETS, struct.pack("I", kind), [one.fileno()])
        if start:
            self.say(proxy.START)

    @contextlib.contextmanager
    def here(self):
        before, self.t.jail = self.t.jail, self.jail
        try:
            yield self.t
        finally:
            self.t.jail = before

    def say(self, kind, data=b"", fds=()):
        """One that has left already says why."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            proxy.send(self.control, kind, data, fds)

    receive, ready = proxy.Proxy.receive, proxy.Proxy.ready

    def _message(self):
        """One that leaves without having read all is told of once, and before its last words."""
        try:
            return self.control.recv(8192)
        except ConnectionResetError:
            return self.control.recv(8192)

    def refused(self):
        """(errno, step, detail); then its socket hangs up, and nothing else is said."""
        message = self.receive(20)
        if message is None or message[0] != proxy.FAILED:
            check.fail(f"it is not refused: {message}")
        check.equal(self.receive(20), None, "after the refusal")
        step, detail = message[2].split(b"\0")[:2]
        return message[1], step.decode(), detail.decode()

    def stop(self):
        """The end that an owner asks for; its own report."""
        self.say(proxy.STOP)
        while (message := self.receive(15)) is not None:
            if message[0] == proxy.DENIED:
                times, reason, port, host, entry = struct.unpack(proxy.DENIED_FORM, message[2])
                self.report.denied.append((times, proxy.REASONS[reason], port, proxy.text(host),
                                           proxy.text(entry)))
            elif message[0] == proxy.SUMMARY:
                self.report.summary = dict(zip(
                    ("connections", "denials", "up", "down", "suppressed", "unfinished"),
                    struct.unpack(proxy.SUMMARY_FORM, message[2])))
        self.audit.end()
        return self.report

    def hang_up(self):
        """As an owner does that is gone; waits until nothing of it is left."""
        self.control.shutdown(socket.SHUT_WR)
        while self.receive(15) is not None:
            pass
        self.control.close()
