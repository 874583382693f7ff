# SPDX-License-Identifier: Apache-2.0
"""What a row has to show: it works where it is listed, it is refused where something else is, and
it works without a jail, so that the refusal is worth something."""

import re
import shutil

from harness import check
from harness.host import GOOD
from net import internet

# Where kastellan looks for programs, whatever the caller's PATH is.
SEARCH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
# Seconds in which a refused program has to be at its end; or those in which it works, where the
# program itself takes its time.
AT_ONCE = 3.0
ELSEWHERE = "elsewhere.example.org:443"


def matches(text, wanted):
    return bool(wanted.fullmatch(text)) if isinstance(wanted, re.Pattern) else text == wanted


def wanted_text(wanted):
    return wanted.pattern if isinstance(wanted, re.Pattern) else wanted


class Attempt:
    def __init__(self, row, context):
        self.row, self.context = row, context
        self.given = internet.place()
        self.places = {"given": self.given, "repository": self.given.parent / "git/tool.git"}
        self.patience = AT_ONCE * context.options.pace
        self.argv = [self.filled(word) for word in row.command]

    def filled(self, word):
        for name, path in self.places.items():
            word = word.replace("{%s}" % name, str(path))
        return word

    def variables(self, values):
        return {name: self.filled(value) for name, value in values.items()}

    # Running.

    def confined(self, entries):
        flags = [part for entry in entries for part in ("--net", entry)]
        return self.context.jail.run(
            self.argv, read=[self.given, *self.row.reads], stdin=self.row.stdin, flags=flags,
            policy=self.row.policy(self.context.host.holds("mem_mb"), self.context.options.pace),
            env=self.variables({**self.row.env, **self.row.told}),
            preexec_fn=self.context.options.first)

    def outside(self):
        env = {"PATH": SEARCH, **self.variables(self.row.env)}
        result = self.context.control.run(self.argv, stdin=self.row.stdin, env=env)
        check.equal(result.code, 0, "exit code without a jail")
        self.says(result, self.row.outside, "without a jail")

    # Judging.

    def says(self, result, wanted, where):
        if not matches(result.text, wanted):
            check.equal(result.text, wanted_text(wanted), f"output {where}")

    def ended(self, result):
        """By itself, and not by a limit that hides what the network does."""
        check.true(result.status is not None, "there is no status")
        check.equal(result.type, "exit", "how it ended")
        for count in ("oom_kills", "tasks_refused", "calls_denied"):
            check.one_of(result.usage.get(count), (0, None), count)

    def works(self):
        result = self.confined(self.row.entries)
        self.ended(result)
        check.equal(result.code, 0, "exit code")
        self.says(result, self.row.says, "where it is listed")
        for field, row in result.rows.items():
            if row["verdict"] not in GOOD and field not in self.context.host.degraded():
                check.fail(f"{field} is {row['verdict']}: {row.get('detail')}")
        network = result.status["network"]
        check.equal(network["denied"], [], "what was refused on the way")
        if self.row.port:
            check.true(network["connections"] > 0, "the proxy has seen no connection")
        self.patience = max(self.patience, result.seconds * 1.5)

    def is_refused(self, entries, ports):
        """The status has it with one of these ports, and with the entry if one would do."""
        result = self.confined(entries)
        self.ended(result)
        check.true(result.code != 0 or not matches(result.text, self.row.says),
                   f"it works with {entries}")
        check.within(result.seconds, 0, self.patience, f"seconds with {entries}")
        network = result.status["network"]
        check.equal(network["connections"], 0, f"connections with {entries}")
        if self.is_unseen(entries):
            check.equal(network["denied"], [], "what the proxy has seen")
            return
        found = [(row["host"], row["port"], row["entry"]) for row in network["denied"]]
        wanted = {(self.row.host, port, self.row.entry if port else None) for port in ports}
        check.true(wanted & set(found), f"with {entries}: none of {wanted} is in {found}")

    def is_unseen(self, entries):
        """Without nf_tables a port that no entry has leads nowhere, and not to the proxy. Names and
        doors do."""
        ports = {entry.rsplit(":", 1)[1] for entry in entries}
        by_name = entries == [ELSEWHERE] and not self.row.by_address
        return bool(self.context.options.first and not by_name and not self.row.told
                    and str(self.row.port) not in ports)


def judge(row, context):
    for command in row.needs:
        if not shutil.which(command, path=SEARCH):
            raise check.Skip(f"host: {command} is not installed", cannot=True)
    attempt = Attempt(row, context)
    attempt.outside()
    attempt.works()
    # By name there is no connection, since there is no address; an address is refused by its port.
    attempt.is_refused([ELSEWHERE], {0, row.port})
    if row.port:
        attempt.is_refused(row.other_ports(), {row.port})
