# SPDX-License-Identifier: Apache-2.0
"""Memory, tasks and CPU time of the whole worker tree, and how it ends that takes too much."""

import os
import pathlib
import subprocess

from harness import check, groups
from harness.discover import add, test
from harness.host import Host
from harness.jail import wait_for

ROOMY = {"cpu_ms": 20000, "tasks_max": 64, "cpu_quota_pct": 200}
PERIOD_MS = 100  # of a CPU quota
OWN_ENDS = {"denied: ENOMEM", "denied: ENOSPC", "denied: EFBIG"}


def hog(t, act, *arguments):
    return t.probe("hog", act, *map(str, arguments))


# Ways to take 150 MiB.
MEMORY = [
    ("one process", "memory", [150]),
    ("a shared mapping", "shared", [150]),
    ("a memfd", "memfd", [150]),
    ("a file in /tmp", "file", [150, "/tmp/hog"]),
    ("a file in /dev/shm", "file", [150, "/dev/shm/hog"]),
    ("thirty processes of 5 MiB", "children", [150, 30]),
]


def roomy(t):
    """A directory of the host that has room for what the control writes."""
    for place in (t.work, pathlib.Path("/dev/shm"), pathlib.Path("/tmp")):
        space = os.statvfs(place)
        if space.f_bavail * space.f_frsize > 200 << 20:
            return place
    t.cannot("no directory has 200 MiB of space")


def measures_peak():
    """Version 2 of control groups keeps the peak from Linux 5.19 on, version 1 always did."""
    return Host.kernel() >= (5, 19) or not pathlib.Path("/sys/fs/cgroup/cgroup.controllers").exists()


def memory(t, act, arguments):
    t.needs_held("mem_mb")
    argv = hog(t, act, *arguments)
    file = roomy(t) / f"kastellan-e2e-hog.{os.getpid()}"
    t.later(file.unlink, True)  # if it is there
    outside = [argument if not str(argument).startswith("/") else file for argument in arguments]
    t.possible(hog(t, act, *outside))
    result = t.run(argv, policy={**ROOMY, "mem_mb": 64})
    if result.type == "oom":
        check.equal(result.code, 137, "exit code")
        check.within(result.usage["oom_kills"], 1, 1000, "oom_kills")
    else:
        check.one_of(result.verdict, OWN_ENDS, "the program's own account")
    if measures_peak():
        check.within(result.usage["memory_peak_bytes"], 1, 66 * 1024 * 1024, "peak")
    t.allowed(argv, policy={**ROOMY, "mem_mb": 512})


for name, act, arguments in MEMORY:
    add(f"mem_mb bounds {name}; with more it passes",
        lambda t, row=(act, arguments): memory(t, *row), __name__)


@test("one process over the limit ends as oom, by the kernel's hand and with the count")
def oom_type(t):
    t.needs_held("mem_mb")
    result = t.run(hog(t, "memory", 150), policy={**ROOMY, "mem_mb": 64})
    check.equal((result.type, result.code), ("oom", 137), "outcome")


@test("a child that is killed for memory does not pass for the program's own end")
def oom_child(t):
    t.needs_held("mem_mb")
    script = '"$@"; echo "child $?"; exit 3'
    result = t.run(["/bin/sh", "-c", script, "sh", *hog(t, "memory", 150)],
                   policy={**ROOMY, "mem_mb": 64})
    check.one_of((result.type, result.code), {("oom", 137), ("oom", 3)}, "outcome")
    check.within(result.usage["oom_kills"], 1, 10, "oom_kills")


@test("mem_mb 0 is no limit")
def no_memory_limit(t):
    t.allowed(hog(t, "memory", 150), policy={**ROOMY, "mem_mb": 0})


@test("memory below the limit passes, and the peak is measured")
def memory_peak(t):
    t.needs_held("mem_mb")
    result = t.run(hog(t, "memory", 100), policy={**ROOMY, "mem_mb": 150})
    check.true(result.verdict.startswith("allowed"), result.verdict)
    if measures_peak():
        check.within(result.usage["memory_peak_bytes"], 100 << 20, 150 << 20, "peak")


@test("--mem takes sizes and wins over the file")
def memory_option(t):
    t.needs_held("mem_mb")
    argv = hog(t, "memory", 150)
    for size, passes in (("64M", False), ("64", False), ("512M", True), ("1G", True)):
        result = t.run(argv, policy={**ROOMY, "mem_mb": 200 if not passes else 64},
                       flags=["--mem", size])
        check.equal(result.verdict.startswith("allowed"), passes, f"--mem {size}")


# Processes and threads.

@test("tasks_max bounds processes")
def processes(t):
    t.needs_held("tasks_max")
    for limit in (8, 40):
        result = t.run(hog(t, "processes", 200), policy={**ROOMY, "tasks_max": limit})
        check.equal(result.verdict, "denied: EAGAIN", "the program's own account")
        made = int(result.lines[0].split()[1])
        check.within(made, limit - 4, limit, f"made under {limit}")
        check.equal(result.type, "tasks", "outcome")
        check.equal(result.code, 1, "exit code")
        check.within(result.usage["tasks_refused"], 1, 10, "tasks_refused")
    t.allowed(hog(t, "processes", 200), policy={**ROOMY, "tasks_max": 300, "mem_mb": 256})
    t.possible(hog(t, "processes", 200))


@test("tasks_max counts threads as well")
def threads(t):
    t.needs_held("tasks_max")
    argv = hog(t, "threads", 200)
    result = t.run(argv, policy={**ROOMY, "tasks_max": 16})
    check.equal((result.verdict, result.type), ("denied: EAGAIN", "tasks"), "outcome")
    check.within(int(result.lines[0].split()[1]), 11, 16, "made")
    t.allowed(argv, policy={**ROOMY, "tasks_max": 300})
    t.possible(argv)


@test("the default is 64 tasks")
def default_tasks(t):
    t.needs_held("tasks_max")
    result = t.run(hog(t, "processes", 200), policy={"cpu_ms": 10000, "mem_mb": 128})
    check.within(int(result.lines[0].split()[1]), 58, 64, "made")


@test("a program that lives with a refused fork ends by itself: the type is exit")
def refused_and_fine(t):
    t.needs_held("tasks_max")
    script = '"$@"; exit 0'
    result = t.run(["/bin/sh", "-c", script, "sh", *hog(t, "processes", 200)],
                   policy={**ROOMY, "tasks_max": 16})
    check.equal((result.type, result.code), ("exit", 0), "outcome")
    check.within(result.usage["tasks_refused"], 1, 10, "tasks_refused")


@test("a fork bomb is held, and everything of it ends")
def fork_bomb(t):
    t.needs_held("tasks_max", "cpu_ms")
    result = t.run(hog(t, "bomb", 10), policy={"tasks_max": 32, "cpu_ms": 3000},
                   flags=["--timeout", "8s"])
    check.one_of(result.type, {"tasks", "cpu", "oom", "timeout"}, "outcome")
    check.within(result.seconds, 0, 40 * t.options.pace, "seconds")


@test("the shell's fork bomb as well")
def shell_bomb(t):
    t.needs_held("tasks_max")
    result = t.run(["/bin/bash", "-c", "b() { b | b & }; b; sleep 1; exit 1"],
                   policy={"tasks_max": 32, "cpu_ms": 3000}, flags=["--timeout", "8s"])
    check.one_of(result.type, {"tasks", "cpu", "oom", "timeout"}, "outcome")
    check.within(result.usage["tasks_refused"], 1, 10**9, "tasks_refused")


@test("descriptors are bounded")
def descriptors(t):
    argv = hog(t, "descriptors", 100000)
    result = t.run(argv)
    check.equal(result.verdict, "denied: EMFILE", "in the jail")


# CPU time.

@test("cpu_ms ends a program that burns")
def burn(t):
    t.needs_held("cpu_ms")
    argv = hog(t, "burn", 3000)
    result = t.run(argv, policy={"cpu_ms": 400})
    check.equal((result.type, result.code), ("cpu", 137), "outcome")
    check.within(result.usage["cpu_ms"], 390, 900, "CPU time")
    t.allowed(argv, policy={"cpu_ms": 10000})


@test("cpu_ms counts the whole tree: many short children spend it together")
def burn_children(t):
    t.needs_held("cpu_ms")
    argv = hog(t, "burn_children", 3000)
    result = t.run(argv, policy={"cpu_ms": 400})
    check.equal(result.type, "cpu", "outcome")
    check.within(result.usage["cpu_ms"], 390, 900, "CPU time")
    t.allowed(argv, policy={"cpu_ms": 20000})


@test("cpu_ms counts several processors at once", 120)
def burn_parallel(t):
    """None of the four spends the budget by itself; on a busy machine all of them take long."""
    t.needs_held("cpu_ms")
    argv = hog(t, "burn_parallel", 400, 4)
    result = t.run(argv, policy={"cpu_ms": 600})
    check.equal(result.type, "cpu", "outcome")
    check.within(result.usage["cpu_ms"], 590, 1400, "CPU time")
    t.allowed(argv, policy={"cpu_ms": 20000})


@test("the default budget is a second of CPU time; 0 is none")
def default_budget(t):
    t.needs_held("cpu_ms")
    # A guest's clock runs on while its host does other things, and so does what the probe counts.
    # As text, to which no pace is added.
    result = t.run(hog(t, "burn", 1800 * t.options.pace), policy="{}")
    check.equal(result.type, "cpu", "outcome by default")
    check.within(result.usage["cpu_ms"], 990, 1600, "CPU time")
    t.allowed(hog(t, "burn", 1800), policy={"cpu_ms": 0})


@test("sleeping costs nothing of the budget")
def sleeping(t):
    # The start is part of it, which takes longer where everything does.
    pace = t.options.pace
    result = t.run(["/bin/sleep", str(1.5 * pace)], policy={"cpu_ms": 300 * pace})
    check.equal((result.type, result.code), ("exit", 0), "outcome")
    # Counted from when the start is heard of, which a busy machine hears of late.
    check.within(result.usage["wall_ms"], 1000 * pace, 30000 * pace, "wall time")
    check.within(result.usage["cpu_ms"], 0, 250 * pace, "CPU time")


@test("a program that handles SIGXCPU does not get away")
def deaf_to_xcpu(t):
    t.needs_held("cpu_ms")
    script = ("import signal\n"
              "for n in range(1, 65):\n"
              "    try: signal.signal(n, signal.SIG_IGN)\n"
              "    except (OSError, ValueError): pass\n"
              "while True: pass\n")
    result = t.run(["/usr/bin/python3", "-I", "-c", script], policy={"cpu_ms": 500})
    check.equal(result.type, "cpu", "outcome")
    check.within(result.usage["cpu_ms"], 490, 1200, "CPU time")


def has_quota(group):
    for name, none in (("cpu.max", "max"), ("cpu.cfs_quota_us", "-1")):
        if (group / name).exists():
            return (group / name).read_text().split()[0] != none
    return False


def counted(stat):
    return {name: int(value) for name, value in map(str.split, stat.read_text().splitlines())}


def spent_ms(usage):
    """Version 2 has it beside the periods, in microseconds; version 1 alone, in nanoseconds."""
    if usage.name == "cpu.stat":
        return counted(usage)["usage_usec"] / 1000
    return int(usage.read_text()) / 1e6


def accounts(pid):
    """The files of the busiest group of a jail that has a quota: what its periods and its CPU time
    are in. A machine has a second jail, which waits; in a scope of systemd it is a group inside."""
    own = [pathlib.Path(path) for outer in groups.named_kastellan() if groups.maker(outer) == pid
           for path in (outer, *groups.beneath(outer))]
    usage = {path.name: path / "cpuacct.usage" for path in own if (path / "cpuacct.usage").exists()}
    found = [(path / "cpu.stat", usage.get(path.name, path / "cpu.stat"))
             for path in own if has_quota(path)]
    return max(found, key=lambda pair: spent_ms(pair[1]), default=None)


def under_quota(t, percent, enough):
    """Two busy processes, until what the kernel has counted meanwhile is enough for the caller: (the
    periods of the quota, those at whose end they had to wait, ms of CPU time)."""
    script = 'echo ready; exec "$@"'
    process, path = t.jail.start(["/bin/sh", "-c", script, "sh", *hog(t, "burn_parallel", 10**6, 2)],
                                 read=[t.probes.directory], stdin=subprocess.DEVNULL,
                                 policy={"cpu_ms": 10**6, "cpu_quota_pct": percent},
                                 stdout=subprocess.PIPE)
    t.later(t.finish, process)
    check.equal(process.stdout.readline(), b"ready\n", "the jail")
    stat, usage = wait_for(lambda: accounts(process.pid), "a group with a quota")
    # Read in this order nothing is counted twice, wherever this process has to wait.
    began, spent = counted(stat), spent_ms(usage)

    def since():
        if process.poll() is not None:
            check.fail(f"what should burn on has ended: {t.jail.read_status(path)}")
        now = counted(stat)
        return {name: now[name] - began[name] for name in now}

    wait_for(lambda: enough(since()), f"periods at {percent} %", 120)
    spent = spent_ms(usage) - spent
    found = since()
    process.terminate()
    process.wait()
    return found["nr_periods"], found["nr_throttled"], spent


@test("cpu_quota_pct slows down: the share of a processor stays below it", 400)
def quota(t):
    """By the kernel's own account: its periods last as long on a busy machine, too."""
    t.needs_held("cpu_quota_pct")
    periods, waited, spent = under_quota(
        t, 10, lambda found: found["nr_periods"] >= 20 and found["nr_throttled"] >= 5)
    check.within(waited, 5, periods, "periods at whose end it had to wait, at 10 %")
    # A period may end between two looks, and what each processor has drawn is spent later.
    check.within(spent / (periods * PERIOD_MS), 0, 0.12, "share of a processor at 10 %")
    periods, waited, _ = under_quota(t, 1000, lambda found: found["nr_periods"] >= 20)
    check.within(waited, 0, 0, f"of {periods} periods at 1000 %, those at whose end it had to wait")


# Wall clock.

@test("--timeout ends what waits, with 124")
def timeout(t):
    result = t.run(["/bin/sleep", "60"], flags=["--timeout", "500ms"])
    check.equal((result.type, result.code), ("timeout", 124), "outcome")
    check.within(result.usage["wall_ms"], 490, 30000, "wall time")
    check.equal(t.run(["/bin/sleep", "0.1"], flags=["--timeout", "10s"]).code, 0, "control")


@test("--timeout asks first: a polite program may leave by itself")
def timeout_polite(t):
    result = t.run(t.probe("ending", "polite"), flags=["--timeout", "300ms"])
    check.equal((result.type, result.code), ("timeout", 124), "outcome")
    check.within(result.usage["wall_ms"], 290, 1800 * t.options.pace, "wall time")


@test("--timeout ends what is deaf to every signal")
def timeout_deaf(t):
    for act in ("deaf", "swarm"):
        result = t.run(t.probe("ending", act), flags=["--timeout", "300ms"])
        check.equal((result.type, result.code), ("timeout", 124), act)
        check.within(result.seconds, 0.3, 6 * t.options.pace, "seconds")


@test("--timeout ends what has stopped itself")
def timeout_stopped(t):
    result = t.run(t.probe("ending", "stop"), flags=["--timeout", "500ms"])
    check.equal((result.type, result.code), ("timeout", 124), "outcome")


@test("a flood of output that nobody reads does not keep a jail alive")
def flood_unread(t):
    process, path = t.jail.start(hog(t, "flood", 1000), read=[t.probes.directory],
                                 flags=["--timeout", "700ms"], stdout=-1, stdin=-3)
    t.later(t.finish, process)
    check.equal(process.wait(10 * t.options.pace), 124, "exit code")
    check.equal(t.jail.read_status(path)["outcome"]["type"], "timeout", "outcome")


@test("a flood of output arrives whole")
def flood(t):
    result = t.run(hog(t, "flood", 64), policy=ROOMY)
    check.equal(len(result.stdout), 64 << 20, "bytes")
    check.equal((result.type, result.code), ("exit", 0), "outcome")
