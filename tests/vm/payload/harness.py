# SPDX-License-Identifier: Apache-2.0
"""Tests as functions of a suite, named by their first line of documentation; TAP out."""

import subprocess
import sys
import time
import traceback


class Skip(Exception):
    """The test has nothing to try on this guest; the reason is its text."""


def only(guests=None, users=None, but=()):
    """Marks a test for some guests or users; elsewhere it does not exist."""

    def mark(function):
        function.guests, function.users, function.but = guests, users, but
        return function

    return mark


class Suite:
    def __init__(self, guest, user):
        self.guest, self.user = guest, user
        self.count, self.failed = 0, 0

    def run(self, module):
        """Every function test_* of the module that is for this guest and user, as written."""
        for name, function in list(vars(module).items()):
            if name.startswith("test_") and callable(function) and self._wants(function):
                self._one(function)

    def _wants(self, function):
        guests, users = getattr(function, "guests", None), getattr(function, "users", None)
        return (
            (guests is None or self.guest in guests)
            and (users is None or self.user in users)
            and self.guest not in getattr(function, "but", ())
            and getattr(function, "where", lambda *_: True)(self.guest, self.user)
        )

    def _one(self, function):
        self.count += 1
        name = function.__doc__.splitlines()[0].rstrip(".")
        began = time.monotonic()
        try:
            function(self)
            print(f"ok {self.count} - {name}")
        except Skip as reason:
            print(f"ok {self.count} - {name} # SKIP {reason}")
        except Exception as error:  # the suite goes on after any failure
            self.failed += 1
            print(f"not ok {self.count} - {name}")
            text = str(error) if isinstance(error, AssertionError) else traceback.format_exc()
            for line in text.splitlines():
                print(f"#   {line}")
        seconds = time.monotonic() - began
        if seconds > 2:
            print(f"# {seconds:.1f} s")
        sys.stdout.flush()

    def end(self):
        print(f"1..{self.count}")
        return 1 if self.failed else 0


def check(condition, *facts):
    """An assertion that tells what it saw."""
    if not condition:
        raise AssertionError("\n".join(str(fact) for fact in facts) or "does not hold")


def equal(got, wanted, *facts):
    check(got == wanted, f"got {got!r}, wanted {wanted!r}", *facts)


def command(*argv, timeout=600, **options):
    """Runs a program to its end; status, output and errors as text."""
    return subprocess.run(
        argv, timeout=timeout, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, check=False, **options,
    )
