# SPDX-License-Identifier: Apache-2.0
"""The memory of the egress proxy, and what the kernel holds for its sockets: counted in a control
group of its own, and bounded; its end there is told, and nothing of it stays."""

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import threading
import time

from harness import check, groups
from harness.discover import test
from harness.jail import wait_for
from test_egress import Service, act, held, listed, proxies

MIB = 1 << 20
LIMIT = 64 * MIB + 256 * 65536 + 1024 * 512  # of the default policy: base, connections, names
PAGE = os.sysconf("SC_PAGE_SIZE")
# At its limit the kernel still takes one segment in for a socket that holds nothing else, whatever its
# size; a connection is two sockets of the proxy's.
CONNECTIONS, SEGMENT = 200, 65536


def group_of(pid):
    """(directory, version) in which its memory counts."""
    lines = pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    paths = {name: path for _, names, path in (line.split(":", 2) for line in lines)
             for name in names.split(",")}
    for mount, version, options in groups.mounts():
        if version == "cgroup" and "memory" in options:
            return mount / paths["memory"].lstrip("/"), 1
    for mount, version, _ in groups.mounts():
        if version == "cgroup2":
            return mount / paths[""].lstrip("/"), 2
    return check.fail("no hierarchy counts memory")


def number(directory, name):
    text = (directory / name).read_text().strip()
    return -1 if text == "max" else int(text)


def limits(directory, version):
    names = {1: ("memory.limit_in_bytes", "memory.kmem.tcp.limit_in_bytes"), 2: ("memory.max",)}
    return [number(directory, name) for name in names[version] if (directory / name).exists()]


def buffers(directory, version):
    """Bytes of sockets that the group is charged with."""
    if version == 1:
        return number(directory, "memory.kmem.tcp.usage_in_bytes")
    stat = dict(line.split() for line in (directory / "memory.stat").read_text().splitlines())
    return int(stat["sock"])


def pair(process):
    return wait_for(lambda: len(proxies(process.pid)) == 2 and proxies(process.pid), "proxies")


@test("the proxy and its resolver have a control group of their own, with a limit")
def own_group(t):
    process, _ = held(t, Service(t))
    pids = pair(process)
    places = {group_of(pid) for pid in pids}
    check.equal(len(places), 1, "groups")
    directory, version = places.pop()
    check.true(directory.name.startswith("kastellan-"), f"{directory} is one of ours")
    check.true(directory != group_of(os.getpid())[0], "another than the caller's")
    inside = {int(pid) for pid in (directory / "cgroup.procs").read_text().split()}
    check.equal(inside, set(pids), "nobody else is in it, the worker least of all")
    for limit in limits(directory, version):
        check.equal(limit, LIMIT // PAGE * PAGE, "its limit")
    process.kill()
    wait_for(lambda: not directory.exists(), "its end with a supervisor that is killed")


@test("the group goes with the worker")
def gone(t):
    service = Service(t)
    process, _ = held(t, service)
    directory, _ = group_of(pair(process)[0])
    service.close_all()
    process.communicate(timeout=10 * t.options.pace)
    check.true(not directory.exists(), f"{directory} is removed")


class Glutton:
    """Reads nothing, and sends without end."""

    def __init__(self, t):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.socket.getsockname()[1]
        self.ends = []
        threading.Thread(target=self.serve, daemon=True).start()
        t.later(self.close)

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                end, _ = self.socket.accept()
                end.setblocking(False)
                self.ends.append(end)

    def send(self):
        block = bytes(65536)
        for end in list(self.ends):
            with contextlib.suppress(OSError):
                while end.send(block):
                    pass

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        for one in (self.socket, *self.ends):
            one.close()


@test("buffers that nobody empties count for the group, and stay below its limit", seconds=60)
def buffered(t):
    glutton = Glutton(t)
    process, path = t.jail.start(
        act(t, "stuff", "127.0.0.1", glutton.port, CONNECTIONS), read=[t.probes.directory],
        flags=["--mem", "256M", "--cpu", "60s", *listed(f"127.0.0.1:{glutton.port}")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    t.later(t.finish, process)
    # Only then: a machine that is made for a template, or does not come up, has proxies, too.
    check.equal(process.stdout.readline(), b"stuffed\n", "first line")
    directory, version = group_of(pair(process)[0])
    most, until = 0, time.monotonic() + 2
    while time.monotonic() < until:
        glutton.send()
        most = max(most, buffers(directory, version))
        time.sleep(0.02)
    check.within(most, MIB, LIMIT + 2 * CONNECTIONS * SEGMENT, "bytes of buffers that the group has counted")
    print(f"# buffers of {CONNECTIONS} connections: {most >> 10} KiB", flush=True)
    process.communicate(timeout=20 * t.options.pace)
    network = json.loads(path.read_bytes())["network"]
    check.equal((network["proxy_died"], network["connections"]), (False, CONNECTIONS), "the proxy lives")


def leave_little(directory, version):
    """No more room than a few connections need; the kernel's own count lags behind a little."""
    limit, use = {1: ("memory.limit_in_bytes", "memory.usage_in_bytes"),
                  2: ("memory.max", "memory.current")}[version]
    for pages in (16, 32, 64, 128):
        with contextlib.suppress(OSError):
            (directory / limit).write_text(str(number(directory, use) + pages * PAGE))
            return
    check.fail("the limit cannot be lowered")


@test("a proxy that the kernel ends for want of memory has died, and the outcome says of what")
def out_of_memory(t):
    service = Service(t)
    process, path = t.jail.start(
        act(t, "many", "127.0.0.1", service.port, 250), read=[t.probes.directory],
        flags=listed(service.entry), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE)
    t.later(t.finish, process)
    check.equal(process.stdout.readline(), b"held\n", "first line")
    directory, version = group_of(pair(process)[0])
    leave_little(directory, version)
    _, err = process.communicate(timeout=20 * t.options.pace)
    network = json.loads(path.read_bytes())["network"]
    check.equal((network["proxy_died"], network["proxy_death"]), (True, "memory"), "its end")
    check.contains(err.decode(), "the egress proxy ended before the worker", "(memory)")
