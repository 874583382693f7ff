# SPDX-License-Identifier: Apache-2.0
"""Plays the supervisor for kastellan-vm: writes its order and the guest's spec, starts it with its
descriptors, and talks to it. The library is not involved, so that the formats of order.h, spec.h
and frame.h are held by a second hand."""
import array
import errno
import fcntl
import glob
import os
import select
import socket
import struct
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "unit"))
import init_driver as d  # noqa: E402

CACHE = os.environ.get("KASTELLAN_VM_CACHE") or os.path.expanduser("~/.cache/kastellan/vm")
GUEST_USAGE = 16
BOOT = 90  # seconds; a boot takes 2 on a machine that does nothing else
BOOT_TRIES = 4  # as the library has (jail/parts.h)
NOT_UP = errno.ECONNABORTED  # order.h: another boot may be better
PARTS = {}  # paths: vm, init, tool
MODULES = ["virtio_mmio", "virtio_console", "fuse", "nft_tproxy"]
# What the worker of a test is: a static busybox, at the usual places.
LINKS = ["sh", "cat", "true", "echo", "head", "md5sum", "sha256sum", "sleep", "id", "env", "dd", "ls",
         "kill", "yes", "mount", "hostname", "date", "seq", "sync", "wc", "ps", "unshare",
         "tty", "stty", "nc", "nslookup"]


def kernel():
    """(vmlinux, directory of modules): unpacked once."""
    root = glob.glob(os.path.join(CACHE, "root", "lib", "modules", "*"))[0]
    version = os.path.basename(root)
    path = os.path.join(CACHE, "vmlinux-" + version)
    if not os.path.exists(path):
        with open(os.path.join(CACHE, "root", "boot", "vmlinuz-" + version), "rb") as file:
            image = file.read()
        # Documentation/arch/x86/boot.rst: the payload, whose last word is its length unpacked.
        start, size = struct.unpack_from("<II", image, 0x248)
        start += (image[0x1f1] + 1) * 512
        packed = image[start:start + size - 4]
        tool = {b"\x02\x21": "lz4", b"\xfd\x37": "xz", b"\x28\xb5": "zstd"}[packed[:2]]
        with open(path + ".new", "wb") as file:
            subprocess.run([tool, "-dc"], input=packed, stdout=file, check=True)
        os.rename(path + ".new", path)
    return path, root


def tsc_khz():
    with open("/proc/cpuinfo", encoding="ascii") as file:
        for line in file:
            if line.startswith("cpu MHz"):
                return int(float(line.split(":")[1]) * 1000)
    return 2000000


def cpio(entries):
    """(name, mode, bytes): an archive in the kernel's form."""
    out = b""
    for ino, (name, mode, data) in enumerate(entries + [("TRAILER!!!", 0, b"")], 1000):
        name = name.encode() + b"\0"
        head = "070701" + "".join(f"{number:08x}" for number in (
            ino, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0))
        out += head.encode() + name
        out += b"\0" * (-len(out) % 4)
        out += data
        out += b"\0" * (-len(out) % 4)
    return out


def initramfs(extra=()):
    _, modules = kernel()
    own = subprocess.run([PARTS["tool"], PARTS["init"], modules] + MODULES, check=True,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    own += b"\0" * (-len(own) % 4)
    with open(os.path.join(CACHE, "busybox", "bin", "busybox"), "rb") as file:
        busybox = file.read()
    entries = [("bin", 0o040755, b""), ("tmp", 0o041777, b""), ("bin/busybox", 0o100755, busybox)]
    entries += [("bin/" + name, 0o120777, b"busybox") for name in LINKS]
    return own + cpio(entries + list(extra))


def qemu(*more):
    vmlinux, _ = kernel()
    return ["/usr/bin/qemu-system-x86_64", "-M",
            "microvm,acpi=on,rtc=on,pit=off,pic=off,isa-serial=on,auto-kernel-cmdline=off",
            "-accel", "tcg", "-cpu", "max", "-m", "192", "-smp", "1", "-nodefaults",
            "-no-user-config", "-nographic", "-no-reboot", "-sandbox",
            "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
            "-bios", "qboot.rom", "-kernel", vmlinux, "-initrd", "/proc/self/fd/6", "-append",
            "console=ttyS0 quiet loglevel=1 panic=-1 reboot=t cryptomgr.notests "
            f"random.trust_cpu=on tsc_early_khz={tsc_khz()} tsc=reliable",
            "-serial", os.environ.get("KASTELLAN_TEST_CONSOLE", "null"),
            "-global", "virtio-mmio.force-legacy=false",
            "-device", "virtio-serial-device,max_ports=8",
            "-chardev", "socket,id=ctl,fd=9", "-device", "virtserialport,chardev=ctl,name=ctl",
            *more]


VSOCK = 4


def order(argv, *, memory=0, tasks=0, quota=0, flags=0, connections=0,
          vsock=None, **bad):
    text = b"".join(d.text(word) + b"\0" for word in argv)
    if vsock is not None:
        flags |= VSOCK
        text += d.text(vsock) + b"\0"
    head = struct.pack("=4IQ4I", bad.get("magic", 0x6b6d6f31), bad.get("version", 1),
                       bad.get("size", 40 + len(text)), flags, memory, tasks, quota,
                       bad.get("count", len(argv)), connections)
    return head + text


def spec(argv, *, env=(), uid=1000, cwd="/", tty=None, limits=(), mounts=None):
    out = d.Spec()
    for word in argv:
        out.string("ARG", word)
    for word in env:
        out.string("ENV", word)
    out.string("CWD", cwd)
    out.string("SEARCH", "/bin")
    out.add("IDS", struct.pack("=II", uid, uid))
    out.add("FLAGS", struct.pack("=I", d.FLAG_TTY if tty else 0))
    if tty:
        out.add("WINSIZE", struct.pack("=4H", *tty, 0, 0))
    for resource, soft, hard in limits:
        out.add("RLIMIT", struct.pack("=IIQQ", resource, 0, soft, hard))
    out.string("HOSTNAME", "kastellan")
    for record in mounts or [d.mount(d.TMPFS, "/tmp", mode=0o1777), d.mount(d.PROC, "/proc"),
                             d.mount(d.DEV, "/dev")]:
        out.add("MOUNT", record)
    return out


def place(slots):
    """For the child: the descriptors of {slot: fd}, and no other."""
    high = {slot: os.dup(fd) for slot, fd in slots.items()}
    high = {slot: fcntl.fcntl(fd, fcntl.F_DUPFD, 200) for slot, fd in high.items()}
    for slot in slots:
        os.dup2(high[slot], slot, inheritable=True)
    top = max(slots)
    for fd in range(3, top + 1):
        if fd not in slots:
            try:
                os.close(fd)
            except OSError:
                pass
    os.closerange(top + 1, 1024)


class Keeper:
    """One kastellan-vm. stdio: descriptors, lent; None: a pipe of ours, in self.pipes."""

    def __init__(self, argv, the_spec, *, order_text=None, initrd=None, stdio=(None, None, None),
                 files=None, template=None, **limits):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control = ours
        self.pipes = [None] * 3
        self.messages = []
        self.unread = []
        slots = {3: theirs.fileno(),
                 4: d.memfd(order_text if order_text is not None else order(argv, **limits)),
                 5: the_spec.seal() if hasattr(the_spec, "seal") else d.memfd(the_spec),
                 6: d.memfd(initrd or b"none")}
        if files is not None:
            slots[7] = files
        if template is not None:
            slots[8] = template
        for i in range(3):
            if stdio[i] is None:
                ends = os.pipe()
                slots[i] = ends[0 if i == 0 else 1]
                self.pipes[i] = ends[1 if i == 0 else 0]
            else:
                slots[i] = stdio[i]
        self.start = time.monotonic()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                place(slots)
                os.execve(PARTS["vm"], ["kastellan-vm"], {})
            finally:
                os._exit(99)
        theirs.close()
        for slot, fd in slots.items():
            if slot in (4, 5, 6) or (slot < 3 and self.pipes[slot] is not None):
                os.close(fd)
        self.pidfd = os.pidfd_open(self.pid)
        self.status = None

    def send(self, kind, value=0, data=b"", fds=()):
        socket.send_fds(self.control, [struct.pack("=Ii", kind, value) + data], list(fds))

    def receive(self, timeout=60):
        """The next message; None at the end."""
        if self.unread:
            return self.unread.pop()
        if not select.select([self.control], [], [], timeout)[0]:
            raise TimeoutError(f"no message in {timeout} s, after {self.messages}")
        try:
            raw, ancillary, _, _ = self.control.recvmsg(8192, 64)
        except ConnectionResetError:
            # It left something of ours unread, which is told of before what it said last.
            raw, ancillary, _, _ = self.control.recvmsg(8192, 64)
        fds = array.array("i")
        for _, _, data in ancillary:
            fds.frombytes(data)
        if not raw:
            return None
        message = Message(raw, list(fds))
        self.messages.append(message)
        return message

    def await_(self, kind, timeout=60):
        while True:
            message = self.receive(timeout)
            if message is None:
                raise EOFError(f"it ended, after {self.messages}")
            if message.type == kind:
                return message
            if message.type == d.FAILED:
                raise AssertionError(f"failed: {message.failure}")

    def go(self):
        self.send(d.GO)

    def read(self, which, count=1 << 30, timeout=60):
        """Up to count bytes of a stream, or all to its end."""
        data = b""
        deadline = time.monotonic() + timeout
        while len(data) < count:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.pipes[which]], [], [], left)[0]:
                raise TimeoutError(f"stream {which}: only {data[:200]!r}")
            piece = os.read(self.pipes[which], min(1 << 20, count - len(data)))
            if not piece:
                break
            data += piece
        return data

    def close(self, which):
        if self.pipes[which] is not None:
            os.close(self.pipes[which])
            self.pipes[which] = None

    def wait(self, timeout=20):
        """Its own wait status."""
        if self.status is None:
            if not select.select([self.pidfd], [], [], timeout)[0]:
                raise TimeoutError("kastellan-vm does not end")
            self.status = os.waitpid(self.pid, 0)[1]
        return self.status

    def end(self):
        self.control.close()
        try:
            self.wait()
        finally:
            if self.status is None:
                os.kill(self.pid, 9)
                self.wait()
            os.close(self.pidfd)
            for i in range(3):
                self.close(i)


def up(make):
    """A keeper whose guest has come up, or has said why it does not: of one that had no processor when
    it measured its timer nothing can be told, and the library boots another, too."""
    for left in reversed(range(BOOT_TRIES)):
        keeper = make()
        message = keeper.receive(BOOT)
        if not left or message is None or message.type != d.FAILED or message.failure[2] != NOT_UP:
            keeper.unread = [message]
            return keeper
        keeper.end()
    return None


class Message(d.Message):
    @property
    def name(self):
        return "GUEST_USAGE" if self.type == GUEST_USAGE else super().name

    @property
    def usage(self):
        names = ("cpu_usec", "memory_peak", "tasks_peak", "oom_kills", "tasks_refused")
        return dict(zip(names, struct.unpack("=5Q", self.data)))
