# SPDX-License-Identifier: Apache-2.0
"""Namespaces: the host's, in which this process and the proxy live; the internet's, with addresses
of every class; and those of jails. A socket stays in the namespace that it was made in, so that one
process has them all."""

import contextlib
import ctypes
import os
import pathlib
import resource
import socket
import struct
import subprocess
import tempfile
import threading

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
MS_REC, MS_PRIVATE, MS_BIND = 0x4000, 1 << 18, 0x1000
NAME_SERVER = "9.9.9.53"
HOST_OWN = "9.9.9.2"  # a public address, and this host's
HOST_OWN6 = "2620:fe::2"
BLACKHOLE = "9.9.8.1"  # nobody answers there, not even with a refusal

libc = ctypes.CDLL(None, use_errno=True)


def must(result, what):
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def ip(text, namespace=None):
    """The commands of ip(8), one a line."""
    enter_first = None if namespace is None else \
        (lambda: must(libc.setns(namespace, CLONE_NEWNET), "setns"))
    subprocess.run(["/usr/sbin/ip", "-batch", "-"], input=text.encode(), check=True,
                   preexec_fn=enter_first)


def here():
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def new_namespace():
    """A descriptor of it."""
    made = []

    def make():
        must(libc.unshare(CLONE_NEWNET), "unshare")
        made.append(here())

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    return made[0]


@contextlib.contextmanager
def inside(namespace):
    """This thread, for sockets that are to be of that namespace."""
    home = here()
    must(libc.setns(namespace, CLONE_NEWNET), "setns")
    try:
        yield
    finally:
        must(libc.setns(home, CLONE_NEWNET), "setns")
        os.close(home)


def bind_file(path, content, place="/tmp"):
    """The host's file of that name, for this run; kept below place."""
    directory = tempfile.mkdtemp(prefix="kastellan-egress-", dir=place)
    os.chmod(directory, 0o755)
    mine = pathlib.Path(directory) / "file"
    mine.write_text(content)
    mine.chmod(0o644)
    must(libc.mount(str(mine).encode(), path.encode(), None, MS_BIND, None), f"bind {path}")


HOST = f"""
link set lo up
link add up0 type veth peer name net0
addr add {HOST_OWN}/24 dev up0
addr add {HOST_OWN6}/64 dev up0 nodad
link set up0 up
"""
HOST_ROUTES = """
route add default via 9.9.9.1
route add 10.77.0.0/16 dev up0
route add 100.64.0.0/16 dev up0
route add 169.254.169.254/32 dev up0
route add 198.18.0.0/15 dev up0
route add default via 2620:fe::1
route add fd00:77::/32 via 2620:fe::1
"""
INTERNET = """
link set lo up
addr add 9.9.9.1/24 dev net0
addr add 2620:fe::1/64 dev net0 nodad
link set net0 up
route add local 10.77.0.0/16 dev lo
route add local 100.64.0.0/16 dev lo
route add local 169.254.169.254/32 dev lo
route add local 198.18.0.0/15 dev lo
route add local 8.8.0.0/16 dev lo
route add local fd00:77::/32 dev lo
route add local 2001:4860::/32 dev lo
"""
JAIL = """
link set lo up
route add local 0.0.0.0/0 dev lo
route add local ::/0 dev lo
"""


NEWLINK, REQUEST, GSO_MAX_SIZE, GSO_IPV4_MAX_SIZE = 16, 1, 41, 63


def quicken(namespace):
    """As init does it: large pieces on lo, which ip(8) may not know of, and no pacing."""
    attributes = b"".join(struct.pack("=HHI", 8, which, 8 * 65535)
                          for which in (GSO_MAX_SIZE, GSO_IPV4_MAX_SIZE))
    body = struct.pack("=BxHiII", 0, 0, 1, 0, 0) + attributes
    with inside(namespace):
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as kernel:
            kernel.send(struct.pack("=IHHII", 16 + len(body), NEWLINK, REQUEST, 1, 0) + body)
        pathlib.Path("/proc/sys/net/ipv4/tcp_congestion_control").write_text("reno")


def enter():
    """Once, before there are threads: this process is the host from here on."""
    # As many descriptors as may be; without the right to raise the hard limit that has to do.
    for most in (131072, resource.getrlimit(resource.RLIMIT_NOFILE)[1]):
        with contextlib.suppress(ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
            break
    must(libc.unshare(CLONE_NEWNS | CLONE_NEWNET), "unshare")
    must(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "make / private")
    must(libc.mount(b"tmpfs", b"/tmp", b"tmpfs", 0, b"mode=1777"), "mount a tmpfs")
    bind_file("/etc/resolv.conf", f"nameserver {NAME_SERVER}\nsearch corp.example\n"
              "options timeout:1 attempts:2\n")
    bind_file("/etc/hosts", "127.0.0.1 localhost\n8.8.1.1 from-hosts.example\n")
    bind_file("/etc/nsswitch.conf", "hosts: files dns\n")
    # What a program is started with later must not land where a test puts its own.
    for fd in (3, 4, 5):
        os.dup2(os.open("/dev/null", os.O_RDWR), fd)


class World:
    def __init__(self):
        self.internet = new_namespace()
        ip(HOST)
        holder = subprocess.Popen(
            ["/usr/bin/cat"], stdin=subprocess.PIPE,
            preexec_fn=lambda: must(libc.setns(self.internet, CLONE_NEWNET), "setns"))
        ip(f"link set net0 netns {holder.pid}\n")
        holder.stdin.close()
        holder.wait()
        ip(INTERNET + "".join(f"addr add 9.9.9.{n}/32 dev lo\n" for n in range(10, 60)) +
           "".join(f"addr add 2620:fe::{n}/128 dev lo nodad\n" for n in range(10, 30)),
           self.internet)
        ip(HOST_ROUTES)

    def jail(self):
        namespace = new_namespace()
        ip(JAIL, namespace)
        quicken(namespace)
        return namespace

    @staticmethod
    def socket(namespace, family=socket.AF_INET, kind=socket.SOCK_STREAM, protocol=0):
        if namespace is None:
            return socket.socket(family, kind, protocol)
        with inside(namespace):
            return socket.socket(family, kind, protocol)
