#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Keeps the measurement from rotting: its arithmetic, and one short run of its parts. How long
anything takes is no test. Prints TAP.

usage: test_bench.py BUILD
"""
import json
import os
import subprocess
import sys
import tempfile

SOURCE = os.environ.get("KASTELLAN_SOURCE",
                        os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(SOURCE, "bench"))

from harness import budget, goals, peers, rows, statistics, steps, workers  # noqa: E402
import tap  # noqa: E402
from tap import check  # noqa: E402


def check_statistics():
    check("the median of an odd number is the middle one", statistics.median([9, 1, 5]) == 5)
    check("the median of an even number is between the two", statistics.median([4, 1, 2, 9]) == 3)
    check("one sample is its own median and p90",
          statistics.median([7]) == statistics.p90([7]) == 7)
    check("p90 lies nine tenths up", statistics.p90(list(range(11))) == 9)
    check("an outlier moves no median", statistics.median([1, 2, 3]) ==
          statistics.median([1, 2, 3000]))
    check("a ratio is that of the medians", statistics.ratio([2, 4, 6], [1, 2, 300]) == 2)
    low, high = statistics.ratio_interval([10, 20, 40] * 10, [5, 10, 20] * 10)
    check("rounds that are slow together make no wide interval", low == high == 2, (low, high))
    low, high = statistics.ratio_interval([10, 20, 40] * 5, [20, 5, 10] * 5)
    check("rounds that are not do", low < statistics.ratio([10, 20, 40], [20, 5, 10]) < high,
          (low, high))


# A cold native spawn of process 1: monitor 2, mapper 3, init 4, its network's maker 5,
# worker 6.
RECORD = [
    (100, 1, steps.FORK, "pid=1 child_pid=2"), (110, 2, steps.EXEC, "pid=2"),
    (130, 2, steps.FORK, "pid=2 child_pid=3"), (140, 3, steps.EXIT, "pid=3"),
    (190, 2, steps.FORK, "pid=2 child_pid=4"), (200, 4, steps.FORK, "pid=4 child_pid=5"),
    (270, 5, steps.EXIT, "pid=5"), (290, 4, steps.FORK, "pid=4 child_pid=6"),
    (340, 6, steps.EXEC, "pid=6"), (350, 6, steps.EXIT, "pid=6"), (353, 4, steps.EXIT, "pid=4"),
    (360, 2, steps.EXIT, "pid=2"),
]


def check_steps():
    found = steps.moments(RECORD, 1, "native")
    check("each process has its role", found["mapper", steps.EXIT] == 140 and
          found["init", steps.FORK] == 190 and found["worker", steps.EXEC] == 340, found)
    taken = steps.split(300, found, "native")
    check("steps add up to the whole", taken and sum(taken.values()) == 300, taken)
    check("what no process of the record does is the caller's", taken[steps.REST] == 40, taken)
    check("a record with a hole in it counts as none",
          steps.split(300, steps.moments(RECORD[:-1], 1, "native"), "native") is None)
    calls = steps.calls_of(RECORD[:1] + [
        (101, 2, "sys_enter", "NR 56 (1, 2)"), (104, 2, "sys_exit", "NR 56 = 3"),
        (105, 2, "sys_enter", "NR 56 (1, 2)"), (106, 2, "sys_exit", "NR 56 = 4"),
        (107, 2, "sys_exit", "NR 1 = 4")], 1, "native")
    check("a call is its process's, with all times that it was made",
          calls == {("monitor", 56): [4, 2]}, calls)


# A whole command of process 1: kastellan 2, its mapper 3, monitor 4, which has a mapper 5, init 6,
# whose network is made by 7, worker 8.
COMMAND = [
    (100, 1, steps.FORK, "pid=1 child_pid=2"), (120, 2, steps.EXEC, "pid=2"),
    (190, 2, steps.FORK, "pid=2 child_pid=3"), (200, 2, steps.FORK, "pid=2 child_pid=4"),
    (205, 3, steps.EXIT, "pid=3"),
    (210, 4, steps.FORK, "pid=4 child_pid=5"), (215, 5, steps.EXIT, "pid=5"),
    (220, 4, steps.FORK, "pid=4 child_pid=6"), (230, 6, steps.FORK, "pid=6 child_pid=7"),
    (240, 7, steps.EXIT, "pid=7"), (250, 6, steps.FORK, "pid=6 child_pid=8"),
    (260, 8, steps.EXEC, "pid=8"), (270, 8, steps.EXIT, "pid=8"), (275, 6, steps.EXIT, "pid=6"),
    (280, 4, steps.EXIT, "pid=4"), (295, 2, steps.EXIT, "pid=2"),
]


def check_command():
    taken = steps.split(250, steps.moments(COMMAND, 1, "command"), "command")
    check("a whole command begins its spawn with the last child that it makes",
          taken and taken[steps.BEFORE_SPAWN] == 80 and taken["the spawn"] == 60, taken)
    check("its steps add up to it", taken and sum(taken.values()) == 250, taken)
    samples = {f"command: {name}": [us] for name, us in taken.items()}
    samples[f"version: {steps.NOTHING}"] = [30]
    said = budget.whole(samples)
    check("what it is made of adds up to the same", sum(us for _, us in said) == 250, said)
    check("what a kastellan does that starts nothing is not the run's",
          [us for _, us in said[:2]] == [30 + taken[steps.COMMAND_EXEC] + taken[steps.COMMAND_REST],
                                         50], said)
    check("of a command without a record nothing is said", budget.whole({}) == [])


def check_budget():
    samples = {"floor, all, recorded": [1000], f"floor: {steps.PROGRAM[2]}": [200],
               f"native: {steps.PROGRAM[2]}": [210], f"native: {steps.NAMESPACES}": [500],
               "native: more": [700], "prepared: less": [400]}
    said = list(budget.budgets(samples))
    check("a goal leaves what it allows beyond the floor",
          [(method, round(left)) for method, _, left, _ in said] ==
          [("native", 350), ("prepared", 800)], said)
    check("only steps that the floor does not have are held against it",
          [taken for _, _, _, taken in said] == [[("more", 700)], [("less", 400)]], said)
    check("nothing is said of what was not measured", not list(budget.budgets({})))
    commands = {"bwrap": [4000], "env, which confines nothing": [1000]}
    left, parts = budget.command(commands, {"native, dynamic": [3000]})
    check("a command's goal is held against its parts",
          left == 2000 and [us for _, us in parts] == [1000, 3000], parts)
    check("nothing is said of a command without its parts", budget.command(commands, {}) is None)


def check_call_steps():
    worker, where = "a worker in Python", "one processor"
    samples = {f"{what}, {worker}, {where}": [us + noise for noise in (0, 5, 50)]
               for what, us in zip(workers.METHODS, (10, 12, 13, 17))}
    left, taken = workers.steps(samples, worker, where)
    check("a call's goal leaves a part of the bare round trip", round(left, 6) == 4.5, left)
    check("each step of a call is what its row takes more than the one before",
          [us for _, us in taken] == [2, 1, 4], taken)
    check("they are told of every worker that was measured",
          len(list(workers.told_steps(samples))) == 1)
    check("a ladder with a rung missing tells nothing",
          workers.steps({name: row for name, row in samples.items() if "jail" not in name},
                        worker, where) is None)


def refuse():
    raise rows.Absent("not here")


def check_rows():
    taken = []
    table = [rows.Row(name, lambda n=name: taken.append(n) or 1.0, None) for name in "abc"]
    table.append(rows.Row("d", refuse, "a"))
    rows.measure(table, 20, 60)
    turns = [taken[start:start + 3] for start in range(3, len(taken), 3)]
    check("every round takes every row once", all(sorted(turn) == list("abc") for turn in turns),
          turns)
    check("the order is not always the same", len({tuple(turn) for turn in turns}) > 1)
    check("a row that cannot run says why, and is not measured",
          table[3].absent == "not here" and not table[3].samples)
    said = {row["name"]: row for row in rows.summary(table)}
    check("the first round does not count", said["a"]["samples"] == 20, said)


def check_goals():
    def verdict(native):
        samples = {"native, static": [native] * 5, "floor, static": [100] * 5}
        return goals.judge({"spawn": {"samples": samples}})[0]["verdict"]

    check("a goal is passed at its bound", verdict(135) == "pass")
    check("a goal is failed past its bound", verdict(136) == "fail")
    def of_workers(**storm):
        return [goal["verdict"] for goal in goals.of_workers(
            {"idle": {"above_kib": 1025}, "storm": storm})]

    good = {"calls": 9, "answers": 7, "faults": 2, "wrong": 0}
    check("a call that got lost, or a wrong end, fails the storm; a slot may cost a MiB",
          of_workers(**good) == ["fail", "pass"] and of_workers(**good | {"answers": 6})[1] == "fail"
          and of_workers(**good | {"wrong": 1})[1] == "fail")
    check("a goal without figures is no pass",
          {goal["verdict"] for goal in goals.judge({})} == {"not measured"})


class Anywhere:
    def __init__(self, path):
        self.path = path

    def file(self, *names):
        return os.path.join(self.path, *names)


def check_witness(path):
    place = Anywhere(path)
    for name in ("write", "outside"):
        os.mkdir(place.file(name))
    said = peers.witness("none", ["env"], place, dict(os.environ))
    check("a command that confines nothing is found out", said and "outside" in said, said)
    said = peers.witness("none", ["true"], place, dict(os.environ))
    check("a command that runs nothing is found out", said and "did not" in said, said)


def check_run(build, path):
    results, page = os.path.join(path, "results.json"), os.path.join(path, "page.md")
    done = subprocess.run([os.path.join(SOURCE, "bench", "run"), "--samples", "3", "--only",
                           "spawn,steps,calls,rate,memory,workers", "--build", build, "--output", results],
                          capture_output=True, text=True)
    check("a run of three samples ends well", done.returncode == 0, done.stderr)
    if done.returncode:
        return
    with open(results) as file:
        measured = json.load(file)["sections"]
    check("it measures the bare spawn", len(measured["spawn"]["samples"]["bare, static"]) == 3)
    storm = measured["workers"]["storm"]
    check("every call of a storm has one end", storm.get("wrong") == 0 and
          storm["answers"] + storm["faults"] == storm["calls"] > 0, storm)
    check("every row was measured or says why not",
          all(row.get("samples") or row["absent"] for section in measured.values()
              for row in section["rows"]))
    done = subprocess.run([os.path.join(SOURCE, "bench", "report"), results, page],
                          capture_output=True, text=True)
    with open(page) as file:
        check("its report has the row and the goals",
              "| bare, static |" in (text := file.read()) and "## Goals" in text,
              done.stderr)


def main():
    build = os.path.abspath(sys.argv[1])
    check_statistics()
    check_steps()
    check_command()
    check_budget()
    check_call_steps()
    check_rows()
    check_goals()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as path:
        check_witness(path)
        check_run(build, path)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
