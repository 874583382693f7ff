# SPDX-License-Identifier: Apache-2.0
"""What the guest is, asked of the kernel itself and without the program that is tested."""

import ctypes
import errno
import os
import pathlib
import platform
import re

from harness import command

libc = ctypes.CDLL(None, use_errno=True)
LANDLOCK_CREATE_RULESET = 444
CLONE_NEWUSER = 0x10000000
CLONE_NEWNS = 0x00020000
CONTROLLERS = {"cpu", "memory", "pids"}


def landlock():
    """(ABI, errno): one of them is 0."""
    abi = libc.syscall(LANDLOCK_CREATE_RULESET, None, 0, 1)
    return (abi, 0) if abi > 0 else (0, ctypes.get_errno())


def kernel():
    """The kernel's version as numbers."""
    return tuple(map(int, re.match(r"(\d+)\.(\d+)", platform.release()).groups()))


def unshare_errno(*steps):
    """0, or the errno of the first of these unshare() calls that fails, in a child."""
    child = os.fork()
    if child == 0:
        for flags in steps:
            if libc.unshare(flags) != 0:
                os._exit(ctypes.get_errno())
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def unified():
    """Whether cgroup v2 is the only hierarchy, with all its controllers."""
    return pathlib.Path("/sys/fs/cgroup/cgroup.controllers").exists()


def own_group():
    """The path of the caller's group in the v2 hierarchy, or in the hybrid layout's."""
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        if line.startswith("0::"):
            return line[3:]
    return None


def delegated():
    """The controllers that the user's manager was given."""
    path = f"/sys/fs/cgroup/user.slice/user-{os.getuid()}.slice/user@{os.getuid()}.service"
    try:
        return set(pathlib.Path(path, "cgroup.controllers").read_text().split())
    except OSError:
        return set()


def apparmor_label():
    try:
        return pathlib.Path("/proc/self/attr/apparmor/current").read_text().strip()
    except OSError as error:
        return errno.errorcode[error.errno]


def bwrap():
    return command("bwrap", "--ro-bind", "/", "/", "--unshare-all", "--proc", "/proc", "true")


def systemd_state():
    return command("systemctl", "--user", "is-system-running").stdout.strip()


def scope(*argv, prop=(), user=True):
    """Runs a program in a transient scope with systemd's own tool."""
    properties = [f"--property={word}" for word in prop]
    manager = ["--user"] if user else []
    return command("systemd-run", *manager, "--scope", "--quiet", "--collect", *properties, *argv)


HOG = ("/usr/bin/python3", "-c", "import sys; x = b'x' * (96 << 20); print(len(x))")
