# SPDX-License-Identifier: Apache-2.0
"""Plays the supervisor for kastellan-init: writes a spec, starts the monitor with its descriptors and
talks to monitor and init. For the tests of the program alone; the library is not involved, so that
the formats of spec.h and control.h are held by a second hand."""

import array
import ctypes
import fcntl
import os
import resource
import select
import signal
import socket
import struct
import time
import unittest

SPEC = {
    "ARG": 1, "ENV": 2, "CWD": 3, "SEARCH": 4, "IDS": 5, "FLAGS": 6, "WINSIZE": 7, "RLIMIT": 8,
    "VERIFY": 9, "LANDLOCK": 10, "RULE": 11, "FILTER_NOTIFY": 12, "FILTER_KILL": 13, "CLOSED": 14,
    "HELPER_ARG": 64, "KERNEL_IDS": 65, "STAGE": 66, "HOSTNAME": 67, "MOUNT": 68, "EGRESS": 69,
    "LOOPBACK": 70, "EXTRA": 72,
}
(BIND_HOST, BIND_GRANT, MASK_FILE, MASK_DIRECTORY, DATA, LINK, TMPFS, PROC, DEV, DEVICE) = range(1, 11)
WRITABLE = 1
FLAG_TTY, FLAG_KEEP_GROUP = 1, 2
(GROUP, GO, SIGNAL, WINSIZE, KILL, PROGRAM, READY, TTY, ARMED, STARTED, FAILED, DENIED, EXIT,
 HELPER_EXIT, MONITOR_FAILED) = range(1, 16)
NAMES = ["", "GROUP", "GO", "SIGNAL", "WINSIZE", "KILL", "PROGRAM", "READY", "TTY", "ARMED",
         "STARTED", "FAILED", "DENIED", "EXIT", "HELPER_EXIT", "MONITOR_FAILED"]
SLOT_DATA = 13
SLOT_GRANT = 20
BWRAP = "/usr/bin/bwrap"
# The same tests with a jail that kastellan-init makes itself.
NATIVE = os.environ.get("KASTELLAN_TEST_NATIVE") == "1"
KERNEL_ID = 2069037056 + 4242

libc = ctypes.CDLL(None, use_errno=True)


def text(value):
    return value if isinstance(value, bytes) else os.fsencode(value)


class Spec:
    def __init__(self):
        self.records = []

    def add(self, kind, payload):
        self.records.append((SPEC[kind], payload))

    def string(self, kind, value):
        self.add(kind, text(value) + b"\0")

    def bytes(self):
        body = b""
        for kind, payload in self.records:
            body += struct.pack("=II", kind, len(payload)) + payload
            body += b"\0" * (-len(payload) % 8)
        return struct.pack("=4I", 0x6b737031, 1, 16 + len(body), len(self.records)) + body

    def seal(self, seals=None):
        fd = os.memfd_create("spec", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
        os.write(fd, self.bytes())
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, 15 if seals is None else seals)
        return fd


def memfd(data):
    fd = os.memfd_create("args", os.MFD_CLOEXEC)
    os.write(fd, data)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def plain_root():
    """The arguments of a jail that has the host's programs and nothing else."""
    args = ["--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts",
            "--unshare-cgroup", "--uid", "1000", "--gid", "1000", "--hostname", "kastellan",
            "--clearenv", "--as-pid-1", "--die-with-parent", "--cap-drop", "ALL",
            "--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib64"):
        if os.path.islink("/" + name):
            args += ["--symlink", os.readlink("/" + name), "/" + name]
    return args + ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]


def mount(kind, path, source="", *, flags=0, mode=0, slot=0, size=0):
    """The payload of a MOUNT record."""
    head = struct.pack("=4IQ", kind, flags, mode, slot, size)
    return head + text(path) + b"\0" + text(source) + b"\0"


def native_mounts(args):
    """What bubblewrap would make of its arguments, as records."""
    alone = {"--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts",
             "--unshare-cgroup", "--clearenv", "--as-pid-1", "--die-with-parent"}
    for needed in ("--as-pid-1", "--die-with-parent"):
        if needed not in args:
            raise unittest.SkipTest(f"is about a helper without {needed}")
    words = iter(args)
    for word in words:
        if word in alone:
            continue
        first = next(words)
        if word == "--ro-bind":
            yield mount(BIND_HOST, next(words), first)
        elif word in ("--bind-fd", "--ro-bind-fd"):
            flags = WRITABLE if word == "--bind-fd" else 0
            yield mount(BIND_GRANT, next(words), flags=flags, slot=int(first))
        elif word == "--symlink":
            yield mount(LINK, next(words), first)
        elif word == "--tmpfs":
            yield mount(TMPFS, first, flags=WRITABLE, mode=0o755)
        elif word in ("--proc", "--dev"):
            yield mount(PROC if word == "--proc" else DEV, first)
        elif word not in ("--uid", "--gid", "--hostname", "--remount-ro", "--cap-drop"):
            raise unittest.SkipTest(f"is about a helper with {word}")


class Message:
    def __init__(self, raw, fds):
        self.type, self.value = struct.unpack_from("=Ii", raw)
        self.data = raw[8:]
        self.fds = fds

    @property
    def name(self):
        return NAMES[self.type]

    @property
    def failure(self):
        step, detail = self.data.split(b"\0")[:2]
        return step.decode(), detail.decode(errors="replace"), self.value

    def __repr__(self):
        return f"{self.name}({self.value}, {self.data!r})"


class Jail:
    """One monitor and what it starts. The defaults make the simplest jail that works."""

    def __init__(self, init, argv, *, env=("PATH=/usr/bin",), cwd="/", ids=(1000, 1000), flags=None,
                 search="/usr/bin:/bin", root=None, mounts=(), grants=(), stages=(), records=(),
                 kernel_ids="auto", stdio=None, supervisor=None, spec_seals=None, helper=None,
                 helper_exe=BWRAP, tty=False, data=()):
        self.messages = []
        if kernel_ids == "auto":
            kernel_ids = (KERNEL_ID, KERNEL_ID) if os.geteuid() == 0 else None
        if flags is None:
            flags = FLAG_KEEP_GROUP
        if tty:
            flags |= FLAG_TTY
        args = (root or plain_root()) + list(mounts) + ["--remount-ro", "/"]
        spec = Spec()
        for arg in argv:
            spec.string("ARG", arg)
        for variable in env:
            spec.string("ENV", variable)
        if cwd is not None:
            spec.string("CWD", cwd)
        if search is not None:
            spec.string("SEARCH", search)
        spec.add("IDS", struct.pack("=II", *ids))
        spec.add("FLAGS", struct.pack("=I", flags))
        for kind, payload in records:
            if kind != "MOUNT":
                spec.add(kind, payload)
        if NATIVE and (helper or helper_exe != BWRAP):
            raise unittest.SkipTest("is about the helper")
        if NATIVE:
            spec.string("HOSTNAME", "kastellan")
            for payload in native_mounts(args):
                spec.add("MOUNT", payload)
            for kind, payload in records:
                if kind == "MOUNT":
                    spec.add(kind, payload)
        else:
            for arg in helper or ["bwrap", "--args", "8", "--", "/proc/self/fd/6", "init"]:
                spec.string("HELPER_ARG", arg)
        if kernel_ids:
            spec.add("KERNEL_IDS", struct.pack("=II", *kernel_ids))
        for stage in stages:
            spec.add("STAGE", struct.pack("=IIII", *stage))
        self.start([init, helper_exe], spec.seal(spec_seals), args, grants, stdio, tty, supervisor, data)

    def start(self, programs, spec_fd, args, grants, stdio, tty, supervisor, data):
        self.monitor, monitor = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.init, child = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.complaints, complaints = os.pipe()
        null = os.open("/dev/null", os.O_RDWR)
        opened = [os.open(program, os.O_RDONLY) for program in programs] + [
                  memfd(b"".join(text(a) + b"\0" for a in args)),
                  supervisor or os.pidfd_open(os.getpid())]
        slots = {0: null, 1: null, 2: complaints, 3: monitor.fileno(), 4: child.fileno(),
                 5: spec_fd, 6: opened[0], 7: opened[1], 8: opened[2], 9: opened[3]}
        self.stdout = self.stderr = None
        pipes = []
        if not tty:
            if stdio is None:
                self.stdout, out = os.pipe()
                self.stderr, err = os.pipe()
                stdio = (null, out, err)
                pipes = [out, err]
            for i, fd in enumerate(stdio):
                if fd is not None:
                    slots[10 + i] = fd
        for i, fd in enumerate(data):
            slots[SLOT_DATA + i] = fd
        for i, fd in enumerate(grants):
            slots[SLOT_GRANT + i] = fd
        self.pid = spawn(opened[0], ["kastellan-init", "monitor"], slots)
        self.pidfd = os.pidfd_open(self.pid)
        monitor.close()
        child.close()
        for fd in [complaints, null, spec_fd] + opened + pipes:
            os.close(fd)

    def send(self, sock, kind, value=0, data=b"", fds=()):
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        sock.sendmsg([struct.pack("=Ii", kind, value) + data], control)

    def receive(self, sock, timeout=10):
        """The next message, or None at the end."""
        if not select.select([sock], [], [], timeout)[0]:
            raise TimeoutError(f"silence after {self.messages}; {self.complaint()}")
        try:
            raw, control, _, _ = sock.recvmsg(8192, 1024)
        except ConnectionResetError:
            return None
        fds = array.array("i")
        for _, _, data in control:
            fds.frombytes(data)
        if not raw:
            return None
        message = Message(raw, list(fds))
        self.messages.append(message)
        return message

    def expect(self, kind, timeout=10):
        message = self.receive(self.init, timeout)
        assert message and message.type == kind, \
            f"{NAMES[kind]} was expected, not {message} ({self.messages}, {self.complaint()})"
        return message

    def go(self, fds=()):
        self.expect(READY)
        self.send(self.init, GO, fds=fds)

    def run(self, fds=()):
        """From GO to EXIT: (wait status, stdout, stderr)."""
        self.go(fds)
        self.expect(STARTED)
        return self.finish()

    def finish(self):
        out, err = self.output()
        message = self.expect(EXIT)
        return message.value, out, err

    def output(self):
        return read_all(self.stdout), read_all(self.stderr)

    def complaint(self):
        if select.select([self.complaints], [], [], 0)[0]:
            return os.read(self.complaints, 4096)
        return b""

    def hang_up(self):
        self.init.close()
        self.monitor.close()

    def close(self):
        self.hang_up()
        for name in ("pidfd", "complaints", "stdout", "stderr"):
            fd = getattr(self, name)
            setattr(self, name, None)
            if fd is not None:
                os.close(fd)

    def wait(self, timeout=15):
        """Hangs up and returns the monitor's wait status."""
        self.hang_up()
        if not select.select([self.pidfd], [], [], timeout)[0]:
            raise TimeoutError("the monitor stays")
        return os.waitpid(self.pid, 0)[1]


def spawn(exe, argv, slots):
    """Starts exe with exactly the slots as its descriptors, all signals blocked, no environment."""
    pid = os.fork()
    if pid:
        return pid
    try:
        highest = max(slots) + 1
        high = {slot: fcntl.fcntl(fd, fcntl.F_DUPFD, highest + 8) for slot, fd in slots.items()}
        exe = fcntl.fcntl(exe, fcntl.F_DUPFD_CLOEXEC, highest + 8)
        for slot in range(highest):
            try:
                os.close(slot)
            except OSError:
                pass
        for slot, fd in high.items():
            os.dup2(fd, slot, inheritable=True)
            os.close(fd)
        os.closerange(highest, exe)
        os.closerange(exe + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
        os.execve(exe, argv, {})
    finally:
        os._exit(99)


def read_all(fd, timeout=10):
    data = b""
    deadline = time.monotonic() + timeout
    while True:
        if not select.select([fd], [], [], max(0, deadline - time.monotonic()))[0]:
            raise TimeoutError(f"no end of the output: {data!r}")
        got = os.read(fd, 65536)
        if not got:
            return data
        data += got
