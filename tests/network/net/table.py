# SPDX-License-Identifier: Apache-2.0
"""The table of the network programs: one row a program and way of using it."""

import pathlib
import shlex

from harness import discover

HERE = pathlib.Path(__file__).resolve().parent.parent
FIELDS = ("cpu_ms", "mem_mb", "tasks_max", "profile")
_found = []


class Row:
    """command: a line without shell syntax, or a list; {given} in it is the directory of what all
    programs are given, {repository} the path of the one to clone, at its server.
    says: its output, or a pattern of it; outside: what it says without a jail, where that differs.
    entries: what is listed. reaches: (host, port) of what has to be refused where it is not, by
    default the first entry; port 0 where nothing but the name is asked for.
    env: variables inside and outside; told: variables inside alone.
    reads: what it is granted besides.
    reserves: it maps far more addresses than it ever uses."""

    def __init__(self, name, command, says, entries, reaches=None, needs=(), stdin=b"", env=None,
                 told=None, outside=None, reads=(), reserves=False, **fields):
        if set(fields) - set(FIELDS):
            raise SystemExit(f"{name}: {fields} are no fields of a policy")
        self.name, self.says, self.entries = name, says, entries
        self.command = shlex.split(command) if isinstance(command, str) else command
        self.needs = needs or ([] if "{" in self.command[0] else self.command[:1])
        self.stdin = stdin
        self.env, self.told = env or {}, told or {}
        self.outside = says if outside is None else outside
        self.reads, self.reserves, self.fields = reads, reserves, fields
        host, port = entries[0].rsplit(":", 1)
        self.host, self.port = reaches or (host.strip("[]"), int(port))

    @property
    def entry(self):
        """What would allow it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def by_address(self):
        return ":" in self.host or self.host.replace(".", "").isdigit()

    def other_ports(self):
        """The same hosts, and no port that is used."""
        return [f"{entry.rsplit(':', 1)[0]}:4242" for entry in self.entries]

    def policy(self, memory_held, pace):
        """Without a controller mem_mb can limit addresses alone. Where everything takes longer, so
        much time is room enough for all that a program does (Jail.at_pace)."""
        fields = dict(self.fields)
        if pace > 1:
            fields["cpu_ms"] = max(fields.get("cpu_ms", 0), 5000)
        if self.reserves and not memory_held:
            fields["mem_mb"] = 0
        return fields

    def described(self):
        fields = "".join(f", {name} {value}" for name, value in self.fields.items())
        return f"{self.name}: --net {' --net '.join(self.entries)}{fields}"


def program(*words, **options):
    _found.append(Row(*words, **options))


def rows(pattern=""):
    return discover.rows(HERE, _found, pattern)
