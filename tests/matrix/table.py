# SPDX-License-Identifier: Apache-2.0
"""The table of the matrix: one row a program, with what it needs beyond the default policy.

A limit is stated where one run takes more than a quarter of the default's CPU time or half of its
memory; the run prints what each takes.
"""

import pathlib
import textwrap

from harness import discover

HERE = pathlib.Path(__file__).resolve().parent
LIMITS = ("cpu_ms", "mem_mb", "tasks_max")
GRANTS = ("work", "env", *LIMITS)
_found = []


class Row:
    """grants: {name: (value, reason)}. work is a directory of the row's own, granted for reading
    and writing ("rw") and the place where the program starts; the others are policy fields.
    reserves: it maps far more addresses than it ever uses, which a host without a memory
    controller, where mem_mb can only limit addresses, would not let it."""

    def __init__(self, name, function, needs, grants, npm, reserves, seconds):
        for key, (_, reason) in grants.items():
            if key not in GRANTS or not reason:
                raise SystemExit(f"{name}: {key} is no grant, or has no reason")
        self.name, self.function = name, function
        self.needs, self.grants = needs, grants
        self.packages, self.reserves, self.seconds = npm, reserves, seconds
        self.module = "program"

    def value(self, key):
        return self.grants[key][0] if key in self.grants else None

    def policy(self, memory_held):
        """The policy without the paths, which exist only when the row runs."""
        fields = {key: self.value(key) for key in LIMITS if key in self.grants}
        if self.reserves and not memory_held:
            fields["mem_mb"] = 0
        if "env" in self.grants:
            fields["env"] = [list(pair) for pair in self.value("env").items()]
        return fields

    def described(self):
        lines = [self.name]
        for key, (value, reason) in self.grants.items():
            shown = " ".join(f"{k}={v}" for k, v in value.items()) if key == "env" else value
            lines += textwrap.wrap(f"{key} {shown}: {reason}", 96, initial_indent="    ",
                                   subsequent_indent="        ")
        if self.reserves:
            lines.append("    no mem_mb where the host can limit addresses alone")
        if self.packages:
            lines.append("    fs_read of the installed npm packages: the program itself")
        return "\n".join(lines)


def program(name, needs, npm=False, reserves=False, seconds=60, **grants):
    """Marks a function of one argument, the job, as a row. needs: the commands that it runs."""
    def mark(function):
        _found.append(Row(name, function, needs, grants, npm, reserves, seconds))
        return function
    return mark


def rows(pattern=""):
    return discover.rows(HERE, _found, pattern)
