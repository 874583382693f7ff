# SPDX-License-Identifier: Apache-2.0
"""How one command ended, seen from outside: exit code, streams, and the status object if any."""

import json
import signal

WORDS = ("allowed", "denied")


def shorten(data, limit=1500):
    text = data.decode(errors="backslashreplace")
    return text if len(text) <= limit else f"{text[:limit // 2]} […] {text[-limit // 2:]}"


class Result:
    def __init__(self, argv, code, stdout, stderr, status, seconds):
        self.argv, self.code, self.stdout, self.stderr = argv, code, stdout, stderr
        self.status, self.seconds = status, seconds

    @property
    def text(self):
        return self.stdout.decode(errors="surrogateescape")

    @property
    def complaint(self):
        return self.stderr.decode(errors="surrogateescape")

    @property
    def outcome(self):
        return (self.status or {}).get("outcome") or {}

    @property
    def type(self):
        """The outcome's type, or None without a status."""
        return self.outcome.get("type")

    @property
    def usage(self):
        return (self.status or {}).get("usage") or {}

    @property
    def error(self):
        return (self.status or {}).get("error") or {}

    @property
    def rows(self):
        """The receipt by field."""
        return {row["field"]: row for row in (self.status or {}).get("receipt") or []}

    @property
    def json(self):
        """What the program printed, as JSON."""
        return json.loads(self.stdout)

    @property
    def lines(self):
        return self.text.splitlines()

    @property
    def verdict(self):
        """The probe's last word; "killed: CALL" where the jail ended it for a system call; else
        what else became of it."""
        if self.type == "denied":
            return f"killed: {self.outcome.get('call')}"
        said = [line for line in self.lines if line.startswith(WORDS)]
        if said:
            return said[-1]
        if self.type:
            return f"silent, outcome {self.type}, code {self.code}"
        if self.code < 0:
            return f"signal {signal.Signals(-self.code).name}"
        return f"silent, code {self.code}"

    def report(self):
        """For the diagnostics of a failed test."""
        yield f"command: {' '.join(map(repr, self.argv))}"
        yield f"code {self.code} after {self.seconds:.2f} s, verdict: {self.verdict}"
        for name, data in (("stdout", self.stdout), ("stderr", self.stderr)):
            if data:
                yield f"{name}: {shorten(data)}"
        if self.status is not None:
            seen = {key: value for key, value in self.status.items() if key != "receipt"}
            yield f"status: {json.dumps(seen)}"
