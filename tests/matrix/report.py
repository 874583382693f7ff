# SPDX-License-Identifier: Apache-2.0
"""Runs the rows one after the other and prints TAP, and how many of them ran."""

import shutil
import time

from harness import runner
from harness.discover import Case
from harness.host import Host

from job import Job


def most(results, key):
    return max((result.usage.get(key) or 0 for result in results), default=0)


def used(results):
    """The most that one run took: what a stated limit has to be compared with."""
    return (f"cpu {most(results, 'cpu_ms')} ms, "
            f"memory {most(results, 'memory_peak_bytes') / 2**20:.0f} MiB, "
            f"tasks {most(results, 'tasks_peak')}")


class Report(runner.Report):
    def add(self, case, problem, results, skip=None):
        passed_before = len(self.passed)
        super().add(case, problem, results, skip)
        if len(self.passed) > passed_before:
            print(f"# {used(results)}", flush=True)


def case_of(row):
    return Case(lambda context: row.function(Job(row, context)), row.name, row.module,
                row.seconds)


def run(options, rows):
    began = time.monotonic()
    host, report = Host(options), Report(options.ci)
    accepted = host.degraded()
    if accepted:
        print(f"# this host does not hold, so accepted by name: {', '.join(accepted)}")
    try:
        for row in rows:
            runner.one(case_of(row), options, host, None, report)
    finally:
        if not options.keep:
            shutil.rmtree(options.base, ignore_errors=True)
    status = report.end()
    print(f"# {time.monotonic() - began:.0f} s")
    print(f"# {len(report.passed)} of {len(rows)} real programs run", flush=True)
    return status
