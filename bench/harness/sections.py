# SPDX-License-Identifier: Apache-2.0
"""What is measured, a function each: a section gives its title, rows and raw samples."""
import contextlib
import os

from . import inside, machines, memory, peers, steps, workers
from .rows import Absent, Row, measure, summary
from .spawner import Spawner
from .trace import Unavailable

BIG = ("--resident", "1024", "--descriptors", "8000")


class Run:
    """What all sections need."""

    def __init__(self, build, place, samples, scale):
        self.build = build
        self.place = place
        self.samples = samples
        self.scale = scale # of the seconds that a section may take
        command = os.path.join(build, "cli", "kastellan")
        front = os.path.join(build, "cli", "front", "kastellan")
        # Which is what is installed.
        self.kastellan = front if os.path.exists(front) else command
        os.environ.setdefault("KASTELLAN_COMMAND", command)
        self.environment = peers.environment_for(place)
        self.environment.setdefault(
            "KASTELLAN_INIT", os.path.join(build, "src", "linux", "init", "kastellan-init"))

    def spawner(self, burden=(), more=None):
        return Spawner(self.build, self.place, burden, more)

    def finish(self, title, rows, seconds, most=None):
        measure(rows, min(self.samples, most or self.samples), seconds * self.scale)
        return {"title": title, "rows": summary(rows),
                "samples": {row.name: row.samples for row in rows}}


def write_commands(run, path, commands):
    with open(path, "w") as file:
        for name, words in commands.items():
            file.write("\t".join([name, *words]) + "\n")


def spawn(run):
    """From one process, to reaped exit."""
    plain = peers.bwrap_plain(run.place)
    planned = peers.bwrap_planned(run.kastellan, run.place)
    commands = {}
    for target in ("static", "dynamic"):
        program = run.place.file("read", f"true-{target}")
        commands[f"plain-{target}"] = plain + [program]
        if planned:
            commands[f"planned-{target}"] = planned + [program]
    path = run.place.file("outside", "bwrap-commands")
    write_commands(run, path, commands)
    with run.spawner() as spawner:
        spawner.ask(f"commands {path}")

        def row(name, request, reference, take=spawner.total):
            return Row(name, lambda: take(request), reference)

        rows = []
        for target in ("static", "dynamic"):
            floor = f"floor, {target}"
            rows += [
                row(f"bare, {target}", f"bare/true-{target}/0", floor),
                row(floor, f"floor/true-{target}/0", None),
                row(f"prepared, {target}", f"prepared/true-{target}/2", floor),
                row(f"prepared, and the end of its empty jail, {target}",
                    f"prepared-whole/true-{target}/2", floor),
                row(f"native, {target}", f"native/true-{target}/2", floor),
                row(f"least jail, {target}", f"least/true-{target}/2", floor),
                row(f"least safe jail, {target}", f"least-safe/true-{target}/2", floor),
                row(f"least prepared jail, {target}", f"least-prepared/true-{target}/2", floor),
                row(f"landlock, {target}", f"landlock/true-{target}/2", floor),
                row(f"bwrap backend, {target}", f"bwrap/true-{target}/2", floor),
                row(f"bwrap command, {target}", f"command/plain-{target}/0", floor),
                row(f"bwrap command planned, {target}", f"command/planned-{target}/0", floor),
            ]
        rows += [row(f"{name}, call only", f"{name}/true-static/2", None if name == "floor" else "floor, call only", spawner.until_exec)
                 for name in ("floor", "prepared", "native", "landlock", "bwrap")]
        return run.finish("Spawn from one process, to the reaped exit", rows, 100)


LEAST_LIST = "the least of it: its network, and beside it a program that does nothing"


def network(run):
    """What an allowlist costs beside a jail without a network: of neighbours in time."""
    with run.spawner() as spawner:
        def more(take, method="allowlist"):
            return take(f"{method}/true-static/2") - take("native/true-static/2")

        rows = [Row("floor", lambda: spawner.total("floor/true-static/2")),
                Row("native", lambda: spawner.total("native/true-static/2"), "floor"),
                Row("native, allowlist", lambda: spawner.total("allowlist/true-static/2"), "native"),
                Row("what an allowlist adds until the program runs",
                    lambda: more(spawner.until_exec), "floor"),
                Row("what an allowlist adds to all of it", lambda: more(spawner.total), "floor"),
                Row("native, allowlist, proxy of a pool",
                    lambda: spawner.total("sharedlist/true-static/2"), "native"),
                Row("what it adds with a pool until the program runs",
                    lambda: more(spawner.until_exec, "sharedlist"), "floor"),
                Row("what it adds with a pool to all of it",
                    lambda: more(spawner.total, "sharedlist"), "floor"),
                Row(LEAST_LIST, lambda: spawner.until_exec("least-network/true-static/2"), "floor"),
                Row("prepared", lambda: spawner.total("prepared/true-static/2"), "floor"),
                Row("prepared, allowlist", lambda: spawner.total("preparedlist/true-static/2"),
                    "prepared"),
                Row("prepared, call only", lambda: spawner.until_exec("prepared/true-static/2"),
                    "floor"),
                Row("prepared, allowlist, call only",
                    lambda: spawner.until_exec("preparedlist/true-static/2"),
                    "prepared, call only")]
        return run.finish("An allowlist, with its egress proxy", rows, 60)


def callers(run):
    """What the caller has must not matter."""
    burdens = {"small caller": (), "big caller": BIG, "300 mounts": ("--mounts", "300")}
    with contextlib.ExitStack() as stack:
        spawners = {name: stack.enter_context(run.spawner(burden))
                    for name, burden in burdens.items()}
        rows = []
        for method in ("bare", "floor", "prepared", "native", "bwrap"):
            for name, spawner in spawners.items():
                request = f"{method}/true-static/2"
                rows.append(Row(f"{method}, {name}",
                                lambda s=spawner, r=request: s.total(r),
                                None if name == "small caller" else f"{method}, small caller"))
        return run.finish("The caller: small; 1 GiB and 8,000 descriptors; 300 more mounts", rows,
                          50)


def grants(run):
    with run.spawner() as spawner:
        rows = [Row(f"{method}, {count} grants",
                    lambda r=f"{method}/true-static/{count}": spawner.total(r),
                    None if count == 2 else f"{method}, 2 grants")
                for method in ("prepared", "native", "landlock", "bwrap")
                for count in (1, 2, 16, 64, 256)]
        return run.finish("The number of grants", rows, 50, 60)


def commands(run):
    """Whole commands, each after it has shown that it confines."""
    program = [run.place.file("read", "true-dynamic")]
    path = run.place.file("outside", "commands")
    known, absent, rows = {}, {}, []
    for name, words, reference in peers.all_commands(run.kastellan, run.place):
        if not peers.found(words):
            absent[name] = "not installed"
        else:
            absent[name] = peers.witness(name, words, run.place, run.environment)
            known[f"c{len(known)}"] = (name, words + program)
        rows.append((name, reference))
    write_commands(run, path, {key: words for key, (_, words) in known.items()})
    os.environ.update(run.environment)
    with run.spawner() as spawner:
        spawner.ask(f"commands {path}")
        keys = {name: key for key, (name, _) in known.items()}

        def take(name):
            if absent[name]:
                raise Absent(absent[name])
            return spawner.total(f"command/{keys[name]}/0")

        return run.finish("Whole commands", [Row(name, lambda n=name: take(n), reference)
                                             for name, reference in rows], 100, 60)


def rate(run):
    """Spawns a second; the rows hold microseconds a spawn, so that less is better as everywhere."""
    slice_ms = 600 if run.scale >= 1 else 40
    with run.spawner() as spawner:
        rows = [Row(f"{method}, {threads} threads",
                    lambda r=f"{method}/true-static/2", t=threads:
                    1e6 / max(spawner.rate(r, t, slice_ms), 0.1),
                    None if method == "floor" else f"floor, {threads} threads")
                for method in ("bare", "floor", "prepared", "native", "landlock", "bwrap")
                for threads in (1, 2, 4)]
        result = run.finish("Time a spawn with several threads at once", rows, 60, 8)
    for row in result["rows"]:
        if "median_us" in row:
            row["per_second"] = 1e6 / row["median_us"]
    return result


def idle(run):
    result = {"title": "Memory of an idle jail", "rows": [], "samples": {}, "jails": {}}
    for method in ("prepared", "native", "landlock", "bwrap"):
        with run.spawner() as spawner:
            try:
                result["jails"][method] = memory.measure(spawner, method,
                                                         50 if run.scale >= 1 else 5)
            except Absent as reason:
                result["jails"][method] = {"absent": str(reason)}
    return result


def work_inside(run):
    places = [("none", [], []), ("least", [], ["least"])] + [
        (backend, inside.jail(run.kastellan, backend, run.place), [])
        for backend in ("native", "bwrap")]
    rows = []
    with contextlib.ExitStack() as stack:
        for name, work in inside.works(run.place):
            for where, before, under in places:
                if under and name not in inside.UNDER_LEAST:
                    continue
                worker = inside.Worker(before, under + work, run.place, run.environment)
                stack.callback(worker.close)
                rows += pair(name, where, worker)
        return run.finish("Work inside against the same work outside", rows, 90)


def pair(name, where, worker):
    """Two rows from one sample: the wall row works, the CPU row says what that took."""
    last = {}

    def work():
        last["wall"], last["cpu"] = worker.work()

    def take(kind):
        if kind not in last:
            work()
        return last.pop(kind)

    return [Row(f"{name}, {where}, {kind}", lambda k=key: take(k),
                None if where == "none" else f"{name}, none, {kind}")
            for key, kind in (("cpu", "CPU"), ("wall", "wall"))]


def recorded(run, title, measure_rows):
    """From the kernel's record, where that can be had."""
    absent = Row("the kernel's record", None)
    try:
        with run.spawner() as spawner:
            rows = measure_rows(spawner)
    except (Absent, Unavailable, OSError) as reason:
        absent.absent = str(reason)
        rows = [absent]
    return {"title": title, "rows": summary(rows), "samples": {row.name: row.samples for row in rows}}


def where(run):
    """The steps of each method add up to the whole."""
    most = min(run.samples, 100)
    path = run.place.file("outside", "recorded-command")
    write_commands(run, path, {
        "version": [run.kastellan, "--version"],
        "native": peers.kastellan_run(run.kastellan, "native", run.place) +
                  [run.place.file("read", "true-static")]})

    def rows(spawner):
        spawner.ask(f"commands {path}")
        return [row for method in steps.STEPS
                for row in steps.measure_steps(spawner, method, most, 20 * run.scale)]

    return recorded(run, "Where the time of a spawn goes, step by step", rows)


def calls(run):
    most = min(run.samples, 50)
    return recorded(
        run, "System calls of a cold native spawn, each recorded, which makes all slower",
        lambda spawner: steps.measure_calls(spawner, "native", most, 20 * run.scale))


def least_calls(run):
    most = min(run.samples, 50)
    return recorded(run, "System calls of the least jails, recorded in the same way",
                    lambda spawner: [row for method in ("least", "least-safe") for row in
                                     steps.measure_calls(spawner, method, most, 20 * run.scale)])


OF_A_NETWORK = tuple(f"allowlist, {call}" for call in (
    "proxy: ", "resolver: ", "network: ", "init: sendto", "init: socket"))


def network_calls(run):
    """Init's messages to the kernel are the routes, and the rules that divert to the proxy."""
    most = min(run.samples, 50)
    return recorded(
        run, "System calls for the network of an allowlist, each recorded, which makes all slower",
        lambda spawner: [row for row in steps.measure_calls(spawner, "allowlist", most, 40 * run.scale)
                         if row.name.startswith(OF_A_NETWORK)])


SECTIONS = {"spawn": spawn, "network": network, "steps": where, "calls": calls,
            "leastcalls": least_calls, "networkcalls": network_calls,
            "callers": callers, "grants": grants, "commands": commands,
            "rate": rate, "memory": idle, "inside": work_inside,
            "workers": workers.section, "machines": machines.section}
