#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Holds docs/threat-model.md and SECURITY.md to the tests: every promise names tests, all of which
exist. Prints TAP. The check is itself tried on pages with a fault.

usage: check_promises.py KASTELLAN
"""
import fnmatch
import functools
import glob
import os
import re
import subprocess
import sys

SOURCE = os.environ.get("KASTELLAN_SOURCE",
                        os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
ROW = re.compile(r"^\|(.+)\|(.+)\|(.+)\|$")
# Suites that are one test, and where they are.
WHOLE = {"kill": "tests/kill/run", "soak": "tests/soak/run", "torture": "tests/torture/run",
         "seatbelt": "tests/seatbelt/check", "microvm": "tests/microvm/run"}


def read(*path):
    with open(os.path.join(SOURCE, *path), encoding="utf-8") as file:
        return file.read()


@functools.cache
def listed(suite):
    """What a runner names: "module: name"."""
    done = subprocess.run([os.path.join(SOURCE, "tests", suite, "run"), "--list"], text=True,
                          capture_output=True, check=True)
    return {line.removeprefix("test_") for line in done.stdout.splitlines()}


@functools.cache
def in_guests():
    found = set()
    for path in glob.glob(os.path.join(SOURCE, "tests/vm/payload/test_*.py")):
        with open(path, encoding="utf-8") as file:
            found.update(re.findall(r'^def test_\w+\(.*\):\n    """(.*?)(?:"""|$)', file.read(), re.M))
    return found


def of_a_mac():
    """The tests over test doubles, as tests/doubles/mac/check names them."""
    found = set()
    for path in glob.glob(os.path.join(SOURCE, "tests/doubles/mac/test_*.py")):
        module = os.path.basename(path)[len("test_"):-len(".py")]
        found.update(f"{module}: {name.replace('_', ' ')}"
                     for name in re.findall(r"^def test_(\w+)\(", read(path), re.M))
    return found


def unit_tests():
    return {os.path.splitext(os.path.basename(path))[0].removeprefix("test_")
            for path in glob.glob(os.path.join(SOURCE, "tests/unit/test_*"))}


def fuzz_targets():
    return {os.path.basename(path)[len("fuzz_"):-len(".c")]
            for path in glob.glob(os.path.join(SOURCE, "tests/fuzz/fuzz_*.c"))}


def acts():
    return {name for path in glob.glob(os.path.join(SOURCE, "cli/selftest/acts_*.c"))
            for name in re.findall(r'\{"([a-z-]+)",', read(path))}


SUITES = {"e2e": lambda: listed("e2e"), "egress": lambda: listed("egress"),
          "files": lambda: listed("files"),
          "network": lambda: listed("network"), "vm": in_guests, "mac": of_a_mac, "unit": unit_tests,
          "fuzz": fuzz_targets, "selftest": acts}


def exists(reference):
    suite, _, name = reference.partition(": ")
    if suite in WHOLE:
        return not name and os.access(os.path.join(SOURCE, WHOLE[suite]), os.X_OK)
    if suite not in SUITES:
        return False
    # Names hold brackets and question marks of their own; only the star is a pattern.
    pattern = name.replace("[", "[[]").replace("?", "[?]")
    return any(fnmatch.fnmatchcase(found, pattern) for found in SUITES[suite]())


def promises(page):
    """(promise, where, references) of each row."""
    for line in page.splitlines():
        match = ROW.match(line)
        if match and not set(match[1]) <= set("- ") and match[1].strip() != "promise":
            promise, where, shown = (cell.strip() for cell in match.groups())
            yield promise, where, re.findall(r"`([^`]+)`", shown)


def problems_of(page):
    found, seen = [], set()
    for promise, where, references in promises(page):
        if not references:
            found.append(f"no test shows: {promise}")
        if not where:
            found.append(f"it is not said where this holds: {promise}")
        if promise in seen:
            found.append(f"promised twice: {promise}")
        seen.add(promise)
        found += [f"there is no test {reference!r}, which shows: {promise}"
                  for reference in references if not exists(reference)]
    return found


def sections(page):
    """Anchors of the headings, as web pages make them."""
    return {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")
            for title in re.findall(r"^#+ (.+)$", page, re.M)}


def unlinked(page, anchors):
    """Promises of SECURITY.md lead to a section of the model that exists."""
    part = page.partition("## What is promised")[2].partition("\n## ")[0]
    found = []
    for item in re.findall(r"^- (.+(?:\n  .+)*)", part, re.M):
        links = re.findall(r"\(docs/threat-model\.md#([a-z0-9-]+)\)", item)
        if not links:
            found.append(f"leads to no section of the model: {item}")
        found += [f"there is no section {link}" for link in links if link not in anchors]
    return found if part and "\n- " in part else ["SECURITY.md promises nothing"]


def main():
    number, failed = 0, False

    def check(name, problems):
        nonlocal number, failed
        number += 1
        failed = failed or bool(problems)
        print(f"{'not ok' if problems else 'ok'} {number} - {name}")
        for problem in problems:
            print(f"# {problem}")

    model, security = read("docs", "threat-model.md"), read("SECURITY.md")
    check("the model promises something", [] if len(list(promises(model))) > 30 else ["too little"])
    check("every promise of the model names tests, and all of them exist", problems_of(model))
    check("every promise of SECURITY.md leads to its section of the model",
          unlinked(security, sections(model)))
    named = {reference for _, _, references in promises(model) for reference in references}
    check("every suite of its own is named", [suite for suite in WHOLE if suite not in named and
                                              suite != "microvm"])
    for name, page in (("without a test", "| a | all | none |"),
                       ("with an unknown test", "| a | all | `e2e: files: no such test` |"),
                       ("with an unknown suite", "| a | all | `elsewhere: x` |"),
                       ("that says no place", "| a | | `kill` |")):
        check(f"control: a promise {name} is found", [] if problems_of(page) else ["it is not"])
    check("control: a promise that leads nowhere is found",
          [] if unlinked("## What is promised\n\n- a\n- b (docs/threat-model.md#c)\n", set()) else
          ["it is not"])
    print(f"1..{number}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
