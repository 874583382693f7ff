# SPDX-License-Identifier: Apache-2.0
"""The suite for a Mac (tests/macos), where nothing is confined: each denial has to fail."""
import json
import os
import subprocess

import stage
from stage import equal, true

# What even the doubles refuse.
REFUSED = {"denied: a sandbox in a sandbox"}
CONFINED = {"container: not writing it", "container: a read-only root"}


def test_every_denial_fails_where_nothing_is_denied():
    os.makedirs(stage.MACHINES, exist_ok=True)
    result = "/Users/result.json"
    done = subprocess.run([stage.SUITE, stage.KASTELLAN, stage.WARDEN, stage.PROBE, result],
                          capture_output=True, text=True, check=False, timeout=300)
    with open(result) as file:
        found = json.load(file)
    tests = {test["name"]: test["passed"] for test in found["tests"]}
    denials = {name for name in tests if name.startswith("denied: ")} | CONFINED
    passed = {name for name, good in tests.items() if good}
    equal(sorted(passed & denials), sorted(REFUSED), "denials that are found where there are none")
    gaps = {test["name"] for test in found["tests"] if test["known_gap"] and not test["passed"]}
    missed = {name: test["seen"] for test in found["tests"]
              if (name := test["name"]) not in passed | denials | gaps}
    equal(missed, {}, "what does not work")
    # Now and then the watchdog looks in time.
    equal({test["name"] for test in found["tests"] if test["known_gap"]}, {"nor who has cut himself off"},
          "known gaps")
    todo = [line for line in done.stdout.splitlines() if " # TODO " in line]
    equal([line.startswith("not ok ") for line in todo], [bool(gaps)], todo)
    true(len(denials) > 35 and done.returncode == 1, f"{len(denials)} denials, {done.stderr}")
    equal((found["passed"], found["failed"], found["known_gaps"]),
          (len(passed), len(tests) - len(passed) - len(gaps), len(gaps)), "the counts")
    true(f"{len(passed)} of {len(tests)} passed" + ", 1 known gap" * len(gaps) in found["status"],
         found["status"])
    if os.path.exists("/x"):
        os.unlink("/x")
