# SPDX-License-Identifier: Apache-2.0
"""Limits hold where the host can hold them, are read back, and leave nothing behind; where it
cannot, the run is refused."""

import signal

import jail
from harness import check, command, equal, only

# Not a limit of the host, so it is accepted where a guest lacks it.
ALLOWANCE = {"no-landlock": "fs_read,fs_write", "landlock-off": "fs_read,fs_write"}
LIMITS = "mem_mb,cpu_ms,cpu_quota_pct,tasks_max"
NO_JAIL = (("apparmor", "worker"), ("apparmor-deny", "worker"), ("no-userns", "worker"),
           ("no-userns", "root"))
NO_LIMITS = (("hybrid", "worker"),)
# Where every limit is tried; elsewhere, those that stand for the rest.
THOROUGH = ("debian12", "sid", "arm64")

# Small sizes, because an emulated processor takes its time for every page.
HOG = "x = b'x' * (48 << 20); print(len(x))"
TREE = """
import subprocess, sys
hog = "import time; x = b'x' * (24 << 20); time.sleep(1)"
children = [subprocess.Popen([sys.executable, "-I", "-S", "-c", hog]) for _ in range(2)]
print(sorted(child.wait() for child in children))
"""
FORKS = """
import os, sys, time
made = 0
for _ in range(20):
    try:
        pid = os.fork()
    except OSError as error:
        print("refused", error.errno, flush=True)
        sys.exit(1)
    if pid == 0:
        time.sleep(2)
        os._exit(0)
    made += 1
print("made", made, flush=True)
"""
BURN = "import os, time\nos.fork()\nwhile True: pass"
SPIN = """
import time
end = time.monotonic() + 3
while time.monotonic() < end: pass
"""


def allowance(suite):
    fields = ALLOWANCE.get(suite.guest)
    return ("--allow-degraded", fields) if fields else ()


def limited(function):
    """For the guests and users where the limits can hold."""
    function.where = lambda guest, user: (guest, user) not in NO_JAIL + NO_LIMITS
    return function


def thoroughly(function):
    return only(guests=THOROUGH)(limited(function))


@limited
def test_memory(suite):
    """A worker that takes more memory than its limit ends as oom, each time."""
    free = jail.python(HOG, "--mem", "128M", *allowance(suite))
    equal((free.type, free.code), ("exit", 0), free)
    for _ in range(2):
        held = jail.python(HOG, "--mem", "32M", *allowance(suite))
        equal(held.type, "oom", held)
        equal(held.code, 137, held)
        check(held.status["usage"]["oom_kills"] >= 1, held)


@thoroughly
def test_memory_of_the_tree(suite):
    """Memory counts for all of a worker's processes together."""
    free = jail.python(TREE, "--mem", "256M", *allowance(suite))
    equal((free.type, free.code), ("exit", 0), free)
    check("[0, 0]" in free.out, free)
    held = jail.python(TREE, "--mem", "48M", *allowance(suite))
    check(held.status["usage"]["oom_kills"] >= 1, held)
    check("[0, 0]" not in held.out, held)


@thoroughly
def test_tasks(suite):
    """A worker that forks past its limit is refused, and the outcome says so."""
    free = jail.python(FORKS, "--tasks", "50", "--mem", "512M", *allowance(suite))
    equal((free.type, free.code), ("exit", 0), free)
    held = jail.python(FORKS, "--tasks", "10", "--mem", "512M", *allowance(suite))
    check("refused 11" in held.out, held)
    equal(held.type, "tasks", held)
    check(held.status["usage"]["tasks_refused"] >= 1, held)


@thoroughly
def test_cpu_budget(suite):
    """Processor time is a budget of the whole tree, and its end is the outcome cpu."""
    held = jail.run("--cpu", "3s", "--timeout", "60s", *allowance(suite),
                    "--", *jail.PYTHON, BURN)
    equal(held.type, "cpu", held)
    equal(held.code, 137, held)
    check(3000 <= held.status["usage"]["cpu_ms"] < 6000, held)


@thoroughly
def test_cpu_quota(suite):
    """The processor's bandwidth is held to the quota."""

    def share(quota):
        done = jail.python(SPIN, "--cpu-quota", quota, *allowance(suite))
        equal((done.type, done.code), ("exit", 0), done)
        return done.status["usage"]["cpu_ms"] / done.status["usage"]["wall_ms"]

    held, free = share("20"), share("100")
    check(held < 0.35, f"a quota of 20 % let {held:.0%} through")
    check(free > 0.45, f"a quota of 100 % let no more than {free:.0%} through")


def limit_of(pid, controller, v2, v1):
    """The tightest value of a limit on the way from the process's group to the root."""
    groups = jail.groups(pid)
    if controller in groups:
        values = [groups[controller] / v1]
    else:
        values = [path / v2 for path in (groups[""], *groups[""].parents)]
    found = []
    for path in values:
        if path.exists():
            word = path.read_text().split()[0]
            found += [] if word == "max" else [int(word)]
    return min(found, default=None)


@limited
def test_read_back(suite):
    """The kernel's own files show the limits while the worker lives."""
    words = ("--mem", "80M", "--tasks", "23", "--cpu-quota", "50", "--timeout", "60s")
    with jail.Living(*words, *allowance(suite)) as living:
        for pid in living.pids():
            equal(limit_of(pid, "memory", "memory.max", "memory.limit_in_bytes"), 80 << 20)
            equal(limit_of(pid, "pids", "pids.max", "pids.max"), 23)
            quota = limit_of(pid, "cpu", "cpu.max", "cpu.cfs_quota_us")
            check(quota is not None and 0 < quota <= 50000, quota)


@thoroughly
def test_groups_go(suite):
    """The group goes with the worker."""
    before = jail.all_groups()
    with jail.Living("--timeout", "60s", *allowance(suite)) as living:
        check(jail.all_groups() - before, "no group was made")
        living.process.send_signal(signal.SIGTERM)
        living.process.wait(20)
    check(jail.wait_for(lambda: not living.named(), 5), living.named())
    check(jail.wait_for(lambda: not jail.all_groups() - before, 10), jail.all_groups() - before)


@thoroughly
def test_killed_supervisor(suite):
    """When kastellan is killed, worker, group and scope go with it."""
    before = jail.all_groups()
    # A start on a busy emulated processor spends the second that is the default.
    with jail.Living("--timeout", "60s", "--cpu", "20s", *allowance(suite)) as living:
        living.process.send_signal(signal.SIGKILL)
        living.process.wait()
        check(jail.wait_for(lambda: not living.named(), 10), living.named())
        check(jail.wait_for(lambda: not jail.all_groups() - before, 10),
              jail.all_groups() - before)
    check_no_scope(suite)


def check_no_scope(suite):
    """Neither service manager knows of a scope any more: one whose group is removed behind its back
    would stay in its books for ever."""

    def scopes():
        manager = ["--user"] if suite.user == "worker" else []
        done = command("systemctl", *manager, "list-units", "--all", "--plain", "--no-legend",
                       "kastellan-*")
        equal(done.returncode, 0, done.stderr)
        return done.stdout

    check(jail.wait_for(lambda: not scopes(), 10), scopes())


@thoroughly
def test_many(suite):
    """Runs at the same time and in a row all come to their end, and leave nothing behind."""
    before = jail.all_groups()
    for _ in range(3):
        crowd = [jail.start(*jail.ROOMY, "--", "true") for _ in range(3)]
        for process in crowd:
            _, errors = process.communicate(timeout=900)
            equal(process.returncode, 0, errors)
    check(jail.wait_for(lambda: not jail.all_groups() - before, 10), jail.all_groups() - before)
    check_no_scope(suite)


@only(guests=("hybrid",), users=("worker",))
def test_unenforced_limits_are_refused(suite):
    """Limits that a scope takes and does not enforce are refused by name."""
    held = jail.run("--", "true")
    equal((held.type, held.code), ("setup", 125), held)
    check(any(field in held.error["message"] for field in LIMITS.split(",")), held)
    check(held.error["remedy"], held)


@only(guests=("hybrid",), users=("worker",))
def test_unenforced_limits_degraded(suite):
    """Accepted by name, they are limits of single processes, and the receipt says so."""
    done = jail.python("print('ran')", "--allow-degraded", LIMITS)
    equal((done.type, done.code), ("exit", 0), done)
    for field in LIMITS.split(","):
        check(done.verdict(field) in ("degraded", "absent"), field, done)
    # One process alone is still held, by its address space.
    hog = jail.python(HOG, "--mem", "32M", "--allow-degraded", LIMITS)
    check(hog.code != 0 and "MemoryError" in hog.err, hog)
    free = jail.python(HOG, "--mem", "256M", "--allow-degraded", LIMITS)
    equal(free.code, 0, free)
