# SPDX-License-Identifier: Apache-2.0
"""kastellan selftest: what it says of this host, and that it says so where something does not hold."""

import collections
import os

from harness import check
from harness.discover import test
from harness.jail import wait_for

WORDS = {"held", "not held", "degraded", "not shown", "granted"}


def selftest(t, *arguments, code=0, before=()):
    fields = t.host.degraded()
    accepted = ["--allow-degraded", ",".join(fields)] if fields else []
    line = ["selftest", "--json", "-b", t.options.backend, *accepted, *arguments]
    if before:
        result = t.control.run([*before, t.options.kastellan, *line], timeout=100)
    else:
        result = t.jail.other(line, timeout=100)
    check.equal(result.code, code, f"exit code, {result.complaint}")
    found = result.json
    count = collections.Counter(row["result"] for row in found["acts"])
    for word in WORDS:
        check.equal(found[word.replace(" ", "_")], count[word], f"number of {word}")
    check.equal(set(count) - WORDS, set(), "other results")
    return {row["act"]: row for row in found["acts"]}


@test("everything holds that the receipt says is held, each act with a control, and nothing is left", 120)
def all_acts(t):
    before = set(os.listdir("/var/tmp"))
    rows = selftest(t, "-r", t.directory("granted", 0o777), "--cpu", "300ms")
    count = collections.Counter(row["result"] for row in rows.values())
    check.true(count["held"] >= 38 and count["not held"] == 0, f"only {count}")
    for name, row in rows.items():
        if row["result"] == "held":
            check.equal(row["control"], "allowed", f"control of {name}")
            check.true(row["jail"] != "allowed", f"{name} in the jail")
        if row["result"] == "degraded":
            check.true(row["field"] in t.host.degraded(), f"{name} is no matter of a degraded field")
    if t.options.backend == "landlock":
        check.equal(rows["look-at-file"]["result"], "degraded", "what Landlock does not cover")
    for name in ("stay-behind", "write-read-grant", "connect-unix"):
        check.equal(rows[name]["result"], "held", name)
    left = {name for name in os.listdir("/var/tmp") if name.startswith("kastellan-test-")} - before
    # Those of somebody else's selftest go by themselves.
    wait_for(lambda: not any(os.path.lexists(os.path.join("/var/tmp", name)) for name in left),
             f"the end of {left}", 30)


@test("what does not hold is said, with status 1", 120, backends=("bwrap", "native"), root=True)
def not_held(t):
    """On a host that is called as the jail calls itself, a worker learns the host's name."""
    rows = selftest(t, "--cpu", "300ms", code=1, before=["/usr/bin/unshare", "-u", "/bin/sh", "-c",
                                       'echo kastellan >/proc/sys/kernel/hostname && exec "$@"', "sh"])
    check.equal(rows["host-name"]["result"], "not held", "the host's name")
    check.equal([name for name, row in rows.items() if row["result"] == "not held"], ["host-name"],
                "what does not hold")


@test("a policy under which no program runs, and one that is refused, are said as such")
def impossible(t):
    fields = t.host.degraded()
    accepted = ["--allow-degraded", ",".join(fields)] if fields else []
    result = t.jail.other(["selftest", "-b", t.options.backend, *accepted, "-r", "/not/there"])
    check.equal(result.code, 125, "exit code where a grant is not there")
    check.contains(result.complaint, "/not/there")
    result = t.jail.other(["selftest", "--", "read-file"])
    check.equal(result.code, 125, "exit code of an act without a stage")
    check.contains(result.complaint, "remedy")
