# SPDX-License-Identifier: Apache-2.0
"""Prepares the process that runs the tests: its namespace, its user and its work directory.

The steps need root and happen once, in this order; then the runner executes itself anew as the
wanted user, with what it was asked in the environment. Without root only the last one happens.
"""

import ctypes
import os
import pathlib
import pwd
import shutil
import signal
import sys
import tempfile

from harness import double

STAGE = "KASTELLAN_E2E_BASE"
CLONE_NEWNS, CLONE_NEWIPC = 0x00020000, 0x08000000
MS_REC, MS_PRIVATE, MS_SHARED = 0x4000, 1 << 18, 1 << 20
PR_SET_CHILD_SUBREAPER = 36

# How many times as long as the others a backend may take: a machine has to boot, emulated on a host
# that has other things to do as well.
PACE = {"qemu": 10, "firecracker": 10}

libc = ctypes.CDLL(None, use_errno=True)


class Unusable(Exception):
    pass


class Options:
    """What the tests may ask about the run."""

    def __init__(self, chosen, base):
        self.base = pathlib.Path(base)
        self.kastellan, self.init, self.egress = chosen.kastellan, chosen.init, chosen.egress
        self.backend, self.keep = chosen.backend, chosen.keep
        self.controls_only = chosen.controls_only
        self.pace = chosen.pace or PACE.get(chosen.backend, 1)
        self.probes = chosen.probes
        self.whole = not chosen.pattern
        self.ci = os.environ.get("CI") == "true"
        self.alone = os.environ.get("KASTELLAN_E2E_ALONE") == "1"


def must(result, what):
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def find(path, name):
    found = shutil.which(path or name)
    if not found:
        raise Unusable(f"{path or name} is not there or not executable; give --{name} PATH")
    return os.path.realpath(found)


def own_mounts(visible, backend):
    """A mount namespace that is shared, as systemd makes the host's: a mount that a jail lets out
    would come back to us. Programs beneath /tmp would be hidden, so then /tmp stays."""
    must(libc.unshare(CLONE_NEWNS | CLONE_NEWIPC), "unshare mounts and IPC")
    must(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "make / private")
    if double.wanted(backend):
        double.add_device()
    must(libc.mount(None, b"/", None, MS_REC | MS_SHARED, None), "make / shared")
    if any(str(path).startswith(("/tmp/", "/dev/shm/")) for path in visible if path):
        return False
    for path in (b"/tmp", b"/dev/shm"):
        must(libc.mount(b"tmpfs", path, b"tmpfs", 0, b"mode=1777"), "mount a tmpfs")
    return True


def account(name):
    try:
        return pwd.getpwuid(int(name)) if name.isdigit() else pwd.getpwnam(name)
    except KeyError:
        if name.isdigit():
            return pwd.struct_passwd((name, "x", int(name), int(name), "", "/", "/bin/sh"))
        raise Unusable(f"no user is called {name}") from None


def delegate(user):
    """Where root is given up, the groups of this run are handed over, as systemd's Delegate= does
    it. Nothing to hand over on a host without cgroups."""
    from harness import groups
    return groups.delegate(user.pw_uid, user.pw_gid)


def give_up_root(user):
    os.setgroups([])
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)


def enter(chosen):
    """Returns the Options; executes the runner anew where root has to be given up."""
    if not chosen.controls_only:
        chosen.kastellan = find(chosen.kastellan, "kastellan")
    if chosen.init:
        chosen.init = find(chosen.init, "init")
        os.environ["KASTELLAN_INIT"] = chosen.init
    if chosen.egress:
        chosen.egress = find(chosen.egress, "egress")
        os.environ["KASTELLAN_EGRESS"] = chosen.egress
    base = os.environ.get(STAGE)
    if base is None:
        if os.geteuid() == 0:
            visible = [chosen.kastellan, chosen.init, chosen.egress, chosen.probes,
                       sys.argv[0]]
            os.environ["KASTELLAN_E2E_ALONE"] = "1" if own_mounts(visible, chosen.backend) else "0"
        elif chosen.user and account(chosen.user).pw_uid != os.geteuid():
            raise Unusable("only root can run the tests as somebody else")
        base = tempfile.mkdtemp(prefix="kastellan-e2e.", dir="/var/tmp")
        os.chmod(base, 0o755)
        if double.wanted(chosen.backend):
            double.assemble(base)
        if os.geteuid() == 0 and chosen.user and account(chosen.user).pw_uid != 0:
            user = account(chosen.user)
            os.chown(base, user.pw_uid, user.pw_gid)
            os.environ[STAGE] = base
            return parent_of_runner(user)
    os.environ.pop(STAGE, None)
    must(libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "become a subreaper")
    return Options(chosen, base)


def parent_of_runner(user):
    """Root waits outside, and takes back what it handed over."""
    handed = delegate(user)
    pid = os.fork()
    if pid == 0:
        handed.join()
        give_up_root(user)
        os.execv(sys.executable, [sys.executable, *sys.argv])
    signal.signal(signal.SIGTERM, lambda *_: os.kill(pid, signal.SIGTERM))
    _, status = os.waitpid(pid, 0)
    handed.take_back()
    shutil.rmtree(os.environ[STAGE], ignore_errors=True)
    sys.exit(os.waitstatus_to_exitcode(status) & 0xFF)
