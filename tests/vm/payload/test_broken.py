# SPDX-License-Identifier: Apache-2.0
"""A sound host made unsound in one place, by root, for a user who then runs kastellan: nothing
runs, the refusal names the place, and what it advises is what makes it work again."""

import contextlib
import pathlib
import shutil

import jail
from harness import check, command, equal, only

only_here = only(guests=("debian12",), users=("root",))
BWRAP = pathlib.Path("/usr/bin/bwrap")


@contextlib.contextmanager
def sysctl(name, value):
    path = pathlib.Path("/proc/sys", name.replace(".", "/"))
    before = path.read_text()
    path.write_text(value)
    try:
        yield
    finally:
        path.write_text(before)


@contextlib.contextmanager
def other_bwrap(change):
    """The program is replaced by what change(path) makes of it."""
    kept = BWRAP.with_name("bwrap.kept")
    shutil.copy2(BWRAP, kept)
    try:
        change(BWRAP)
        yield
    finally:
        kept.replace(BWRAP)


def ran():
    """The control: the same run works on the sound host."""
    done = jail.run("--", "sh", "-c", "echo ran", user="worker")
    return done.code == 0 and "ran" in done.out, done


def check_refused(*told):
    """Twice, as the first thing to fail may be another one the next time."""
    for _ in range(2):
        done = jail.run("--", "sh", "-c", "echo ran", user="worker")
        equal((done.type, done.code), ("setup", 125), done)
        check("ran" not in done.out, done)
        text = f"{done.error.get('message')} {done.error.get('remedy')}"
        for word in told:
            check(word in text, f"nothing of {word!r}", done)
            check(word in done.err, f"nothing of {word!r} on stderr", done)


@only_here
def test_sound(_):
    """A user's run works before anything is broken."""
    check(*ran())


@only_here
def test_userns_clone_sysctl(_):
    """kernel.unprivileged_userns_clone=0 is named, with the command that lifts it."""
    with sysctl("kernel.unprivileged_userns_clone", "0"):
        check_refused("kernel.unprivileged_userns_clone", "sysctl")
        command("sysctl", "-w", "kernel.unprivileged_userns_clone=1")
        check(*ran())


@only_here
def test_max_user_namespaces(_):
    """user.max_user_namespaces=0 is named."""
    with sysctl("user.max_user_namespaces", "0"):
        check_refused("user.max_user_namespaces", "sysctl")


@only_here
def test_no_bwrap(_):
    """A missing bubblewrap is named, with the package to install."""
    with other_bwrap(lambda path: path.unlink()):
        check_refused("bwrap", "apt-get install bubblewrap")


@only_here
def test_setuid_bwrap(_):
    """A set-uid bubblewrap is refused, with the command that changes it."""
    with other_bwrap(lambda path: path.chmod(0o4755)):
        check_refused("set-uid", "0755 /usr/bin/bwrap")


DELEGATE = pathlib.Path("/etc/systemd/system/user@.service.d/delegate.conf")
MANAGER = pathlib.Path("/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service")


def delegate(controllers):
    """An empty value first: lists add up."""
    DELEGATE.parent.mkdir(exist_ok=True)
    DELEGATE.write_text(f"[Service]\nDelegate=\nDelegate={controllers}\n")
    restart_user_manager()
    return set((MANAGER / "cgroup.controllers").read_text().split())


def restart_user_manager():
    for words in (("daemon-reload",), ("restart", "user@1000.service")):
        done = command("systemctl", *words)
        equal(done.returncode, 0, done.stderr)


@only_here
def test_partial_delegation(_):
    """Where systemd delegates no cpu controller, the quota is refused rather than not enforced."""
    try:
        check("cpu" not in delegate("pids memory"), "the guest delegates cpu all the same")
        check_refused("cpu_quota_pct", "Delegate=cpu memory pids")
        done = jail.run("--allow-degraded", "cpu_quota_pct", "--", "sh", "-c", "echo ran",
                        user="worker")
        equal((done.type, done.code), ("exit", 0), done)
        equal(done.verdict("cpu_quota_pct"), "absent", done)
        equal(done.verdict("mem_mb"), "held", done)
        check("cpu" in delegate("cpu memory pids"))
        check(*ran())
    finally:
        DELEGATE.unlink(missing_ok=True)
        restart_user_manager()
