# SPDX-License-Identifier: Apache-2.0
"""Finds the tests: every function that a test_*.py marks with @test, or hands to add()."""

import importlib
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent.parent
_found = []


class Case:
    """backends: what the test is about, where it is not about all; root: about root's runs alone.
    Elsewhere there is no such test, so that a skip always means that the host lacks something."""

    def __init__(self, function, name, module, seconds, backends=None, root=False):
        self.function, self.name = function, name
        self.module, self.seconds = module, seconds
        self.backends, self.root = backends, root

    def applies(self, backend, root):
        return (self.backends is None or backend in self.backends) and (root or not self.root)


def test(name, seconds=180, backends=None, root=False):
    """Marks a function of one argument, the context, as a test that may take so long."""
    def mark(function):
        _found.append(Case(function, name, function.__module__, seconds, backends, root))
        return function
    return mark


def add(name, function, module, seconds=180, backends=None, root=False):
    """The same for a row of a table: function is called with the context."""
    _found.append(Case(function, name, module, seconds, backends, root))


def cases(pattern="", place=HERE):
    """All tests of all modules there, in the order of the modules' names and of their lines."""
    _found.clear()
    for path in sorted(place.glob("test_*.py")):
        importlib.import_module(path.stem)
    wanted = re.compile(pattern)
    names = set()
    for case in _found:
        if (case.module, case.name) in names:
            raise SystemExit(f"two tests of {case.module} are called {case.name!r}")
        names.add((case.module, case.name))
    return [case for case in _found if wanted.search(f"{case.module}: {case.name}")]


def rows(place, found, pattern=""):
    """The rows that all modules programs_*.py there put into found, in the order of the modules'
    names and of their lines."""
    found.clear()
    for path in sorted(place.glob("programs_*.py")):
        importlib.import_module(path.stem)
    names = [row.name for row in found]
    for name in names:
        if names.count(name) > 1:
            raise SystemExit(f"two rows are called {name!r}")
    return [row for row in found if re.search(pattern, row.name)]
