# SPDX-License-Identifier: Apache-2.0
"""A user of a host where no user namespace can be made: the backends that need one say so and name
the one that does not, which holds."""

import contextlib
import pathlib

import facts
import jail
from harness import check, equal, only

LIMIT = pathlib.Path("/proc/sys/user/max_user_namespaces")
SECRET = pathlib.Path("/var/tmp/landlock-secret")
# What a kernel of this age or a host without namespaces cannot hold; files are not among it.
EXCEPT = ("--allow-degraded", "net,cpu_ms,mem_mb,profile,cpu_quota_pct,tasks_max,fs_read,fs_write")
NEEDS = ("bwrap", "native")


@contextlib.contextmanager
def no_user_namespaces():
    before = LIMIT.read_text()
    LIMIT.write_text("0")
    try:
        yield
    finally:
        LIMIT.write_text(before)


def echo(backend):
    return jail.run(*jail.ROOMY, "-b", backend, *EXCEPT, "--", "sh", "-c", "echo ran", user="worker")


def cat(*words):
    return jail.run(*jail.ROOMY, "-b", "landlock", *EXCEPT, *words, "--", "cat", str(SECRET),
                    user="worker")


@only(guests=("debian12", "sid"), users=("root",))
def test_refused_with_the_way_out(suite):
    """Without user namespaces bwrap and native run nothing, and name the Landlock backend."""
    with no_user_namespaces():
        check(facts.unshare_errno(facts.CLONE_NEWUSER) != 0, "control: one can be made")
        for backend in NEEDS:
            held = echo(backend)
            equal((held.type, held.code, held.out), ("setup", 125, ""), backend, held)
            for word in ("-b landlock", "max_user_namespaces"):
                check(word in (held.error["remedy"] or ""), backend, held)
                check(word in " ".join(held.err.split()), backend, held)
    for backend in NEEDS:
        done = echo(backend)
        equal((done.type, done.code, done.out), ("exit", 0, "ran\n"), backend, done)


@only(guests=("debian12", "sid"), users=("root",))
def test_landlock_needs_no_namespaces(suite):
    """Without user namespaces the Landlock backend runs, and shows a file by a grant alone."""
    SECRET.write_text("treasure\n")
    SECRET.chmod(0o644)
    with no_user_namespaces():
        granted = cat("-r", str(SECRET))
        equal((granted.type, granted.code, granted.out), ("exit", 0, "treasure\n"), granted)
        denied = cat()
        equal((denied.type, denied.code, denied.out), ("exit", 1, ""), denied)
        check("Permission denied" in denied.err, denied)
