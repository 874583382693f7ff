# SPDX-License-Identifier: Apache-2.0
"""Runs the tests one after the other, each with a jail and a proxy of its own."""

import os
import time

from harness import check
from harness.runner import Report, attempt
from stage.context import Context
from stage.names import NameServer
from stage.world import World


def one(case, options, world, names, report):
    context = Context(options, world, names)
    skip = problem = None
    try:
        problem = attempt(case, context)
    except check.Skip as skipped:
        skip = skipped
    for left in context.close():
        problem = f"{problem}\n{left}" if problem else left
    report.add(case, problem, [], None if problem else skip)


def run(options, cases):
    began = time.monotonic()
    world = World()
    names = NameServer(world.internet)
    report = Report(os.environ.get("CI") == "true")
    for case in cases:
        names.names.clear()
        names.asked.clear()
        one(case, options, world, names, report)
    print(f"# {time.monotonic() - began:.0f} s", flush=True)
    return report.end()
