# SPDX-License-Identifier: Apache-2.0
"""The end-to-end suite in a guest, in the ways that the guest's row names: its lines of TAP, renumbered
behind those of the payload."""

import json
import os
import pathlib
import re
import subprocess
import sys

SETTINGS = pathlib.Path("/etc/ktest/e2e.json")
RUN = "/opt/k/e2e/run"
PACE = "12"  # of an emulated processor that others use as well
LINE = re.compile(r"(not )?ok \d+ - (.*)")


def run(suite):
    for row in json.loads(SETTINGS.read_text()):
        if suite.user in row["users"]:
            one(suite, row)


def listed(*words):
    done = subprocess.run([RUN, "--list", *words], stdout=subprocess.PIPE, text=True, check=False)
    return len(done.stdout.splitlines())


def one(suite, row):
    way = f"e2e, {row['backend']}"
    chosen = ["-k", row["pattern"]] if row["pattern"] else []
    if chosen:
        print(f"# {way}: a selection, {listed(*chosen)} of {listed()} tests: {row['pattern']}",
              flush=True)
    command = [RUN, "--kastellan", "/usr/local/bin/kastellan", "--probes", "/opt/k/probes", "--pace",
               PACE, "--backend", row["backend"], *chosen]
    planned, ran, failed = None, 0, 0
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          errors="replace", env={**os.environ, "CI": "true"}) as process:
        for line in process.stdout:
            match = LINE.match(line)
            if match:
                ran += 1
                suite.count += 1
                failed += bool(match[1])
                print(f"{match[1] or ''}ok {suite.count} - {way}: {match[2]}", flush=True)
            elif line.startswith("1.."):
                planned = int(line[3:])
            elif line.strip():
                print(f"# {line.strip(chr(10))}", flush=True)
    suite.failed += failed
    # A suite that says little must not look like one that is content.
    suite.count += 1
    whole = planned == ran and ran > 0 and (process.returncode == 0) == (failed == 0)
    suite.failed += not whole
    print(f"{'' if whole else 'not '}ok {suite.count} - {way}: came to its end "
          f"({ran} of {planned} tests, exit status {process.returncode})", flush=True)
    sys.stdout.flush()
