# SPDX-License-Identifier: Apache-2.0
"""The manager of workers: calls, acquisitions, what an idle slot costs, and calls in a storm."""
import contextlib
import os
import time

from . import memory, statistics
from .rows import Absent, Row

TITLE = "Workers: a call, and an acquisition"


WORKERS = {"a worker that does nothing": "echo", "a worker in Python": "echo.py"}
METHODS = {"bare pipe": "pipe", "pipe into a jail": "jailedpipe",
           "pipe into a jail, its end watched": "watchedpipe", "warm call": "warm"}
GOAL = 1.3 # of a warm call, as a multiple of the bare pipe
# What each row has that the one before it does not.
STEPS = {"pipe into a jail": "the jail: its system-call filter, and the switch between control groups",
         "pipe into a jail, its end watched":
             "waiting for its end and its stderr beside its answer, and a write without a signal",
         "warm call": "the library: both messages read and checked, the slot taken and given back"}


def place(spawner, target, processors):
    """Where caller and worker run is most of a round trip, and the scheduler's mood: they are put on
    the first processors of these, one each, or all on the only one."""
    for method in METHODS.values():
        spawner.total(f"{method}/{target}/2")
    for pid in memory.descendants(spawner.pid):
        if target in memory.read(pid, "cmdline"):
            os.sched_setaffinity(pid, {processors[-1]})
    for task in os.listdir(f"/proc/{spawner.pid}/task"):
        os.sched_setaffinity(int(task), {processors[0]})


def call_rows(run, stack):
    """The same worker on a bare pipe, in a jail on a bare pipe, and behind the manager."""
    processors = sorted(os.sched_getaffinity(0))
    rows = []
    for where, chosen in (("one processor", processors[:1]), ("two processors", processors[:2])):
        for name, target in WORKERS.items():
            spawner = stack.enter_context(run.spawner())
            try:
                place(spawner, target, chosen)
            except Absent:
                pass  # each row says it for itself
            rows += [Row(f"{what}, {name}, {where}",
                         lambda s=spawner, r=f"{method}/{target}/2": s.total(r),
                         None if what == "bare pipe" else f"bare pipe, {name}, {where}")
                     for what, method in METHODS.items()]
    return rows


def acquire_rows(spawner):
    return [Row("native, cold spawn", lambda: spawner.until_exec("native/echo/2")),
            Row("acquire from a jail that waits", lambda: spawner.until_exec("acquire/echo/2"),
                "native, cold spawn")]


def hold(spawners, method, count):
    """What so many idle workers cost in KiB each: of all processes but the workers, of those that
    have them, and of the kernel."""
    def mine():
        return sum(memory.pss_kib(spawner.pid) for spawner in spawners)

    before, small = memory.meminfo(), mine()
    for spawner in spawners:
        spawner.ask(f"hold {count // len(spawners)} {method}/echo/2")
    time.sleep(1)
    after, large = memory.meminfo(), mine()
    helpers = sum(memory.pss_kib(pid) for spawner in spawners
                  for pid in memory.descendants(spawner.pid)
                  if memory.read(pid, "comm").strip() != "echo")
    for spawner in spawners:
        spawner.ask("drop")
    return {"helpers_kib": helpers / count, "manager_kib": (large - small) / count,
            "kernel_kib": sum(after[name] - before[name] for name in memory.KERNEL) / count}


def idle(run, count):
    """In two managers, as a slot takes 22 descriptors. The kernel's part of a plain worker with three
    pipes is the worker's own."""
    with run.spawner() as one, run.spawner() as other:
        for spawner in (one, other):
            spawner.ask("hold 1 warm/echo/2")
            spawner.ask("drop")
        plain = hold((one, other), "pipe", count)
        time.sleep(1)
        warm = hold((one, other), "warm", count)
    above = warm["helpers_kib"] + warm["manager_kib"] + warm["kernel_kib"] - plain["kernel_kib"]
    return {"slots": count, "warm": warm, "plain": plain, "above_kib": above}


def storm(run, calls, threads=8):
    with run.spawner() as spawner:
        said = spawner.ask(f"storm {calls} {threads} warm/echo/2").split()
    return dict(zip(("calls", "answers", "faults", "wrong", "kills"), map(int, said)),
                threads=threads)


def attempt(measure, *arguments):
    try:
        return measure(*arguments)
    except Absent as reason:
        return {"absent": str(reason)}


def section(run):
    full = run.scale >= 1
    with contextlib.ExitStack() as stack:
        rows = call_rows(run, stack) + acquire_rows(stack.enter_context(run.spawner()))
        result = run.finish(TITLE, rows, 60)
    result["idle"] = attempt(idle, run, 1000 if full else 40)
    result["storm"] = attempt(storm, run, 10000 if full else 200)
    return result


def steps(samples, worker, where):
    """(microseconds that the goal leaves beyond the bare pipe, [(step, microseconds)]): what each
    row takes more than the one before it, in the same round."""
    before = samples.get(f"bare pipe, {worker}, {where}")
    if not before:
        return None
    left = (GOAL - 1) * statistics.median(before)
    taken = []
    for what, step in STEPS.items():
        row = samples.get(f"{what}, {worker}, {where}")
        if not row:
            return None
        taken.append((step, statistics.median([more - less for more, less in zip(row, before)])))
        before = row
    return left, taken


def told_steps(samples):
    """On one processor, where a round trip does not depend on which of two wakes up the other."""
    where = "one processor"
    for worker in WORKERS:
        if found := steps(samples, worker, where):
            left, taken = found
            yield (f"What {GOAL} of a bare round trip leaves a warm call, {worker}, {where}: "
                   f"{left:.2f} µs. " +
                   "; ".join(f"{step}: {us:.2f} µs" for step, us in taken) +
                   f"; together {sum(us for _, us in taken):.2f} µs.")


def told(result):
    """What the rows do not say, as sentences."""
    said = list(told_steps(result.get("samples", {})))
    if "above_kib" in (slots := result["idle"]):
        parts = slots["warm"]
        said.append(
            f"{slots['slots']} idle warm slots: {slots['above_kib']:.0f} KiB each above the worker "
            f"itself: {parts['helpers_kib']:.0f} KiB for the processes of its jail, "
            f"{parts['manager_kib']:.0f} KiB in the manager, and {parts['kernel_kib']:.0f} KiB in "
            f"the kernel, of which {slots['plain']['kernel_kib']:.0f} KiB are the worker's own.")
    if "calls" in (storm_said := result["storm"]):
        said.append(
            f"{storm_said['calls']} calls from {storm_said['threads']} threads while "
            f"{storm_said['kills']} workers were killed: {storm_said['answers']} answers, "
            f"{storm_said['faults']} errors that say which fault it was, and "
            f"{storm_said['wrong']} calls with anything else.")
    said += [f"Not measured: {part['absent']}." for part in (result["idle"], result["storm"])
             if "absent" in part]
    return said
