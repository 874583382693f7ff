# SPDX-License-Identifier: Apache-2.0
"""The owner's side of the proxy (src/egress/control.h), and its audit as it comes."""

import array
import contextlib
import ctypes
import json
import os
import re
import select
import socket
import struct
import subprocess
import threading
import time

from harness import check

CONFIG, ENTRIES, SOCKETS, START, STOP, READY, FAILED, DENIED, SUMMARY = range(1, 10)
FLAG_SNI, FLAG_AUDIT, FLAG_NO_V6, FLAG_IDS = 1, 2, 4, 8
TCP, DNS_UDP, DNS_TCP, DOOR = range(1, 5)
REASONS = ["allowed", "host_not_allowed", "port_not_allowed", "address_not_allowed",
           "address_forbidden", "bad_name", "bad_request", "sni_mismatch", "sni_missing",
           "not_resolved", "dial_failed", "limit"]
CONFIG_FORM = "10IQ64s72s"
DENIED_FORM = "QII254s263s3x"
SUMMARY_FORM = "6Q"
# Of a build with sanitizers. It cannot look for leaks once it is confined; the load test does.
SANITIZERS = {"ASAN_OPTIONS": "detect_leaks=0:quarantine_size_mb=4:exitcode=99:strict_string_checks=1",
              "UBSAN_OPTIONS": "halt_on_error=1:exitcode=99:print_stacktrace=1"}
# Nothing but these may be in a line of the audit.
LINE = re.compile(rb"[\x20-\x7e]+\n")


def text(field):
    return field.split(b"\0")[0].decode()


def send(control, kind, data=b"", fds=(), value=0):
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    head = struct.pack("Ii", kind, value)
    if control.type == socket.SOCK_STREAM:  # src/egress/mac/message.c
        head = struct.pack("II", len(data), len(fds)) + head
    control.sendmsg([head, data] if data else [head], ancillary)


def confine():
    """The mark of the double of sandbox-exec, which the proxy of a Mac looks for."""
    ctypes.CDLL(None, use_errno=True).prctl(41, 1, 0, 0, 0)  # PR_SET_THP_DISABLE


class Audit:
    """Reads lines as they come; each has to be JSON and printable ASCII."""

    def __init__(self):
        self.lines, self.problems = [], []
        self._reader, self.writer = os.pipe()
        self._changed = threading.Condition()
        self._going = threading.Event()
        self._going.set()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def start(self):
        os.close(self.writer)
        self._thread.start()

    def _read(self):
        with os.fdopen(self._reader, "rb") as stream:
            for line in stream:
                self._going.wait()
                with self._changed:
                    if not LINE.fullmatch(line):
                        self.problems.append(line)
                    try:
                        self.lines.append(json.loads(line))
                    except ValueError:
                        self.problems.append(line)
                    self._changed.notify_all()

    def pause(self):
        """As a reader does that has other things to do."""
        self._going.clear()

    def end(self):
        self._going.set()
        self._thread.join(10)

    def find(self, **wanted):
        return [line for line in self.lines
                if all(line.get(key) == value for key, value in wanted.items())]

    def wait(self, seconds=5, count=1, **wanted):
        """The first line like that, or a failure."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while len(self.find(**wanted)) < count:
                left = deadline - time.monotonic()
                if left <= 0:
                    check.fail(f"the audit has {len(self.find(**wanted))} of {count} lines like "
                               f"{wanted}: {self.lines[-8:]}")
                self._changed.wait(left)
            return self.find(**wanted)[0]


# What the resolver of a proxy on Linux becomes; the runner says.
NAMES_PROGRAM = None


class Report:
    def __init__(self):
        self.code, self.denied, self.summary, self.failed = None, [], None, None


class Proxy:
    def __init__(self, program, entries, sockets=(), jail=None, flags=0, connections=256,
                 names=64, connect_ms=5000, idle_ms=0, drain_ms=2000, limit=0, ids=None,
                 version=1, worker=b"w-test", digest=b"sha256:test", start=True, audited=True,
                 resolver=None):
        self.audit, self.report, self.resolver = Audit(), Report(), None
        ours, theirs = socket.socketpair(
            socket.AF_UNIX, socket.SOCK_STREAM if resolver else socket.SOCK_SEQPACKET)
        self.control, self.began = ours, time.monotonic()
        if resolver:
            self._start_both(program, resolver, theirs)
        else:
            self._start(program, theirs.fileno(), -1 if jail is None else jail.fileno())
        theirs.close()
        self.pid = self.process.pid
        uid, gid = ids or (0, 0)
        flags |= (FLAG_AUDIT if audited else 0) | (FLAG_IDS if ids else 0)
        config = struct.pack(CONFIG_FORM, version, flags, uid, gid, connections, names,
                             connect_ms, idle_ms, drain_ms, 0, limit, worker, digest)
        gone = BrokenPipeError, ConnectionResetError  # before its main(), or it has seen enough
        with contextlib.suppress(*gone):
            send(ours, CONFIG, config, [self.audit.writer] if audited else ())
        self.audit.start()
        with contextlib.suppress(*gone):
            if entries:
                send(ours, ENTRIES, b"".join(entry.encode() + b"\0" for entry in entries))
            for kind, one in sockets:
                send(ours, SOCKETS, struct.pack("I", kind), [one.fileno()])
            if start:
                send(ours, START)

    def _start(self, program, owner_fd, other_fd):
        def place():
            os.dup2(owner_fd, 3)
            if other_fd >= 0:
                os.dup2(other_fd, 4)
            else:
                os.close(4)
            os.dup2(names, 5)
            if self.control.type == socket.SOCK_STREAM:
                confine()

        names = os.open(NAMES_PROGRAM or "/dev/null", os.O_RDONLY | os.O_CLOEXEC)
        self.process = subprocess.Popen(
            [program], pass_fds=(3, 4, 5), preexec_fn=place, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, env=SANITIZERS)
        os.close(names)

    def _start_both(self, program, resolver, theirs):
        """As on a Mac, where the resolver is the owner's child, too (src/egress/mac/slots.h)."""
        one, other = socket.socketpair()
        for end in (one, other):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)

        def place():
            os.dup2(other.fileno(), 3)
            confine()

        self.resolver = subprocess.Popen([resolver], pass_fds=(3,), preexec_fn=place,
                                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self._start(program, theirs.fileno(), one.fileno())
        one.close()
        other.close()

    def _message(self):
        if self.control.type != socket.SOCK_STREAM:
            return self.control.recv(8192)
        head = self.control.recv(16, socket.MSG_WAITALL)
        if not head:
            return b""
        return head[8:] + self.control.recv(struct.unpack_from("I", head)[0], socket.MSG_WAITALL)

    def receive(self, seconds):
        """(kind, value, data), or None at the end."""
        if not select.select([self.control], [], [], seconds)[0]:
            check.fail(f"the proxy says nothing for {seconds} s")
        try:
            message = self._message()
        except ConnectionResetError:
            return None
        if not message:
            return None
        return (*struct.unpack_from("Ii", message), message[8:])

    def ready(self, seconds=20):
        message = self.receive(seconds)
        if message is None or message[0] != READY:
            check.fail(f"the proxy is not ready: {message}")
        return self

    def failure(self):
        """It must not become ready: (errno, step, detail)."""
        message = self.receive(20)
        if message is None or message[0] != FAILED:
            check.fail(f"the proxy did not say that it failed: {message}")
        step, detail = message[2].split(b"\0")[:2]
        check.true(self.process.wait(10) != 0, "it ends with a failure")
        return message[1], step.decode(), detail.decode()

    def stop(self, seconds=15, tell=True):
        """The end that an owner asks for; the report."""
        if tell:
            send(self.control, STOP)
        while True:
            message = self.receive(seconds)
            if message is None:
                break
            if message[0] == DENIED:
                times, reason, port, host, entry = struct.unpack(DENIED_FORM, message[2])
                self.report.denied.append((times, REASONS[reason], port, text(host), text(entry)))
            elif message[0] == SUMMARY:
                self.report.summary = dict(zip(
                    ("connections", "denials", "up", "down", "suppressed",
                     "unfinished"),
                    struct.unpack(SUMMARY_FORM, message[2])))
        self.report.code = self.process.wait(seconds)
        self.audit.end()
        return self.report

    def rss(self):
        """KiB of its own: what is in RAM and not of a file."""
        for line in open(f"/proc/{self.pid}/status", encoding="ascii"):
            if line.startswith("RssAnon:"):
                return int(line.split()[1])
        return None

    def children(self):
        if self.resolver:
            return [self.resolver.pid] if self.resolver.poll() is None else []
        with open(f"/proc/{self.pid}/task/{self.pid}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def close(self):
        with contextlib.suppress(OSError):
            self.control.close()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            check.fail("the proxy outlived its owner")
        finally:
            self._end_resolver()

    def _end_resolver(self):
        if not self.resolver:
            return
        try:
            self.resolver.wait(30)
        except subprocess.TimeoutExpired:
            self.resolver.kill()
            self.resolver.wait()
            check.fail("the resolver outlived the proxy")
