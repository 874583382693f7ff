# SPDX-License-Identifier: Apache-2.0
"""Runs the tests one after the other and prints TAP."""

import shutil
import signal
import sys
import time
import traceback

from harness import check, exceptions, jail, residue
from harness.context import Context
from harness.discover import Case
from harness.host import Host
from harness.programs import Probes


class TooLong(Exception):
    pass


def alarm(*_):
    raise TooLong()


def attempt(case, context):
    """None, or what went wrong."""
    signal.signal(signal.SIGALRM, alarm)
    seconds = case.seconds * getattr(context.options, "pace", 1)
    signal.alarm(seconds)
    try:
        case.function(context)
    except check.Failure as failure:
        return str(failure)
    except TooLong:
        return f"not finished after {seconds} s\n{traceback.format_exc()}"
    except check.Skip:
        raise
    except Exception:  # pylint: disable=broad-except
        return traceback.format_exc()
    finally:
        signal.alarm(0)
    return None


class Report:
    def __init__(self, ci):
        self.ci, self.count, self.failed, self.passed = ci, 0, [], []

    def add(self, case, problem, results, skip=None):
        self.count += 1
        name = f"{case.module.removeprefix('test_')}: {case.name}".replace("#", "\\#")
        if skip is not None and not (self.ci and not skip.cannot):
            print(f"ok {self.count} - {name} # SKIP {'host: ' if skip.cannot else ''}{skip}", flush=True)
            return
        if skip is not None:
            problem = f"skipped, which CI does not take: {skip}"
        print(f"{'not ok' if problem else 'ok'} {self.count} - {name}", flush=True)
        if not problem:
            self.passed.append(case)
            return
        self.failed.append(name)
        lines = problem.splitlines()
        for result in results[-2:]:
            lines += [line for part in result.report() for line in part.splitlines()]
        print("".join(f"    {line}\n" for line in lines), end="", flush=True)

    def end(self):
        print(f"1..{self.count}", flush=True)
        if self.failed:
            print(f"# failed {len(self.failed)} of {self.count}:")
            for name in self.failed:
                print(f"#   {name}")
        return 1 if self.failed or not self.count else 0


def one(case, options, host, probes, report):
    before = residue.Snapshot(options)
    context = Context(options, host, probes, before.started)
    skip = problem = None
    try:
        problem = attempt(case, context)
    except check.Skip as skipped:
        skip = skipped
    results = context.results
    try:
        context.close()
    except OSError as error:
        problem = problem or f"its work directory stays: {error}"
    left = before.leftovers()
    if left:
        residue.remove(left)
        problem = "\n".join([*([problem] if problem else []), "left behind:", *left])
        skip = None
    report.add(case, problem, results, skip)


def with_exceptions(options, host, cases):
    """The cases, and in the place of what the backend cannot hold a question to its receipt."""
    for case in cases:
        if not case.applies(options.backend, host.root):
            continue
        said = None if options.controls_only else exceptions.of(case, options.backend, host)
        if said is None:
            yield case
        else:
            yield Case(lambda t, said=said: exceptions.ask_receipt(t, said),
                       f"{case.name} (not held, and the receipt says so)", case.module, case.seconds)
    stale = exceptions.stale(cases, options.backend) if options.whole else []
    yield from (Case(lambda t, row=row: check.fail("it names no test"), f"exception {row!r}", "exceptions", 1)
                for row in stale)


def run(options, cases):
    began = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    jail.slowness = options.pace
    host, probes, report = Host(options), Probes(options), Report(options.ci)
    try:
        probes.path("")
        for case in with_exceptions(options, host, cases):
            one(case, options, host, probes, report)
    finally:
        if not options.keep:
            shutil.rmtree(options.base, ignore_errors=True)
    print(f"# {time.monotonic() - began:.0f} s", flush=True)
    return report.end()
