# SPDX-License-Identifier: Apache-2.0
"""What a jail may not leave behind: processes, groups, mounts, files, System V and POSIX IPC.

The runner is a subreaper, so every process that a supervisor abandons becomes its child. Other
people's jails on the same machine are told apart by the process that their group's name speaks of.
"""

import ctypes
import os
import pathlib
import time

from harness import groups

WALL = 0x40000000  # __WALL: children of every kind
PLACES = ("/tmp", "/dev/shm", "/run")
PATIENCE = 5.0  # seconds from the end of the command to the end of everything it started


def parents():
    """pid → (parent, state) of every process."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            text = pathlib.Path("/proc", entry, "stat").read_text(errors="replace")
        except OSError:
            continue
        fields = text[text.rindex(")") + 2:].split()
        found[int(entry)] = (int(fields[1]), fields[0])
    return found


def descendants(root=None):
    """Living processes beneath root (default: this process), zombies left out; parents come before
    their children, which numbers that have begun anew would not tell."""
    found = parents()
    order = generation = [root or os.getpid()]
    while generation:
        generation = sorted(pid for pid, (parent, _) in found.items()
                            if parent in generation and pid not in order)
        order = order + generation
    return [pid for pid in order[1:] if found[pid][1] != "Z"]


def describe(pid):
    try:
        line = pathlib.Path("/proc", str(pid), "cmdline").read_bytes()
        state = pathlib.Path("/proc", str(pid), "stat").read_text(errors="replace").split()
        return f"process {pid} {line.replace(bytes(1), b' ').decode(errors='replace')!r} " \
               f"state {state[2]}"
    except OSError:
        return f"process {pid}"


def reap():
    """Zombies that were left to the subreaper; the runner waits for its own children before. Whether
    a child is left, without which there is no descendant either."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG | WALL)
        except ChildProcessError:
            return False
        if pid == 0:
            return True


def mount_lines():
    lines = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
    return {line.split(" ", 2)[2] for line in lines}


def files():
    """Names in places where temporary files go, those of our own user where others are about."""
    found = set()
    for place in PLACES:
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    found.add((entry.path, entry.stat(follow_symlinks=False).st_uid))
        except OSError:
            continue
    return found


def ipc():
    found = set()
    for kind in ("shm", "sem", "msg"):
        try:
            lines = pathlib.Path("/proc/sysvipc", kind).read_text().splitlines()[1:]
        except OSError:
            continue
        found.update((kind, line.split()[1]) for line in lines)
    return found


class Snapshot:
    """Taken before a test; leftovers() after it says what is new."""

    def __init__(self, options):
        self.options = options
        self.groups = groups.named_kastellan()
        self.mounts, self.files, self.ipc = mount_lines(), files(), ipc()
        self.started = set()

    def new_files(self):
        uid = os.geteuid()
        fresh = {(path, owner) for path, owner in files() - self.files
                 if self.options.alone and not path.startswith("/run/") or owner == uid != 0}
        return [f"file {path}" for path, _ in sorted(fresh)]

    def new_groups(self):
        """Those that name a process which is not ours are somebody else's."""
        fresh = []
        for directory in sorted(groups.named_kastellan() - self.groups):
            pid = groups.maker(directory)
            if pid is None or pid in self.started:
                fresh.append(f"control group {directory}")
        return fresh

    def found(self):
        # Reading the table of processes is dear where the processor is emulated.
        living = descendants() if reap() else []
        return [
            *(describe(pid) for pid in living),
            *self.new_groups(),
            *(f"mount {line}" for line in sorted(mount_lines() - self.mounts)
              if self.options.alone),
            *self.new_files(),
            *(f"System V {kind} {number}" for kind, number in sorted(ipc() - self.ipc)
              if self.options.alone),
        ]

    def leftovers(self, patience=PATIENCE):
        """Waits for what ends by itself; a service manager of an emulated machine takes its time to
        remove a scope that nobody is in any more."""
        deadline = time.monotonic() + patience * getattr(self.options, "pace", 1)
        pause = 0.002
        while True:
            left = self.found()
            if not left or time.monotonic() > deadline:
                return left
            time.sleep(pause)
            pause = min(pause * 2, 0.1)


def remove(left):
    """So that one test does not spoil the next."""
    libc = ctypes.CDLL(None, use_errno=True)
    for pid in descendants():
        try:
            os.kill(pid, 9)
        except ProcessLookupError:
            pass
    for what in left:
        kind, _, rest = what.partition(" ")
        if kind == "mount":
            libc.umount2(rest.split(" ")[2].encode(), 2)
        elif kind == "file" and os.path.isfile(rest):
            os.unlink(rest)
        elif kind == "control":
            time.sleep(0.05)
            try:
                os.rmdir(rest.removeprefix("group "))
            except OSError:
                pass
    reap()
