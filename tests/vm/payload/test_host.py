# SPDX-License-Identifier: Apache-2.0
"""The guest is the host that its row in the table promises.

These are the controls of all that follows: a refusal proves nothing on a guest that has what is
said to be missing.
"""

import errno
import os
import pathlib

import facts
from harness import check, equal, only

NO_USERNS = ("apparmor", "apparmor-deny")
KERNELS = {
    "debian12": (6, 1), "hybrid": (6, 1), "plain": (6, 1), "no-landlock": (5, 10), "landlock-off": (6, 1),
    "apparmor": (6, 12), "apparmor-deny": (6, 12), "arm64": (6, 1), "no-userns": (6, 1),
    "kernel612": (6, 12),
}


def test_identity(suite):
    """The caller is the user that it should be."""
    equal(os.getuid(), {"root": 0, "worker": 1000}[suite.user])


def test_kernel(suite):
    """The kernel is the suite's."""
    if suite.guest == "sid":
        check(facts.kernel() > (6, 12), facts.kernel())
    else:
        equal(facts.kernel(), KERNELS[suite.guest])


@only(but=("no-landlock", "landlock-off"))
def test_landlock(suite):
    """Landlock is there."""
    abi, error = facts.landlock()
    check(abi >= 1, f"errno {error}")
    wanted = {"apparmor": 6, "apparmor-deny": 6, "kernel612": 6}.get(suite.guest)
    if wanted:
        equal(abi, wanted)


@only(guests=("no-landlock",))
def test_no_landlock(suite):
    """Landlock is not compiled in: ENOSYS."""
    equal(facts.landlock(), (0, errno.ENOSYS))


@only(guests=("landlock-off",))
def test_landlock_off(suite):
    """Landlock is compiled in and off: EOPNOTSUPP."""
    equal(facts.landlock(), (0, errno.EOPNOTSUPP))


def test_layout(suite):
    """The layout of the control groups is the one promised."""
    equal(facts.unified(), suite.guest != "hybrid")
    if suite.guest == "hybrid":
        check(pathlib.Path("/sys/fs/cgroup/memory/memory.limit_in_bytes").exists())


@only(users=("worker",), but=("plain",))
def test_session(suite):
    """The login has a session scope, a runtime directory and the user manager's bus."""
    if suite.guest != "hybrid":
        check("session-" in facts.own_group(), facts.own_group())
    equal(os.environ.get("XDG_RUNTIME_DIR"), f"/run/user/{os.getuid()}")
    state = facts.systemd_state()
    check(state in ("running", "degraded", "starting"), state)


@only(users=("worker",), but=("hybrid", "plain"))
def test_delegation(suite):
    """The user manager has the controllers cpu, memory and pids."""
    check(facts.delegated() >= facts.CONTROLLERS, facts.delegated())


@only(guests=("plain",))
def test_no_systemd(suite):
    """There is no systemd, and the user has a subtree of the control groups."""
    check(not pathlib.Path("/run/systemd/system").exists())
    if suite.user == "worker":
        equal(facts.own_group(), "/worker/session")
        check(os.access("/sys/fs/cgroup/worker", os.W_OK))


@only(users=("worker",), but=("hybrid", "plain"))
def test_group_not_writable(suite):
    """The login's own group may not be written, so a scope is the only way."""
    group = pathlib.Path("/sys/fs/cgroup" + facts.own_group())
    check(not os.access(group, os.W_OK), group)


@only(users=("worker",), but=("hybrid", "plain"))
def test_scope_enforces(suite):
    """A user's scope with a memory limit kills what exceeds it."""
    free = facts.scope(*facts.HOG)
    equal(free.returncode, 0, free.stderr)
    held = facts.scope(*facts.HOG, prop=("MemoryMax=32M", "MemorySwapMax=0"))
    check(held.returncode != 0, held.stdout, held.stderr)


@only(users=("worker",), guests=("hybrid",))
def test_scope_does_not_enforce(suite):
    """A user's scope with a memory limit is granted, and kills nothing."""
    held = facts.scope(*facts.HOG, prop=("MemoryMax=32M", "MemorySwapMax=0"))
    equal(held.returncode, 0, held.stderr)


@only(but=(*NO_USERNS, "no-userns"))
def test_bwrap(suite):
    """Bubblewrap makes a jail."""
    done = facts.bwrap()
    equal(done.returncode, 0, done.stderr)


@only(guests=("no-userns",))
def test_no_user_namespaces(suite):
    """The kernel makes no user namespace for anybody; root's bubblewrap needs none."""
    equal(facts.unshare_errno(facts.CLONE_NEWUSER), errno.ENOSPC)
    equal(facts.bwrap().returncode == 0, suite.user == "root")


@only(guests=NO_USERNS, users=("root",))
def test_root_unconfined(suite):
    """Root is not confined, and bubblewrap makes a jail for it."""
    equal(facts.apparmor_label(), "unconfined")
    done = facts.bwrap()
    equal(done.returncode, 0, done.stderr)


@only(guests=("apparmor",), users=("worker",))
def test_userns_without_capabilities(suite):
    """A user namespace may be made, and a mount namespace in it may not."""
    equal(facts.apparmor_label(), "unprivileged-userns (enforce)")
    equal(facts.unshare_errno(facts.CLONE_NEWUSER), 0)
    error = facts.unshare_errno(facts.CLONE_NEWUSER, facts.CLONE_NEWNS)
    check(error in (errno.EPERM, errno.EACCES), f"errno {error}")
    check(facts.bwrap().returncode != 0)


@only(guests=("apparmor-deny",), users=("worker",))
def test_userns_denied(suite):
    """No user namespace may be made."""
    equal(facts.apparmor_label(), "deny-userns (enforce)")
    equal(facts.unshare_errno(facts.CLONE_NEWUSER), errno.EACCES)
    check(facts.bwrap().returncode != 0)
