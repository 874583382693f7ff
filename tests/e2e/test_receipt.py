# SPDX-License-Identifier: Apache-2.0
"""The receipt against the truth: what it says is held holds, and what is not held is refused."""

import json
import os

from harness import check, residue
from harness.discover import test
from harness.host import FIELDS

VERDICTS = {"held", "clamped", "degraded", "absent"}
HIDE = 'mount -t tmpfs none /sys/fs/cgroup && exec "$@"'


def accepted_here(t, *fields):
    """Options that accept what the backend never holds, and these."""
    accepted = [*t.host.degraded(), *(set(fields) - set(t.host.degraded()))]
    return ["--allow-degraded", ",".join(accepted)] if accepted else []


def plan(t, *arguments, code=0, policy=None, accept=()):
    more = ["-p", t.jail.policy_file(policy)] if policy is not None else []
    more += accepted_here(t, *accept)
    result = t.jail.other(["plan", "-b", t.options.backend, "--json", *more, *arguments])
    check.equal(result.code, code, f"exit code, {result.complaint}")
    return {row["field"]: row for row in result.json["receipt"]}, result.json


def without_groups(t, line):
    """The same command on a host that has no control groups."""
    return t.control.run(["/usr/bin/unshare", "-m", "/bin/sh", "-c", HIDE, "sh", *line])


@test("the plan has a row for every field, with request, verdict and mechanism")
def rows(t):
    found, _ = plan(t, "/bin/true")
    check.equal(set(found), set(FIELDS), "fields")
    for field, row in found.items():
        check.one_of(row["verdict"], VERDICTS, f"verdict of {field}")
        check.true(row["mechanism"] or row["verdict"] == "absent", f"{field} has no mechanism")
        if row["verdict"] in ("degraded", "absent"):
            check.true(row["detail"] and row["remedy"], f"{field} says neither why nor what to do")


@test("the rows say what was asked for")
def requests(t):
    found, _ = plan(t, policy={"mem_mb": 77, "cpu_ms": 1234, "tasks_max": 13, "cpu_quota_pct": 55,
                               "env": {"NAME": "value"}, "profile": "WorkerNetClient"},
                    accept=["net"])  # one layer before Linux 6.7
    for field, word in (("mem_mb", "77"), ("cpu_ms", "1234"), ("tasks_max", "13"),
                        ("cpu_quota_pct", "55"), ("profile", "WorkerNetClient")):
        check.contains(found[field]["request"], word)
    check.true("value" not in json.dumps(found), "a value of the environment shows in the receipt")


@test("a plan starts nothing, and leaves nothing")
def plan_only(t):
    marker = t.directory("granted", 0o777) / "started"
    before = residue.Snapshot(t.options)
    before.started = t.jail.started
    plan(t, "-w", str(marker.parent), "/usr/bin/touch", str(marker))
    check.equal(before.leftovers(1), [], "left behind")
    check.true(not marker.exists(), "the program was started")


@test("the receipt of a run is the receipt of its plan")
def same(t):
    # With a budget, as a run would else be given one by its pace, and the plan not.
    policy = {"cpu_ms": 4000, "mem_mb": 99, "tasks_max": 9, "fs_read": ["/etc/passwd"]}
    planned, _ = plan(t, "/bin/true", policy=policy)
    ran = t.jail.run(["/bin/true"], policy=policy).rows
    for field in set(FIELDS):
        for key in ("verdict", "request", "mechanism"):
            check.equal(ran[field][key], planned[field][key], f"{key} of {field}")


@test("the plan in words names every field, and the program's grants")
def words(t):
    place = t.directory("granted")
    result = t.jail.other(["plan", "-b", t.options.backend, *accepted_here(t), "-r", place, "/bin/true"])
    check.equal((result.code, result.stderr), (0, b""), "outcome")
    check.contains(result.text, *FIELDS, str(place))


@test("an optional grant that is absent shows as such")
def absent_grant(t):
    missing = t.work / "missing"
    found, _ = plan(t, "-r", f"?{missing}")
    check.contains(json.dumps(found["fs_read"]), str(missing))


@test("the environment's values are no part of plan or status")
def secrets(t):
    token = "k4st3ll4n-s3cr3t"
    _, whole = plan(t, policy={"env": {"TOKEN": token}})
    check.true(token not in json.dumps(whole), "the value is in the plan")
    result = t.jail.run(["/bin/true"], policy={"env": {"TOKEN": token}})
    check.true(token not in json.dumps(result.status), "the value is in the status")


def of_groups(t):
    """What the host's control groups alone hold: a machine's guest has one of its own."""
    return ("cpu_ms",) if t.options.backend in ("qemu", "firecracker") else ("mem_mb", "tasks_max")


@test("without control groups the limits are not held, and a run is refused by name", root=True)
def no_groups(t):
    marker = t.directory("granted", 0o777) / "started"
    line = t.jail.command(["/usr/bin/touch", marker], write=[marker.parent], degrade=False,
                          flags=["--status", t.notes / "status", *accepted_here(t)])
    result = without_groups(t, line)
    check.equal(result.code, 125, "exit code")
    check.true(not marker.exists(), "the program was started")
    told = {row["field"]: row["verdict"] for row in t.jail.read_status(t.notes / "status")["receipt"]}
    for field in of_groups(t):
        check.one_of(told[field], {"absent", "degraded"}, f"what its receipt says of {field}")
    check.contains(result.complaint, ("mem_mb", "cpu_ms", "tasks_max"), "--allow-degraded",
                   ("cgroup", "control group"))
    check.equal(t.control.run(line).code, 0, "control: with them it runs")


@test("without control groups a run goes on where each field is accepted by name, and says so", root=True)
def accepted(t):
    fields = ",".join([*t.host.degraded(), "mem_mb", "cpu_ms", "tasks_max", "cpu_quota_pct"])
    path = t.notes / "status"
    line = t.jail.command(["/bin/true"], flags=["--status", path, "--allow-degraded", fields],
                          degrade=False)
    result = without_groups(t, line)
    check.equal(result.code, 0, f"exit code, {result.complaint}")
    rows_found = {row["field"]: row for row in t.jail.read_status(path)["receipt"]}
    for field in of_groups(t):
        check.one_of(rows_found[field]["verdict"], {"absent", "degraded"}, field)
    for leave_out in of_groups(t):
        rest = ",".join(name for name in fields.split(",") if name != leave_out)
        line[line.index("--allow-degraded") + 1] = rest
        result = without_groups(t, line)
        check.equal(result.code, 125, f"exit code without {leave_out}")
        check.contains(result.complaint, leave_out)


@test("a field that asks for nothing is not refused for want of a mechanism", root=True)
def nothing_asked(t):
    line = t.jail.command(["/bin/true"], policy={"mem_mb": 0, "cpu_ms": 0},
                          flags=accepted_here(t, "tasks_max", "cpu_quota_pct"), degrade=False)
    result = without_groups(t, line)
    check.equal(result.code, 0, f"exit code, {result.complaint}")


@test("degrading what is held changes nothing")
def needless(t):
    t.needs_held("mem_mb")
    argv = t.probe("hog", "memory", "150")
    result = t.run(argv, policy={"mem_mb": 64, "cpu_ms": 9000},
                   flags=["--allow-degraded", ",".join([*t.host.degraded(), "mem_mb"])])
    check.equal(result.type, "oom", "outcome")
    check.equal(result.rows["mem_mb"]["verdict"], "held", "verdict")


@test("a helper that is missing is named, with the remedy; no other backend takes its place",
      root=True, backends=("bwrap",))
def no_helper(t):
    helper = os.path.realpath("/usr/bin/bwrap")
    for mask in ("/dev/null", "/etc/passwd"):
        script = f'mount --bind {mask} {helper} && exec "$@"'
        line = t.jail.command(["/bin/true"])
        result = t.control.run(["/usr/bin/unshare", "-m", "/bin/sh", "-c", script, "sh", *line])
        check.equal(result.code, 125, "exit code")
        check.contains(result.complaint, ("bubblewrap", "bwrap"), "remedy")


@test("doctor tells of every layer, and of its remedy where it does not work")
def doctor(t):
    result = t.jail.other(["doctor", "--json"])
    found = json.loads(result.stdout)
    check.contains(json.dumps(found), "landlock", "seccomp", "bwrap", "cgroup")
    check.contains(t.jail.other(["doctor"]).text, "bwrap", "landlock")


@test("what the plan prints as bubblewrap's arguments has no value of the environment")
def helper_arguments(t):
    token = "k4st3ll4n-s3cr3t"
    for flags in ([], ["--json"]):
        result = t.jail.other(["plan", "-b", t.options.backend, *flags, "-e", f"TOKEN={token}",
                               "/bin/true"])
        check.true(token not in result.text, "the value is in the plan")
