# SPDX-License-Identifier: Apache-2.0
"""What has been tried, on disk, so that a sweep of hours can be ended and gone on with, and how
several processes share what there is to do."""

import hashlib
import json
import os
import pathlib

from survey import key, parse

HERE = pathlib.Path(__file__).resolve().parent
RECORD = 32  # bytes of one thing to do


def fingerprint(options):
    """Of everything that a result depends on; another one begins anew."""
    digest = hashlib.sha256()
    for path in (options.kastellan, options.init, options.egress, HERE / "inject.c",
                 HERE / "report.c", HERE / "fail_alloc.c", HERE / "survey.py"):
        digest.update(pathlib.Path(path).read_bytes() if path else b"")
    digest.update(f"{options.backend} {options.net} {os.geteuid()} {os.uname().release}".encode())
    return digest.hexdigest()


class Journal:
    """One line for each call: its key, what was wrong (null: nothing), and whether it was made to
    fail."""

    def __init__(self, path, mark):
        self.path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        if not lines or lines[0] != mark:
            path.write_text(mark + "\n", encoding="utf-8")
        self.fd = os.open(path, os.O_WRONLY | os.O_APPEND)

    def add(self, item, problem, made):
        os.write(self.fd, (json.dumps([key(item), problem, made]) + "\n").encode())

    def results(self):
        """key → (problem or None, made), the last word on each. A line that was cut short is none."""
        found = {}
        for line in self.path.read_text(encoding="utf-8").splitlines()[1:]:
            try:
                name, problem, made = json.loads(line)
            except ValueError:
                continue
            found[name] = problem, made
        return found


class Todo:
    """Who is free takes the next: one offset in one file, which all processes share that come of the
    one which opened it."""

    def __init__(self, path, items=None):
        if items is not None:
            path.write_bytes(b"".join(key(item).encode().ljust(RECORD) for item in items))
        self.fd = os.open(path, os.O_RDONLY)

    def take(self):
        """None at the end."""
        text = os.read(self.fd, RECORD).decode()
        return parse(text) if text else None
