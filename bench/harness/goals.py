# SPDX-License-Identifier: Apache-2.0
"""The goals: a section, the two rows whose medians are divided, and the bound."""
from . import budget, inside, machines, statistics, workers

# (section, row, against, bound, what it says). A bound is the greatest ratio that is good.
GOALS = [
    ("spawn", "native, static", "floor, static", 1.35, "native cold / all-namespaces floor"),
    ("spawn", "native, static", "bwrap command, static", 1 / 3, "native cold / bwrap spawned"),
    ("spawn", "native, static", "bwrap command planned, static", 1 / 3,
     "native cold / bwrap spawned, planned tree"),
    ("spawn", "prepared, static", "floor, static", 1.0, "native prepared / all-namespaces floor"),
    ("spawn", "prepared, static", "bare, static", 1.4, "native prepared / bare vfork+exec"),
    ("network", "what an allowlist adds until the program runs", "floor", 0.15,
     "what an allowlist adds to a native spawn / all-namespaces floor"),
    ("callers", "native, big caller", "native, small caller", 1.3,
     "1 GiB and 8,000 descriptors / small caller"),
    ("callers", "native, 300 mounts", "native, small caller", 1.05,
     "300 extra mounts / none, cold (the goal is the prepared path's)"),
    ("callers", "prepared, 300 mounts", "prepared, small caller", 1.05,
     "300 extra mounts / none, prepared"),
    ("grants", "native, 256 grants", "native, 2 grants", 4.0, "256 grants / default policy"),
    ("commands", "kastellan run -b native", "bwrap", budget.COMMAND_GOAL,
     "kastellan run -b native / bwrap"),
    ("commands", "kastellan run -b native", "codex sandbox", 1 / 25,
     "kastellan run -b native / codex"),
    ("commands", "kastellan run -b native", "srt", 1 / 80, "kastellan run -b native / srt"),
    ("commands", "kastellan run -b bwrap", "bwrap planned", 1.3,
     "kastellan run -b bwrap / bwrap, same arguments"),
    ("commands", "kastellan run -b bwrap", "bwrap", 1.3,
     "kastellan run -b bwrap / bwrap, as a person writes it"),
]
for _work, _bound in (("getppid", 1.02), ("read /dev/zero", 1.02), ("walk and stat", 1.02),
                      ("walk and open", 1.12), ("compile", 1.02), ("python start-up", 1.02)):
    GOALS.append(("inside", f"{_work}, native, CPU", f"{_work}, none, CPU", _bound,
                  f"{_work} in the jail / without, CPU time"))
    if _work in inside.UNDER_LEAST:
        GOALS.append(("inside", f"{_work}, native, CPU", f"{_work}, least, CPU", _bound,
                      f"{_work} in the jail / under the least filter and Landlock domain"))


GOALS += [
    ("workers", f"warm call, {_worker}, {_where}", f"bare pipe, {_worker}, {_where}", workers.GOAL,
     f"warm call / bare pipe, {_worker}, {_where}")
    for _where in ("one processor", "two processors")
    for _worker in ("a worker that does nothing", "a worker in Python")]
GOALS.append(("workers", "acquire from a jail that waits", "native, cold spawn", 0.5,
              "acquire of single use, prepared / cold native spawn"))
GOALS += [
    ("machines", "booted", "bare boot", 1.15, "a worker in a machine, booted / bare boot of kernel and init"),
    ("machines", "restored", "booted", 0.28, "a worker in a machine, restored / booted"),
]


def of_workers(section):
    """Goals that are no ratio of two rows: a cost a slot, and calls with a wrong end or none."""
    said = []
    slots, storm = section.get("idle", {}), section.get("storm", {})
    for text, bound, value in (
            ("MiB of an idle warm slot above its worker", 1.0,
             slots["above_kib"] / 1024 if "above_kib" in slots else None),
            ("calls of a storm without exactly one end", 0.0,
             storm["wrong"] + storm["calls"] - storm["answers"] - storm["faults"]
             if "calls" in storm else None)):
        goal = {"text": text, "bound": bound, "verdict": "not measured"}
        if value is not None:
            goal.update(ratio=value, low=value, high=value, sure=True,
                        verdict="pass" if value <= bound else "fail")
        said.append(goal)
    return said


def judge(results):
    """One dictionary a goal. "open" where the noise spans the bound, or a row was not measured."""
    said = []
    for section, row, against, bound, text in GOALS:
        samples = results.get(section, {}).get("samples", {})
        goal = {"text": text, "bound": bound, "verdict": "not measured"}
        if samples.get(row) and samples.get(against):
            goal["ratio"] = statistics.ratio(samples[row], samples[against])
            goal["low"], goal["high"] = statistics.ratio_interval(samples[row], samples[against])
            goal["verdict"] = "pass" if goal["ratio"] <= bound else "fail"
            goal["sure"] = not goal["low"] <= bound <= goal["high"]
        said.append(goal)
    return said + of_workers(results.get("workers", {})) + machines.goals(results.get("machines", {}))
