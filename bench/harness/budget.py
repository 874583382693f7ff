# SPDX-License-Identifier: Apache-2.0
"""What a goal leaves for the steps that its reference does not have, against what they take."""
from . import statistics, steps

# (method, goal as a multiple of the floor, steps that the floor has too). The program runs in both.
BUDGETS = [
    ("native", 1.35, {steps.NAMESPACES, steps.PROGRAM[2]}),
    ("prepared", 1.0, {steps.PROGRAM[2]}),
]


def budgets(samples):
    """(method, bound, what is left in microseconds, [(step, microseconds)]) of each that was
    measured. A prepared spawn does at its end what the floor does at both, so that only the program
    is taken from what the goal allows."""
    for method, bound, shared in BUDGETS:
        floor = samples.get("floor, all, recorded")
        program = samples.get(f"floor: {steps.PROGRAM[2]}")
        taken = [(name[len(method) + 2:], statistics.median(values))
                 for name, values in samples.items() if name.startswith(f"{method}: ")]
        if not floor or not program or not taken:
            continue
        allowed = bound * statistics.median(floor)
        left = allowed - statistics.median(floor) if method == "native" else (
            allowed - statistics.median(program))
        yield method, bound, left, [(name, us) for name, us in taken if name not in shared]


def whole(samples):
    """[(part, microseconds)] of `kastellan run -b native`, as recorded; empty where it was not. What
    a kastellan does that starts nothing is no part of the run."""
    taken = {name: statistics.median(values) for name, values in samples.items() if values}
    nothing = taken.get(f"version: {steps.NOTHING}")
    before = taken.get(f"command: {steps.BEFORE_SPAWN}")
    if nothing is None or before is None:
        return []
    outside = sum(taken[f"command: {name}"] for name in (steps.COMMAND_EXEC, steps.COMMAND_REST))
    rest = [(name[len("command: "):], us) for name, us in taken.items()
            if name.startswith("command: ")]
    return [("a kastellan that only says its version: exec, C library, end, its caller",
             nothing + outside),
            ("its own work before the spawn: options, policy, host, plan", before - nothing),
            *((name, us) for name, us in rest
              if name not in (steps.COMMAND_EXEC, steps.COMMAND_REST, steps.BEFORE_SPAWN))]


# (goal, row it is a part of, part, the least jail's rows, ours).
COLD, PREPARED = ("least jail, static", "least safe jail, static"), ("least prepared jail, static",)
LEAST = [
    ("cold, 1.35 of the floor", "floor, static", 1.35, COLD, "native, static"),
    ("cold, a third of the bwrap command", "bwrap command, static", 1 / 3, COLD, "native, static"),
    ("prepared, the floor", "floor, static", 1.0, PREPARED, "prepared, static"),
    ("prepared, 1.4 of a bare spawn", "bare, static", 1.4, PREPARED, "prepared, static"),
]


def least(samples):
    """(goal, what it allows in microseconds, row, its microseconds) for each least jail and for
    ours, of each goal that was measured."""
    for goal, reference, part, rows, ours in LEAST:
        if samples.get(reference):
            allowed = part * statistics.median(samples[reference])
            for row in (*rows, ours):
                if samples.get(row):
                    yield goal, allowed, row, statistics.median(samples[row])


COMMAND_GOAL = 0.5 # of `kastellan run -b native`, as a multiple of bwrap


def command(commands, spawns):
    """(what the goal leaves a whole command in microseconds, [(part, microseconds)]), or None where
    something was not measured. The parts are rows of their own, which add up to the command but for
    what it does between them."""
    rows = {"a command that confines nothing: start of the C library, exec, end":
                commands.get("env, which confines nothing"),
            "the same spawn from a process that runs already": spawns.get("native, dynamic")}
    against = commands.get("bwrap")
    if not against or not all(rows.values()):
        return None
    return (COMMAND_GOAL * statistics.median(against),
            [(name, statistics.median(samples)) for name, samples in rows.items()])
