# SPDX-License-Identifier: Apache-2.0
"""Locks, between programs of the guest and with those of the host."""

import errno
import fcntl
import subprocess
import sys
import time

from harness import check
from harness.discover import test
from place import refused

HOLD = """
import fcntl, os, sys, time
file = open(sys.argv[1], "r+b")
kind = {"flock": fcntl.flock, "fcntl": fcntl.lockf}[sys.argv[2]]
kind(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
# Not by its end: the kernel tells a file server of that later than the end itself is seen.
kind(file, fcntl.LOCK_UN)
"""


class Holder:
    """Another process that holds a lock until it is told not to."""

    def __init__(self, path, kind):
        self.process = subprocess.Popen([sys.executable, "-I", "-S", "-c", HOLD, path, kind],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        check.equal(self.process.stdout.readline(), "held\n", "the holder's word")

    def let_go(self):
        self.process.communicate("")

    def kill(self):
        self.process.kill()
        self.process.communicate()


KINDS = {"flock": fcntl.flock, "fcntl": fcntl.lockf}
BUSY = (errno.EAGAIN, errno.EACCES)


def between(place, kind, holder_path, own_path):
    lock = KINDS[kind]
    holder = Holder(holder_path, kind)
    with open(own_path, "r+b") as file:
        refused(BUSY, lock, file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        refused(BUSY, lock, file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        holder.let_go()
        lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        lock(file, fcntl.LOCK_UN)
    holder = Holder(holder_path, kind)
    # Somebody who has to wait gets it when the holder dies.
    code = HOLD.replace('print("held", flush=True)', 'print("held", flush=True); sys.exit()')
    waiting = subprocess.Popen([sys.executable, "-I", "-S", "-c", code, own_path, kind],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    time.sleep(0.3)
    check.equal(waiting.poll(), None, "who waits")
    holder.kill()
    check.equal(waiting.communicate(timeout=10)[0], "held\n", "who waited")



for KIND in KINDS:
    @test(f"{KIND} between programs of the guest")
    def within(place, kind=KIND):
        path = place.path / "file"
        path.touch()
        between(place, kind, path, path)

    @test(f"{KIND} of a program of the host")
    def of_host(place, kind=KIND):
        path = place.path / "file"
        path.touch()
        between(place, kind, place.host / "file", path)

    @test(f"{KIND} against a program of the host")
    def against_host(place, kind=KIND):
        path = place.path / "file"
        path.touch()
        between(place, kind, path, place.host / "file")

    @test(f"a signal ends the wait for {KIND}")
    def interrupted(place, kind=KIND):
        path = place.path / "file"
        path.touch()
        holder = Holder(path, kind)
        place.python("""
import fcntl, signal, sys
class Alarm(Exception): pass
def ring(*_): raise Alarm
signal.signal(signal.SIGALRM, ring); signal.setitimer(signal.ITIMER_REAL, 0.2)
file = open("file", "r+b")
try: {"flock": fcntl.flock, "fcntl": fcntl.lockf}[sys.argv[1]](file, fcntl.LOCK_EX)
except Alarm: sys.exit(0)
sys.exit("was not interrupted")
""", kind)
        waiting = subprocess.Popen([sys.executable, "-I", "-S", "-c", HOLD, path, kind],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        time.sleep(0.2)
        waiting.kill()
        waiting.wait(10)
        # The host's view: whoever has gone holds nothing.
        holder.let_go()
        with open(place.host / "file", "r+b") as file:
            for _ in range(100):
                try:
                    KINDS[kind](file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return
                except OSError:
                    time.sleep(0.02)
        check.fail("the lock of a program that was killed stays")


@test("ranges of fcntl locks, and their end with any close()")
def ranges(place):
    place.python("""
import fcntl, os, struct, sys
file = open("file", "w+b"); file.write(bytes(1000)); file.flush()
def other(kind, start, length):
    pid = os.fork()
    if pid == 0:
        with open("file", "r+b") as again:
            try: fcntl.lockf(again, kind | fcntl.LOCK_NB, length, start)
            except OSError: os._exit(1)
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
fcntl.lockf(file, fcntl.LOCK_EX, 100, 0)
fcntl.lockf(file, fcntl.LOCK_SH, 100, 200)
assert not other(fcntl.LOCK_EX, 50, 10) and not other(fcntl.LOCK_SH, 99, 1)
assert other(fcntl.LOCK_EX, 100, 100) and other(fcntl.LOCK_SH, 200, 100)
assert not other(fcntl.LOCK_EX, 250, 1)
fcntl.lockf(file, fcntl.LOCK_UN, 50, 0)
assert other(fcntl.LOCK_EX, 0, 50) and not other(fcntl.LOCK_EX, 50, 50)
fcntl.lockf(file, fcntl.LOCK_EX, 100, 200)
pid = os.fork()
if pid == 0:
    with open("file", "r+b") as again:
        told = fcntl.fcntl(again, fcntl.F_GETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
        kind, _, start, length, owner = struct.unpack("hhqqi4x", told)
        os._exit(0 if (kind, start, length, owner) == (fcntl.F_WRLCK, 50, 50, os.getppid()) else 1)
assert os.waitpid(pid, 0)[1] == 0, "F_GETLK"
open("file", "rb").close()
assert other(fcntl.LOCK_EX, 0, 1000), "close() of any descriptor ends a process's locks"
""")


@test("flock and fcntl do not see each other")
def apart(place):
    path = place.path / "file"
    path.touch()
    holder = Holder(path, "flock")
    with open(path, "r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        refused(BUSY, fcntl.flock, file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    holder.let_go()


@test("a shared counter under a lock is never stale", seconds=90)
def counter(place):
    code = """
import fcntl, os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
for _ in range(60):
    fcntl.lockf(fd, fcntl.LOCK_EX)
    value = int(os.pread(fd, 20, 0) or b"0")
    os.pwrite(fd, b"%020d" % (value + 1), 0)
    fcntl.lockf(fd, fcntl.LOCK_UN)
"""
    (place.path / "count").touch()
    running = [subprocess.Popen([sys.executable, "-I", "-S", "-c", code, where / "count"])
               for where in (place.path, place.host, place.path)]
    for process in running:
        check.equal(process.wait(60), 0, "its status")
    check.equal(int((place.host / "count").read_text()), 180, "what the guest and the host counted")
