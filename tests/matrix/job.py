# SPDX-License-Identifier: Apache-2.0
"""What a row is given: its jail, its directory, and the demands that every run has to meet."""

import json
import select
import shlex
import shutil
import subprocess
import time

from harness import check
from harness.host import GOOD
from harness.jail import PATIENCE, wait_for
from harness.result import Result

import packages

# Where kastellan looks for programs, whatever the caller's PATH is.
SEARCH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
PROTOCOL = "2025-06-18"


class Job:
    def __init__(self, row, context):
        self.row, self.context = row, context
        for command in row.needs:
            if not shutil.which(command, path=SEARCH):
                raise check.Skip(f"host: {command} is not installed", cannot=True)
        self.packages = packages.unpacked(context.options.base) if row.packages else None
        self.work = context.directory("work") if "work" in row.grants else None
        self.flags = ["--cwd", self.work] if self.work else []

    # Fixtures.

    def file(self, name, content):
        """In the work directory, before the program starts."""
        return self.context.file(f"work/{name}", content)

    def read(self, name):
        return (self.work / name).read_text()

    # Running.

    def _grants(self):
        return {"policy": self.row.policy(self.context.host.holds("mem_mb")),
                "read": [self.packages] if self.packages else [],
                "write": [self.work] if self.work else []}

    def run(self, *argv, code=0, complaint="", stdin=None, timeout=PATIENCE):
        """complaint: what the program says on stderr, None for anything."""
        result = self.context.jail.run(argv, flags=self.flags, stdin=stdin, timeout=timeout,
                                       **self._grants())
        self.demand(result, code)
        if complaint is not None:
            check.equal(result.complaint, complaint, "stderr")
        return result

    def says(self, argv, expected, **options):
        """argv: a list, or a command line without shell syntax."""
        argv = shlex.split(argv) if isinstance(argv, str) else argv
        result = self.run(*argv, **options)
        check.equal(result.text, expected, f"stdout of {shlex.join(argv)}")
        return result

    def script(self, text, **options):
        """Lines of bash; the first failing one ends it."""
        return self.run("bash", "-euo", "pipefail", "-c", text, **options)

    def demand(self, result, code):
        check.true(result.status is not None, "there is no status")
        check.equal((result.type, result.outcome.get("exit_code"), result.code),
                    ("exit", code, code), "outcome, exit code, kastellan's own exit code")
        self.demand_receipt(result)
        for count in ("oom_kills", "tasks_refused", "calls_denied"):
            check.one_of(result.usage.get(count), (0, None), count)

    def demand_receipt(self, result):
        check.true(result.rows, "the receipt is empty")
        for field, row in result.rows.items():
            if row["verdict"] not in GOOD and field not in self.context.host.degraded():
                check.fail(f"{field} is {row['verdict']}: {row.get('detail')}")

    # Outside, to compare with.

    def outside(self, *argv, **options):
        return self.context.control.run(argv, **options)

    def server(self, *argv):
        return Server(self, argv)


class Server:
    """A tool server that speaks the Model Context Protocol over its standard streams."""

    def __init__(self, job, argv):
        self.job, self.argv, self.number = job, argv, 0
        self.began = time.monotonic()
        self.process, self.status = job.context.jail.start(
            argv, flags=job.flags, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, bufsize=0, **job._grants())
        self.buffer = b""
        job.context.later(job.context.finish, self.process)

    def send(self, message):
        line = json.dumps({"jsonrpc": "2.0", **message}) + "\n"
        self.process.stdin.write(line.encode())

    def line(self):
        deadline = time.monotonic() + PATIENCE
        while b"\n" not in self.buffer:
            ready, _, _ = select.select([self.process.stdout], [], [],
                                        max(0, deadline - time.monotonic()))
            data = self.process.stdout.read(65536) if ready else b""
            if not data:
                check.fail(f"no answer; so far {self.buffer!r}, stderr {self.complaint()!r}")
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\n")
        return json.loads(line)

    def complaint(self):
        self.process.kill()
        return self.process.stderr.read().decode(errors="replace")

    def ask(self, method, **params):
        """The result of a request; notifications in between are the server's own business."""
        self.number += 1
        self.send({"id": self.number, "method": method, "params": params})
        while True:
            answer = self.line()
            if answer.get("id") == self.number and "method" not in answer:
                check.true("error" not in answer, f"{method}: {answer.get('error')}")
                return answer["result"]

    def initialize(self):
        result = self.ask("initialize", protocolVersion=PROTOCOL, capabilities={},
                          clientInfo={"name": "matrix", "version": "1"})
        check.equal(result["protocolVersion"], PROTOCOL, "protocol version")
        self.send({"method": "notifications/initialized"})
        return result["serverInfo"]

    def tools(self):
        return {tool["name"] for tool in self.ask("tools/list")["tools"]}

    def call(self, tool, **values):
        result = self.ask("tools/call", name=tool, arguments=values)
        text = "\n".join(part.get("text", "") for part in result["content"])
        return text, bool(result.get("isError"))

    def close(self):
        """The end of its input is the end of the server."""
        self.process.stdin.close()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            check.fail("the server goes on after the end of its input")
        wait_for(self.status.exists, "the status")
        result = Result(self.argv, self.process.returncode, self.buffer,
                        self.process.stderr.read(),
                        self.job.context.jail.read_status(self.status),
                        time.monotonic() - self.began)
        self.job.context.results.append(result)
        self.job.demand(result, 0)
