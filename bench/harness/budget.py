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
