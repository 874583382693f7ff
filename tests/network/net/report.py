# SPDX-License-Identifier: Apache-2.0
"""Runs programs and tests one after the other and prints TAP, and how many programs ran."""

import shutil
import signal
import sys
import time

from harness import discover, runner
from harness.host import Host
from net import table
from net.judge import judge


class Report(runner.Report):
    """Counts what ran; a row that was skipped did not."""

    def __init__(self, ci):
        super().__init__(ci)
        self.ran = 0

    def add(self, case, problem, results, skip=None):
        failed_before = len(self.failed)
        super().add(case, problem, results, skip)
        if case.module == "program" and skip is None and len(self.failed) == failed_before:
            self.ran += 1


def case_of(row):
    return discover.Case(lambda context: judge(row, context), row.name, "program", 60)


def run(options, pattern):
    began = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    host, report = Host(options), Report(options.ci)
    rows = table.rows(pattern)
    accepted = host.degraded()
    if accepted:
        print(f"# this host does not hold, so accepted by name: {', '.join(accepted)}")
    try:
        for case in [*map(case_of, rows), *discover.cases(pattern, table.HERE)]:
            runner.one(case, options, host, None, report)
    finally:
        if not options.keep:
            shutil.rmtree(options.base, ignore_errors=True)
    status = report.end()
    print(f"# {time.monotonic() - began:.0f} s")
    print(f"# {report.ran} of {len(rows)} network programs run", flush=True)
    return status
