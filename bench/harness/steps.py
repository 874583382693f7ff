# SPDX-License-Identifier: Apache-2.0
"""Where the time of a spawn goes: the steps between the moments when a process starts, executes and
ends, which add up to the whole, and the system calls of each process."""
import collections
import re

from .rows import Row, rounds
from .trace import CALLS, PROCESSES, Trace

FORK, EXEC, EXIT = "sched_process_fork", "sched_process_exec", "sched_process_exit"
REST = "the caller, before the first and after the last of these"
CLONE = "clone with seven namespaces, and their end"
NAMESPACES = "a user namespace for mapped ids, clone with six namespaces"
COMMAND_EXEC = "exec of kastellan"
COMMAND_REST = "who calls it, and the end of its memory"
NOTHING = "start of the C library, one line, end"
BEFORE_SPAWN = "start of the C library, options, policy, host, plan"
# Of each method: what lies between two moments, as (role, event). A role is what the process
# becomes. The rest of the whole is the caller's own.
PROGRAM = (("worker", EXEC), ("worker", EXIT), "the program")
ENDING = [
    (("worker", EXIT), ("init", EXIT), "init reaps the program and tells its end"),
    (("init", EXIT), ("monitor", EXIT), "mounts and namespaces are taken apart, groups removed"),
]
MADE = [
    (("monitor", FORK), ("monitor", EXEC), "start of kastellan-init"),
    (("monitor", EXEC), ("mapper", FORK), "its grants; meanwhile the control groups are made"),
    (("mapper", FORK), ("init", FORK), NAMESPACES),
    (("init", FORK), ("worker", FORK),
     "ids, the mounts of the root, meanwhile its network, checks"),
    (("worker", FORK), ("worker", EXEC), "worker: group, Landlock, limits, filter, exec"),
    PROGRAM, *ENDING]
STEPS = {
    "bare": ([(("worker", FORK), ("worker", EXEC), "exec"), PROGRAM], REST),
    "floor": ([(("worker", FORK), ("worker", EXEC), "exec"), PROGRAM], CLONE),
    # Its outcome is there once its groups are gone; the rest of its end is nobody's time.
    "prepared": ([PROGRAM, ENDING[0]], "the caller: the exec, its groups read and removed"),
    "native": (MADE, REST),
    # See bench/least.h. The monitor's exec is that of bench/least_monitor.c.
    "least": ([(("worker", FORK), ("worker", EXEC),
                "the mounts of the root, meanwhile its network and the groups; worker, exec"),
               PROGRAM], "clone with six namespaces, the end of seven, groups removed"),
    "least-safe": (MADE, REST),
    "version": ([
        (("command", FORK), ("command", EXEC), COMMAND_EXEC),
        (("command", EXEC), ("command", EXIT), NOTHING)], COMMAND_REST),
    "command": ([
        (("command", FORK), ("command", EXEC), COMMAND_EXEC),
        (("command", EXEC), ("monitor", FORK), BEFORE_SPAWN),
        (("monitor", FORK), ("worker", EXEC), "the spawn"),
        PROGRAM,
        (("worker", EXIT), ("monitor", EXIT), "the end of the jail"),
        (("monitor", EXIT), ("command", EXIT), "its outcome, and kastellan's own end")],
        COMMAND_REST),
}
# Whole commands, which the measuring process knows by these names; one of them does nothing.
REQUESTS = {"command": "command/native/0", "version": "command/version/0"}
CALL_FLOOR_US = 15 # a call that takes less in sum is not listed
WARM_UP = 3


def role_of_child(role, siblings, method):
    """Of a child of a process with that role, which has had that many before."""
    if role == "caller" and method in REQUESTS:
        return "command"
    if role == "caller" and method == "allowlist":
        return ("monitor", "proxy")[min(siblings, 1)]
    if role in ("caller", "command"):
        return "monitor" if method in ("native", "prepared", "command", "least-safe") else "worker"
    if role == "proxy":
        return "resolver"
    if role == "monitor":
        return ("mapper", "init")[min(siblings, 1)]
    # Before the worker there is who makes the network, where somebody does.
    if role == "init":
        return ("network", "worker")[min(siblings, 1)]
    return "network" if (role, method) == ("worker", "least") else "other"


class Roles:
    def __init__(self, pid, method):
        self.method = method
        self.roles = {pid: "caller"}
        self.children = collections.Counter()

    def child_of(self, pid, child):
        role = self.roles.get(pid, "other")
        self.roles[child] = role_of_child(role, self.children[pid], self.method)
        self.children[pid] += 1
        return self.roles[child]

    def of(self, pid):
        return self.roles.get(pid, "other")


def moments(events, pid, method):
    """{(role, event): microseconds}"""
    roles = Roles(pid, method)
    found = {}
    for time, process, event, rest in events:
        if event == FORK:
            found[roles.child_of(process, int(re.search(r"child_pid=(\d+)", rest)[1])), FORK] = time
        elif event in (EXEC, EXIT):
            found[roles.of(process), event] = time
    return found


def split(total, found, method):
    """The steps of one spawn in microseconds, by name, or None where something is missing."""
    steps, rest = STEPS[method]
    taken = {}
    for start, end, name in steps:
        if start not in found or end not in found:
            return None
        taken[name] = found[end] - found[start]
    taken[rest] = total - sum(taken.values())
    return taken


def measure_steps(spawner, method, samples, seconds):
    """Rows of one method: the whole without and with the record, and its parts."""
    request = REQUESTS.get(method, f"{method}/true-static/2")
    whole = Row(f"{method}, all, not recorded", None)
    recorded = Row(f"{method}, all, recorded", None, whole.name)
    parts = {}
    with Trace(spawner.pid, PROCESSES) as trace:
        for number in rounds(samples + WARM_UP, seconds, WARM_UP):
            plain = spawner.total(request)
            total, events = trace.record(lambda: spawner.total(request))
            taken = split(total, moments(events, spawner.pid, method), method)
            if number < WARM_UP or not taken:
                continue
            whole.samples.append(plain)
            recorded.samples.append(total)
            for name, us in taken.items():
                parts.setdefault(name, []).append(us)
    rows = [whole, recorded]
    for name, values in parts.items():
        row = Row(f"{method}: {name}", None, recorded.name)
        row.samples = values
        rows.append(row)
    return rows


def call_names():
    names = {}
    pattern = re.compile(r"#define __NR_(\w+)\s+(\d+)")
    for path in ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm-generic/unistd.h"):
        try:
            with open(path) as file:
                names.update({int(found[2]): found[1] for found in map(pattern.match, file) if found})
            break
        except OSError:
            continue
    return names


def calls_of(events, pid, method):
    """{(role, number of the call): [microseconds, how often]}"""
    roles = Roles(pid, method)
    started, taken = {}, {}
    for time, process, event, rest in events:
        if event == FORK:
            roles.child_of(process, int(re.search(r"child_pid=(\d+)", rest)[1]))
        elif event == "sys_enter":
            started[process] = (int(rest.split()[1]), time)
        elif event == "sys_exit" and process in started:
            number, start = started.pop(process)
            entry = taken.setdefault((roles.of(process), number), [0, 0])
            entry[0] += time - start
            entry[1] += 1
    return taken


WAITING = {"poll", "ppoll", "epoll_wait", "wait4", "waitid", "read", "recvmsg", "recvfrom", "futex", "vfork"}


def measure_calls(spawner, method, samples, seconds):
    """Rows of the calls that take the most in a spawn; those that wait for somebody are left out."""
    request = f"{method}/true-static/2"
    names = call_names()
    rows = {}
    spawns = 0
    with Trace(spawner.pid, (*PROCESSES, *CALLS)) as trace:
        for number in rounds(samples + WARM_UP, seconds, WARM_UP):
            _, events = trace.record(lambda: spawner.total(request))
            if number < WARM_UP:
                continue
            spawns += 1
            for (role, call), (us, count) in calls_of(events, spawner.pid, method).items():
                name = names.get(call, f"call {call}")
                if name not in WAITING:
                    row = rows.setdefault((role, name), [[], []])
                    row[0].append(us)
                    row[1].append(count)
    result = []
    for (role, name), (times, counts) in rows.items():
        count = sorted(counts)[len(counts) // 2]
        of = "" if method == "native" else f"{method}, "
        row = Row(f"{of}{role}: {name}" + (f", {count} times" if count > 1 else ""), None)
        row.samples = times
        if len(times) > spawns / 2 and sorted(times)[len(times) // 2] >= CALL_FLOOR_US:
            result.append(row)
    return sorted(result, key=lambda row: -sorted(row.samples)[len(row.samples) // 2])
