# SPDX-License-Identifier: Apache-2.0
"""TAP in, TAP out: a payload's lines, renumbered and prefixed with guest and user."""

import re
import sys
import threading

LINE = re.compile(r"(not )?ok\b\s*(?:\d+)?\s*(?:-\s*)?(.*)")
PLAN = re.compile(r"1\.\.(\d+)\s*(?:#\s*(.*))?$")
SIGNS_OF_TIMEOUT = (124, 137)


class Report:
    """Numbers the tests of all guests; prints the lines of one guest together."""

    def __init__(self, stream=sys.stdout):
        self.stream, self.count, self.failed = stream, 0, 0
        self.lock = threading.Lock()

    def say(self, text):
        with self.lock:
            print(f"# {text}", file=self.stream, flush=True)

    def add(self, entries):
        """entries: (ok, name, diagnostics)."""
        with self.lock:
            for ok, name, diagnostics in entries:
                self.count += 1
                directive = re.search(r"#\s*(skip|todo)\b", name, re.I)
                if not ok and not directive:
                    self.failed += 1
                print(f"{'' if ok else 'not '}ok {self.count} - {name}", file=self.stream)
                for line in diagnostics:
                    print(f"# {line}", file=self.stream)
            self.stream.flush()

    def end(self):
        print(f"1..{self.count}", file=self.stream, flush=True)
        return 1 if self.failed else 0


def entries(prefix, output, status, errors):
    """The tests of one user in one guest, with one more that fails if the payload did not run to
    its own end: a payload that says little must not look like one that is content."""
    found, planned = [], None
    for line in output.splitlines():
        plan, test = PLAN.match(line), LINE.match(line)
        if plan:
            planned = int(plan.group(1))
        elif test:
            found.append((not test.group(1), f"{prefix}: {test.group(2)}", []))
        elif found and line.strip():
            found[-1][2].append(line.lstrip("# "))
    trouble = None
    if status is None:
        trouble = "did not run"
    elif status in SIGNS_OF_TIMEOUT:
        trouble = "did not end in time"
    elif planned is None:
        trouble = f"exit status {status} and no plan"
    elif planned != len(found):
        trouble = f"planned {planned} tests and ran {len(found)}"
    elif planned == 0:
        trouble = "has no test"
    elif status != 0 and all(ok for ok, _, _ in found):
        trouble = f"exit status {status} although all tests passed"
    if trouble:
        found.append((False, f"{prefix}: the payload {trouble}", errors.splitlines()[-20:]))
    return found
