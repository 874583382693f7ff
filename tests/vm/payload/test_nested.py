# SPDX-License-Identifier: Apache-2.0
"""kastellan within another jail: it runs as confined as anywhere or says why it does not, and where
namespaces are not to be had the Landlock backend is named, and serves."""

import jail
from harness import check, command, equal, only

PLACES = ("debian12", "plain", "sid")
# A jail of a container's kind: everything is there, the user is another, the processes are new.
OUTER = ("bwrap", "--dev-bind", "/", "/", "--unshare-user", "--unshare-pid", "--die-with-parent")
# As in a container: parts of /proc are covered, so that the kernel lets nobody mount another.
COVERED = (*OUTER, "--proc", "/proc", "--ro-bind", "/dev/null", "/proc/kcore", "--tmpfs", "/proc/acpi")
ALL = "fs_read,fs_write,net,profile,env,mem_mb,tasks_max,cpu_ms,cpu_quota_pct"
TRY = ("sh", "-c", "echo ran; head -n 1 /opt/k/test")


def within(outer, *words):
    return command(*outer, jail.KASTELLAN, "run", *words, "--", *TRY, timeout=900)


@only(guests=PLACES)
def test_outer(_):
    """The outer jails are sound: a plain program runs in them and sees the host's files."""
    for outer in ((*OUTER, "--proc", "/proc"), COVERED):
        done = command(*outer, *TRY)
        equal(done.returncode, 0, done.stderr)
        check(len(done.stdout.split()) == 2, done.stdout)


def served_or_refused(done):
    """The program has no file of the host's, or it has not run."""
    if done.returncode == 125:
        check("ran" not in done.stdout, done.stdout)
        check("remedy" in done.stderr, done.stderr)
        return False
    check("ran" in done.stdout and len(done.stdout.split()) == 1, done.stdout, done.stderr)
    return True


@only(guests=PLACES)
def test_in_bwrap(_):
    """Within bubblewrap each backend serves as confined as anywhere, or refuses in words."""
    for backend in ("bwrap", "native", "landlock"):
        done = within((*OUTER, "--proc", "/proc"), "-b", backend, "--allow-degraded", ALL)
        served = served_or_refused(done)
        check(served or backend != "landlock", done.stderr)


@only(guests=PLACES)
def test_without_proc(_):
    """Where no /proc can be mounted that is said, and the Landlock backend is named and serves."""
    for backend in ("bwrap", "native"):
        done = within(COVERED, "-b", backend, "--allow-degraded", ALL)
        check(not served_or_refused(done), done.stdout)
        check("/proc" in done.stderr and "-b landlock" in done.stderr, done.stderr)
    done = within(COVERED, "-b", "landlock", "--allow-degraded", ALL)
    check(served_or_refused(done), done.stderr)


@only(guests=PLACES)
def test_in_itself(_):
    """Within itself it is refused with the reason, and starts nothing."""
    outer = (jail.KASTELLAN, "run", *jail.ROOMY, "--")
    done = command(*outer, jail.KASTELLAN, "run", "--", *TRY, timeout=900)
    check(done.returncode != 0 and "ran" not in done.stdout, done.stdout)
    check("kastellan: " in done.stderr and "remedy" in done.stderr, done.stderr)
