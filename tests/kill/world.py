# SPDX-License-Identifier: Apache-2.0
"""What of a jail is to be seen on the whole machine: its processes (by the files that they execute,
so that it does not matter whose children they are), the namespaces that they were in, control groups,
mounts, files and descriptors."""

import contextlib
import os
import pathlib
import re
import time

GROUPS = "/sys/fs/cgroup"
PLACES = ("/tmp", "/dev/shm", "/run", "/var/tmp")
CLOCK_STEP = 0.1  # seconds that the time of a file may be behind
KINDS = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")


def children(pid):
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []
    found = []
    for task in tasks:
        with contextlib.suppress(OSError):
            text = pathlib.Path(f"/proc/{pid}/task/{task}/children").read_bytes()
            found += [int(word) for word in text.split()]
    return found


def beneath(pid):
    """All living descendants, nearest first."""
    found, todo = [], [pid]
    while todo:
        fresh = [child for parent in todo for child in children(parent)]
        found += fresh
        todo = fresh
    return found


def is_dead(pid):
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return True
    return text[text.rindex(")") + 2] in "ZX"


def executes(pid):
    """What the process executes, as (device, inode), or None."""
    try:
        status = os.stat(f"/proc/{pid}/exe")
    except OSError:
        return None
    return status.st_dev, status.st_ino


def namespaces(pid):
    found = set()
    for kind in KINDS:
        with contextlib.suppress(OSError):
            found.add(os.readlink(f"/proc/{pid}/ns/{kind}"))
    return found


def processes():
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def started(pid):
    """In seconds since the machine's start, or None."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    return int(text[text.rindex(")") + 2:].split()[19]) / os.sysconf("SC_CLK_TCK")


def open_spaces(pid):
    found = set()
    with contextlib.suppress(OSError):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                found.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
    return found


def who_has(seen):
    """Who on this machine is in one of these namespaces, or holds one open, or a mount of it. seen:
    namespace → when it was last seen in use. Their numbers are given out anew, so one that a younger
    process has is another."""
    holders = []
    for pid in processes():
        born = started(pid)
        if born is not None:
            holders += [f"{space} of process {pid}" for space in namespaces(pid) | open_spaces(pid)
                        if born < seen.get(space, 0)]
    for line in mounts():
        match = re.search(r" (\w+:\[\d+\]) ", line)
        if match and match[1] in seen:
            holders.append(f"mount of {match[1]}")
    return holders


def mounts():
    lines = pathlib.Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    return {line.split(" ", 2)[2] for line in lines}


def groups():
    found = set()
    for place, names, _ in os.walk(GROUPS):
        found.update(os.path.join(place, name) for name in names if "kastellan-" in name)
    return found


def files():
    found = set()
    for place in PLACES:
        with contextlib.suppress(OSError):
            found.update(entry.path for entry in os.scandir(place))
    return found


def group_maker(path):
    match = re.search(r"kastellan-(\d+)", os.path.basename(path))
    return int(match[1]) if match else None


class World:
    """Seen before; new() says what is there beyond it and is ours.

    programs: what only our jails execute, as (device, inode). groups: directories of control groups
    whose every jail is ours; elsewhere ours are those that name the supervisor which was started
    last, and are younger. A file counts where it is named after it, or where nobody else has this /tmp."""

    def __init__(self, programs, own_groups):
        self.programs, self.directories = programs, own_groups
        self.alone = os.geteuid() == 0
        self.pid, self.began, self.spaces = None, 0.0, {}
        self.mounts, self.files = mounts(), files()
        self.own = namespaces("self")
        self.descriptors = len(os.listdir("/proc/self/fd"))

    def supervisor(self, pid, began):
        """The one before has been asked about, and its number may be another's."""
        self.pid, self.began = pid, began

    def note(self, pids):
        """Processes of a jail: their namespaces are to be gone at the end."""
        now = time.clock_gettime(time.CLOCK_BOOTTIME)
        for pid in pids:
            self.spaces.update((space, now) for space in namespaces(pid) - self.own)

    def living(self):
        return [pid for pid in processes() if executes(pid) in self.programs and not is_dead(pid)]

    def is_ours(self, group):
        if any(group.startswith(f"{place}/") for place in self.directories):
            return True
        if group_maker(group) != self.pid:
            return False
        try:
            return os.stat(group).st_ctime >= self.began - CLOCK_STEP
        except OSError:
            return False

    def own_groups(self):
        return [path for path in groups() if self.is_ours(path)]

    def own_files(self):
        fresh = files() - self.files
        return [path for path in fresh if "kastellan" in path and
                (self.alone and path.startswith(("/tmp/", "/dev/shm/")) or self.names_us(path))]

    def names_us(self, path):
        return re.search(rf"(?<!\d){self.pid}(?!\d)", path) is not None

    def new(self):
        """Cheap enough to be asked every few milliseconds."""
        return [*(f"process {pid} {self.describe(pid)}" for pid in
                  {*self.living(), *(pid for pid in beneath(os.getpid()) if not is_dead(pid))}),
                *(f"group {path}" for path in self.own_groups()),
                *(f"file {path}" for path in self.own_files()),
                *(f"mount {line}" for line in mounts() - self.mounts if self.alone)]

    def held(self):
        """The dear half, for the end: namespaces without a process, and our own descriptors."""
        now = len(os.listdir("/proc/self/fd"))
        return [*who_has(self.spaces),
                *([f"{now} descriptors, {self.descriptors} before"] if now > self.descriptors
                  else [])]

    @staticmethod
    def describe(pid):
        with contextlib.suppress(OSError):
            line = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
            return line.replace(b"\0", b" ").decode(errors="replace")[:80]
        return "gone"
