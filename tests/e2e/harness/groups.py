# SPDX-License-Identifier: Apache-2.0
"""Control groups: handing a subtree to a user who has none, and looking for what is left."""

import os
import pathlib
import re

MOUNTS = re.compile(r"^\S+ \S+ \S+ \S+ (\S+) .* - (cgroup2?) \S+ (\S+)$")
V1_WANTED = {"memory", "pids", "cpu", "cpuacct", "freezer"}
V1_FILES = ("tasks", "cgroup.procs", "cgroup.clone_children")
V2_FILES = ("cgroup.procs", "cgroup.threads", "cgroup.subtree_control")


def mounts():
    """(directory, version, options) of each hierarchy."""
    found = []
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        match = MOUNTS.match(line)
        if match:
            found.append((pathlib.Path(match[1]), match[2], set(match[3].split(","))))
    return found


def own_directories():
    """(directory of this process, version), one a hierarchy that can set limits."""
    paths = {}
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for name in controllers.split(","):
            paths[name] = path
    found = []
    for directory, version, options in mounts():
        if version == "cgroup2" and "" in paths:
            found.append((directory / paths[""].lstrip("/"), version))
        names = options & V1_WANTED
        if version == "cgroup" and names:
            found.append((directory / paths[min(names)].lstrip("/"), version))
    return found


class Handed:
    """Subtrees given to a user; join() is for the child that becomes that user."""

    def __init__(self):
        self.directories, self.leaves = [], []

    def add(self, parent, version, uid, gid):
        directory = parent / f"e2e.{os.getpid()}"
        leaf = directory
        if version == "cgroup2":
            if not (parent / "cgroup.controllers").read_text().split():
                return
            enable(parent)
            leaf = directory / "runner"
        directory.mkdir()
        self.directories.insert(0, directory)
        if leaf != directory:
            leaf.mkdir()
            self.directories.insert(0, leaf)
        for place in {directory, leaf}:
            os.chown(place, uid, gid)
            for name in V1_FILES if version == "cgroup" else V2_FILES:
                if (place / name).exists():
                    os.chown(place / name, uid, gid)
        self.leaves.append(leaf)

    def join(self):
        for leaf in self.leaves:
            (leaf / "cgroup.procs").write_text(str(os.getpid()))

    def take_back(self):
        for directory in self.directories:
            try:
                directory.rmdir()
            except OSError as error:
                print(f"# {directory} stays: {error.strerror}", flush=True)


def enable(directory):
    try:
        (directory / "cgroup.subtree_control").write_text("+memory +pids +cpu")
    except OSError:
        pass  # what cannot be enabled shows in the receipt


def delegate(uid, gid):
    handed = Handed()
    for parent, version in own_directories():
        try:
            handed.add(parent, version, uid, gid)
        except OSError as error:
            print(f"# {parent} is not handed over: {error.strerror}", flush=True)
    return handed


def beneath(top):
    """Every group beneath one. A group has dozens of files, and most have no other group in them,
    which the number of links tells: two, and one for each directory."""
    waiting = [os.fspath(top)]
    while waiting:
        place = waiting.pop()
        try:
            if os.stat(place).st_nlink == 2:
                continue
            with os.scandir(place) as entries:
                inner = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            continue  # gone meanwhile
        waiting += inner
        yield from inner


def named_kastellan():
    """Every group whose name says that a jail made it."""
    return {path for top, _, _ in mounts() for path in beneath(top)
            if "kastellan" in os.path.basename(path)}


def maker(directory):
    """The process that the name of a group speaks of, or None."""
    match = re.search(r"kastellan-(\d+)", os.path.basename(directory))
    return int(match[1]) if match else None
