# SPDX-License-Identifier: Apache-2.0
"""An allowlist on this host's kernel: the worker reaches what is listed, and nothing else."""

import contextlib
import pathlib
import socket
import threading

import jail
from harness import check, equal
from test_layers import NO_LANDLOCK, cannot_jail

# Of the kernels here, the one whose modules for nf_tables are not loaded.
NO_DIVERSION = ("no-landlock",)

CONNECT = """
import socket, sys
try:
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), 20) as s:
        s.sendall(b'ping')
        print(s.recv(8).decode() or 'closed')
except OSError as error:
    print(type(error).__name__)
"""
RESOLVE = """
import socket, sys
try:
    print(socket.getaddrinfo(sys.argv[1], 443)[0][4][0])
except socket.gaierror as error:
    print(error.errno == socket.EAI_NONAME)
"""


@contextlib.contextmanager
def service():
    """Its port, and a list that gets an element with each visitor."""
    visitors = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        def serve():
            while True:
                try:
                    visitor, _ = server.accept()
                except OSError:
                    return
                with visitor:
                    visitors.append(1)
                    visitor.recv(8)
                    visitor.sendall(b"pong")
        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1], visitors
        server.shutdown(socket.SHUT_RDWR)


def flags(suite, *entries):
    words = [word for entry in entries for word in ("--net", entry)]
    if suite.guest in NO_LANDLOCK:
        words += ["--allow-degraded", "fs_read,fs_write,cpu_ms,mem_mb,cpu_quota_pct,tasks_max"]
    elif suite.guest == "hybrid" and suite.user == "worker":
        words += ["--allow-degraded", "cpu_ms,mem_mb,cpu_quota_pct,tasks_max"]
    return words


def worker(suite, script, *words, entries):
    return jail.run(*jail.ROOMY, *flags(suite, *entries), "--", *jail.PYTHON, script,
                    *map(str, words))


def test_reached(suite):
    """What is listed is reached, and another port is not."""
    if cannot_jail(suite):
        return
    with service() as (port, visitors), service() as (other, others):
        entries = [f"127.0.0.1:{port}"]
        done = worker(suite, CONNECT, "127.0.0.1", port, entries=entries)
        equal((done.out, len(visitors)), ("pong\n", 1), done)
        equal(done.verdict("net"), "held", done)
        equal(done.status["network"]["connections"], 1, done)
        done = worker(suite, CONNECT, "127.0.0.1", other, entries=entries)
        equal((done.out, len(others)), ("ConnectionRefusedError\n", 0), done)


def test_denied(suite):
    """Another address is not reached; where the kernel can divert it, the outcome names it."""
    if cannot_jail(suite):
        return
    done = worker(suite, CONNECT, "192.0.2.7", 80, entries=["127.0.0.1:1"])
    if suite.guest in NO_DIVERSION:
        equal(done.out, "ConnectionRefusedError\n", done)
        equal(done.status["network"]["denied"], [], done)
        return
    check(done.out in ("ConnectionResetError\n", "BrokenPipeError\n", "closed\n"), done)
    denied, = done.status["network"]["denied"]
    equal((denied["host"], denied["port"], denied["entry"]),
          ("192.0.2.7", 80, "192.0.2.7:80"), done)


def test_names(suite):
    """Listed names have an address that stands for them, and others do not exist."""
    if cannot_jail(suite):
        return
    entries = ["api.example.com:443"]
    done = worker(suite, RESOLVE, "api.example.com", entries=entries)
    check(done.out.startswith(("198.18.", "2001:2:")), done)
    equal(worker(suite, RESOLVE, "example.com", entries=entries).out, "True\n")


def test_doctor(suite):
    """The doctor tries it, and finds that it works."""
    host = jail.doctor()["host"]
    equal(host["egress"]["works"], not cannot_jail(suite), host["egress"])


def test_nothing_left(suite):
    """No proxy is left behind."""
    names = [pathlib.Path(f"/proc/{pid}/comm").read_text().strip() for pid in jail.processes()
             if pathlib.Path(f"/proc/{pid}/comm").exists()]
    check("kastellan-egres" not in names, names)
