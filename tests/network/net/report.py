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


def case_of(row):
    return discover.Case(lambda context: judge(row, context), row.name, "program", 60)


def run(options, pattern):
    began = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    host, report = Host(options), runner.Report(options.ci)
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
    ran = sum(case.module == "program" for case in report.passed)
    print(f"# {ran} of {len(rows)} network programs run", flush=True)
    return status
