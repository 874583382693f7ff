# SPDX-License-Identifier: Apache-2.0
"""Standard streams as a way out: what they lead to, beside what they carry. And files that a
read-only mount does not make read-only."""

import os
import subprocess

from harness import check
from harness.discover import add, test

SEEN = {"EACCES", "EPERM", "ENOENT", "ENOTDIR", "EROFS", "EBADF", "EXDEV"}
# With standard input a directory of the host.
BENEATH = [("open_at", "key"), ("open_at", "../beside"), ("write_at", "key"), ("create_at", "new"),
           ("chmod_at", "key"), ("utime_at", "key"), ("setxattr_at", "key"), ("stat_at", "key"),
           ("enter", "key"), ("enter", "../beside"), ("execute_at", "tool"), ("unlink_at", "key")]


def place(t):
    top = t.directory("outside", 0o777)
    t.file("outside/key", "a secret\n", 0o666)
    t.file("outside/tool", "#!/bin/sh\necho allowed: it ran\n", 0o755)
    t.file("beside", "a secret\n", 0o666)
    return top


def look(top):
    return [(path.name, path.read_bytes(), path.stat().st_mode, path.stat().st_mtime_ns,
             os.listxattr(path)) for path in sorted(top.iterdir())]


def beneath(t, act, name):
    """A jail may also refuse to start with such a stream."""
    top = place(t)
    before = look(top)
    argv = t.probe("streams", act, name)
    stream = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    t.later(os.close, stream)
    if not t.options.controls_only:
        result = t.run(argv, stdin=stream)
        if result.code == 125:
            check.contains(result.complaint, "stdin", "directory")
        else:
            check.one_of(result.verdict, {f"denied: {name}" for name in SEEN}, "in the jail")
        check.equal(look(top), before, "the directory")
    outside = t.control.run(argv, stdin=stream)
    check.true(outside.verdict.startswith("allowed"), f"control: {outside.verdict}")


for act, name in BENEATH:
    add(f"standard input is a directory of the host: {act} {name}",
        lambda t, row=(act, name): beneath(t, *row), __name__)


@test("standard input is a file that was opened for reading: it does not become one for writing")
def reopened(t):
    path = t.file("outside/input", "content\n", 0o666)
    for act in ("reopen", "truncate"):
        with open(path, "rb") as stream:
            t.denied(t.probe("streams", act), by=SEEN, stdin=stream)
            check.equal(path.read_text(), "content\n", "the file")
        with open(path, "rb") as stream:
            t.possible(t.probe("streams", act), stdin=stream)
        path.write_text("content\n")


@test("nor is it linked into a grant, or a way to its neighbours")
def linked(t):
    path = t.file("outside/input", "content\n", 0o666)
    top = t.directory("granted", 0o777)
    t.file("outside/key", "a secret\n", 0o666)
    with open(path, "rb") as stream:
        t.denied(t.probe("streams", "link_out", top / "link"), by=SEEN, stdin=stream, write=[top])
        t.denied(t.probe("streams", "sibling", "key"), by=SEEN, stdin=stream, write=[top])
        check.equal(os.listdir(top), [], "the grant")
        t.possible(t.probe("streams", "link_out", top / "link"), stdin=stream)


@test("a log that is appended to cannot be opened anew for overwriting")
def log(t):
    path = t.file("outside/log", "first line\n", 0o666)
    script = "echo second line; (echo over > /proc/self/fd/1) 2>/dev/null; true"
    with open(path, "ab") as stream:
        t.run(["/bin/sh", "-c", script], stdout=stream)
    check.equal(path.read_text(), "first line\nsecond line\n", "the log")
    with open(path, "ab") as stream:
        t.control.run(["/bin/sh", "-c", script], stdout=stream)
    check.equal(path.read_text(), "over\n", "control: outside it is overwritten")


@test("a worker that root starts writes to a file of root's that is its stderr, and cannot open it",
      root=True, backends=("bwrap", "native"))
def files_of_others(t):
    script = ["/bin/sh", "-c", "echo first >&2; echo again > /dev/stderr"]

    def said(argv):
        path = t.file("stderr", "")
        with open(path, "ab") as file:
            subprocess.run(list(map(os.fsencode, argv)), stdout=subprocess.DEVNULL, stderr=file,
                           check=False)
        return path.read_text()

    check.contains(said(script), "again")
    inside = said(t.jail.command(script, flags=["-q"]))
    check.contains(inside, "first")
    check.true("again" not in inside, f"it was opened: {inside!r}")


@test("/dev/stdin, /dev/stdout and /dev/stderr can be opened where they are pipes")
def by_name(t):
    script = "cat /dev/stdin; echo out > /dev/stdout; echo err > /dev/stderr"
    result = t.run(["/bin/sh", "-c", script], stdin=b"in\n")
    check.equal((result.text, result.complaint), ("in\nout\n", "err\n"), "streams")


@test("a FIFO in a read-only grant cannot be written to: no mount flag forbids that")
def fifo(t):
    top = t.directory("granted", 0o777)
    os.mkfifo(top / "pipe")
    os.chmod(top / "pipe", 0o666)
    reader = os.open(top / "pipe", os.O_RDWR | os.O_NONBLOCK)
    t.later(os.close, reader)
    argv = t.probe("files", "write", top / "pipe")
    t.denied(argv, by={"EACCES", "EPERM", "EROFS"}, read=[top])
    try:
        heard = os.read(reader, 100)
    except BlockingIOError:
        heard = b""
    check.equal(heard, b"", "what came")
    t.allowed(argv, write=[top])
    t.possible(argv)


@test("a host's kernel file systems that are mounted beneath a grant do not come along", root=True)
def kernel_submounts(t):
    top = t.directory("granted", 0o777)
    victim = t.victim()
    for kind, source in (("proc", "/proc"), ("sys", "/sys"), ("dev", "/dev")):
        inner = t.directory(f"granted/{kind}")
        # A slave, so that its end is not the end of what it shows.
        subprocess.run(["/bin/mount", "--rbind", "--make-rslave", source, inner], check=True)
        t.later(lambda inner=inner: subprocess.run(["/bin/umount", "-l", inner], check=True))
    for path in (top / f"proc/{victim}/cmdline", top / "proc/cmdline", top / "sys/kernel/notes",
                 top / "dev/kmsg"):
        argv = t.probe("files", "stat", path)
        outside = t.control.run(argv)
        check.true(outside.verdict.startswith("allowed"), f"control: {outside.verdict}")
        for grant in ("read", "write"):
            result = t.run(t.probe("files", "read", path), **{grant: [top]})
            if result.code == 125:
                check.contains(result.complaint, "remedy")
            else:
                check.true(result.verdict.startswith("denied"), f"{path} {grant}: {result.verdict}")


@test("system directories of the host that would undo the jail cannot be granted, by any name")
def system_grants(t):
    marker = t.directory("granted", 0o777) / "started"
    (t.work / "link").symlink_to("/proc")
    (t.work / "root").symlink_to("/")
    for path in ("/", "//", "/.", "/proc", "/proc/self/root", "//proc/", "/proc/sys", "/sys",
                 "/dev", "/dev/shm", "/dev/pts", t.work / "link", t.work / "root"):
        for option in ("-r", "-w"):
            result = t.run(["/usr/bin/touch", marker], write=[marker.parent], flags=[option, path])
            # A worker that may write everywhere could write its status, too, so there is none.
            wide = option == "-w" and path == t.work / "root"
            check.equal((result.code, result.type), (125, None if wide else "setup"),
                        f"{option} {path}")
            check.contains(result.complaint, "remedy")
    groups = "/sys/fs/cgroup"
    result = t.run(["/usr/bin/touch", marker], write=[marker.parent], flags=["-w", groups])
    check.equal(result.code, 125, "a writable cgroup file system")
    check.true(not marker.exists(), "the program was started")
    t.run(["/usr/bin/touch", marker], write=[marker.parent])
    check.true(marker.exists(), "control: without such a grant it starts")


@test("a grant of the whole of /tmp or /usr replaces what the jail has there, and nothing else")
def wide_grants(t):
    key = f"/tmp/e2e-{os.getpid()}"
    with open(key, "w", encoding="utf-8") as file:
        file.write("x")
    t.later(os.unlink, key)
    t.contained(t.probe("files", "read", key), by={"ENOENT", "EACCES"},
                granted={"read": ["/tmp"]})
    t.denied(t.probe("files", "create", "/tmp/new"), by={"EROFS", "EACCES"}, read=["/tmp"])
    t.denied(t.probe("files", "read", "/proc/kallsyms"), by={"ENODATA", "EACCES"}, read=["/usr"])


@test("what a root caller's worker writes belongs to the owner of the granted directory", root=True)
def owner_of_grant(t):
    top = t.directory("granted")
    os.chown(top, 1234, 1235)
    result = t.run(["/bin/sh", "-c", f"echo x > {top}/new && mkdir {top}/sub && ls -ln {top}"],
                   write=[top])
    check.equal((result.type, result.code), ("exit", 0), "outcome")
    for name in ("new", "sub"):
        found = (top / name).stat()
        check.equal((found.st_uid, found.st_gid), (1234, 1235), f"owner of {name}")


@test("--status into a FIFO that nobody reads is refused, and does not hang")
def status_fifo(t):
    os.mkfifo(t.work / "pipe")
    marker = t.directory("granted", 0o777) / "started"
    line = t.jail.command(["/usr/bin/touch", marker], write=[marker.parent],
                          flags=["--status", t.work / "pipe"])
    result = t.control.run(line, timeout=5)
    check.equal(result.code, 125, "exit code")
    check.contains(result.complaint, "status")
