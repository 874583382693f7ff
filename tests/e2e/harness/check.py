# SPDX-License-Identifier: Apache-2.0
"""What a test says about what it saw. A failure carries what was expected and what was found."""


class Failure(Exception):
    pass


class Skip(Exception):
    """not run; cannot: the host truly lacks what the test is about."""

    def __init__(self, reason, cannot=False):
        super().__init__(reason)
        self.cannot = cannot


def fail(text):
    raise Failure(text)


def true(value, what):
    if not value:
        fail(what)


def equal(found, expected, what):
    if found != expected:
        fail(f"{what}: expected {expected!r}, found {found!r}")


def within(found, low, high, what):
    if found is None or not low <= found <= high:
        fail(f"{what}: expected {low} to {high}, found {found!r}")


def one_of(found, expected, what):
    if found not in expected:
        fail(f"{what}: expected one of {sorted(expected)!r}, found {found!r}")


def contains(text, *parts):
    """Parts may be alternatives in a tuple; letter case does not matter."""
    for part in parts:
        choices = part if isinstance(part, tuple) else (part,)
        if not any(choice.lower() in text.lower() for choice in choices):
            fail(f"{' or '.join(map(repr, choices))} is not in {text!r}")
