# SPDX-License-Identifier: Apache-2.0
"""Terminals: one of its own with -t, and none to push input into, with or without."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

from harness import check, residue
from harness.discover import add, test
from harness.jail import end, wait_for


class Terminal:
    """A terminal of ours, with a command as the leader of its session."""

    def __init__(self, t, argv, rows=30, columns=100, leader=True):
        self.master, self.slave = pty.openpty()
        self.seen, self.t = b"", t
        t.later(self.close)
        self.resize(rows, columns, None)
        before = [signal.SIGWINCH]

        def enter():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, before)
        self.process = subprocess.Popen(list(map(os.fsencode, argv)), stdin=self.slave,
                                        stdout=self.slave, stderr=self.slave,
                                        preexec_fn=enter if leader else None)
        t.jail.started.add(self.process.pid)

    def resize(self, rows, columns, process=None):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds=0.1):
        while select.select([self.master], [], [], seconds)[0]:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                break
            if not data:
                break
            self.seen += data
        return self.seen

    def expect(self, text, seconds=30):
        """Waits until the text has been shown since the last expected one."""
        wanted = text.encode()
        deadline = time.monotonic() + seconds
        while wanted not in self.read(0.05):
            if time.monotonic() > deadline:
                check.fail(f"{text!r} did not appear in {self.seen!r}")
        shown, _, self.seen = self.seen.partition(wanted)
        return shown.decode(errors="replace")

    def type(self, data):
        os.write(self.master, data if isinstance(data, bytes) else data.encode())

    def wait(self, seconds=30):
        """The exit code; what is still shown is read meanwhile."""
        wait_for(lambda: self.read(0.01) is None or self.process.poll() is not None, "the end",
                 seconds)
        self.read(0.05)
        return self.process.returncode

    def close(self):
        end(self.process)
        os.close(self.master)
        os.close(self.slave)


def open_jail(t, argv, flags=("-t",), rows=30, columns=100, **options):
    line = t.jail.command(argv, read=[t.probes.directory], flags=["--status",
                          t.notes / "status", *flags], **options)
    return Terminal(t, line, rows, columns)


def terminal(t, act, **options):
    return open_jail(t, t.probe("terminal", act), **options)


@test("-t gives a terminal of the caller's size, with the worker in its foreground")
def gives(t):
    shown = terminal(t, "facts")
    shown.expect("isatty 1 1 1 tty opened leader 1 foreground 1")
    check.equal(shown.wait(), 0, "exit code")
    for rows, columns in ((24, 80), (7, 133)):
        shown = terminal(t, "size", rows=rows, columns=columns)
        shown.expect(f"size {rows} {columns}\r\n")


@test("a change of size reaches the worker, again and again")
def resized(t):
    shown = terminal(t, "watch", rows=30, columns=100)
    shown.expect("size 30 100\r\n")
    for rows, columns in ((40, 120), (10, 20), (50, 200)):
        shown.resize(rows, columns)
        shown.expect(f"size {rows} {columns}\r\n")
    shown.type(b"\n")
    check.equal(shown.wait(), 0, "exit code")


PUSHES = ("push", "push_tty", "push_high", "console", "line_discipline")


def pushed(t, act, flags):
    """Neither the worker's own terminal nor the caller's takes input from the worker."""
    shown = open_jail(t, t.probe("terminal", act), flags=flags)
    shown.wait()
    check.contains(shown.seen.decode(), ("denied: EPERM", "denied: ENOTTY"))
    check.true(b"allowed" not in shown.seen, f"it said {shown.seen!r}")
    os.set_blocking(shown.slave, False)
    try:
        left = os.read(shown.slave, 100)
    except OSError:
        left = b""
    check.equal(left, b"", "input that waits for the next reader")
    if act == "console":
        return
    outside = Terminal(t, t.probe("terminal", act))
    outside.wait()
    if b"denied: EIO" in outside.seen or not t.root and b"denied" in outside.seen:
        t.cannot("this kernel takes no pushed input at all")
    check.contains(outside.seen.decode(), "allowed")


for act in PUSHES:
    for flags in ((), ("-t",)):
        add(f"{act} on {'its own terminal' if flags else 'the terminal of the caller'} is refused",
            lambda t, row=(act, flags): pushed(t, *row), __name__)


@test("without -t the caller's terminal is there to read and write, but not in control")
def inherited(t):
    shown = terminal(t, "facts", flags=())
    shown.expect("isatty 1 1 1")
    shown.expect("leader 1 foreground 0")
    check.equal(shown.wait(), 0, "exit code")
    shown = open_jail(t, ["/bin/sh", "-c", "read -r x; echo got $x"], flags=())
    shown.type("word\n")
    shown.expect("got word")


@test("the caller's terminal cannot be taken over without -t")
def taken(t):
    shown = terminal(t, "take", flags=())
    shown.wait()
    check.contains(shown.seen.decode(), "denied: EPERM")


@test("what is typed reaches the program once, and what it says is shown once")
def typed(t):
    shown = open_jail(t, ["/bin/sh", "-c", "stty -echo; echo ready; read -r x; echo got $x"])
    shown.expect("ready\r\n")
    shown.type("secret\n")
    before = shown.expect("got secret\r\n")
    check.true("secret" not in before, "the echo shows although it is switched off")
    check.equal(shown.wait(), 0, "exit code")


@test("control-C, control-\\ and control-D mean what they mean in any terminal")
def keys(t):
    for key, code in ((b"\x03", 130), (b"\x1c", 131)):
        shown = open_jail(t, t.probe("ending", "wait"))
        shown.expect("ready\r\n")
        shown.type(key)
        check.equal(shown.wait(), code, f"exit code after {key!r}")
    shown = open_jail(t, ["/bin/sh", "-c", "echo ready; cat; echo end"])
    shown.expect("ready\r\n")
    shown.type(b"\x04")
    shown.expect("end\r\n")
    check.equal(shown.wait(), 0, "exit code")


@test("a shell inside has job control: a job is stopped, listed and continued")
def jobs(t):
    shown = open_jail(t, ["/bin/bash", "--norc", "-i"], env={"PS1": "% "})
    shown.expect("% ")
    shown.type("sleep 50\n")
    time.sleep(0.3)
    shown.type(b"\x1a")
    shown.expect("Stopped")
    shown.type("jobs; kill %1; fg; echo code $?\n")
    shown.expect("code ")
    shown.type("exit 6\n")
    check.equal(shown.wait(), 6, "exit code")
    check.true(b"no job control" not in shown.seen, f"{shown.seen!r}")


@test("the caller's terminal has its modes back afterwards, however the worker ended")
def restored(t):
    for argv in (["/bin/true"], ["/bin/sh", "-c", "stty raw -echo; kill -9 $$"], ["/absent"],
                 t.probe("calls", "keyctl")):
        shown = open_jail(t, argv)
        before = termios.tcgetattr(shown.slave)
        shown.wait()
        check.equal(termios.tcgetattr(shown.slave), before, f"modes after {argv}")


@test("when the caller's terminal goes away, the worker ends and nothing is left", 60)
def hung_up(t):
    before = residue.Snapshot(t.options)
    before.started = t.jail.started
    shown = open_jail(t, t.probe("ending", "wait"))
    shown.expect("ready\r\n")
    os.close(shown.master)
    os.close(shown.slave)
    shown.master, shown.slave = os.pipe()
    wait_for(lambda: shown.process.poll() is not None, "the end after the hang-up", 5)
    check.equal(before.leftovers(3), [], "left behind")


@test("SIGKILL to the supervisor of a terminal leaves nothing")
def killed(t):
    before = residue.Snapshot(t.options)
    before.started = t.jail.started
    shown = open_jail(t, t.probe("ending", "swarm"))
    shown.expect("ready\r\n")
    shown.process.kill()
    shown.process.wait()
    check.equal(before.leftovers(3), [], "left behind")


@test("a flood through the terminal arrives whole")
def flood(t):
    shown = open_jail(t, ["/bin/sh", "-c", "seq 1 20000; echo done"])
    text = shown.expect("done\r\n", 30)
    check.equal(text.replace("\r\n", "\n"), "".join(f"{n}\n" for n in range(1, 20001)), "lines")
    check.equal(shown.wait(), 0, "exit code")


@test("-t without a terminal of the caller is an error, or works with the default size")
def without(t):
    result = t.run(t.probe("terminal", "size"), flags=["-t"])
    if result.code == 125:
        check.contains(result.complaint, "terminal")
    else:
        check.contains(result.text, "size 24 80")


@test("/dev/pts holds no terminal of the host")
def host_terminals(t):
    master, slave = pty.openpty()
    t.later(os.close, master)
    t.later(os.close, slave)
    name = os.ttyname(slave)
    argv = ["/bin/sh", "-c", "ls /dev/pts"]
    check.true(os.path.basename(name) in t.control.run(argv).lines, "control")
    result = t.run(argv, stdin=slave)
    check.true(set(result.lines) <= {"ptmx"}, f"terminals {result.lines}")
