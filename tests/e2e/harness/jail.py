# SPDX-License-Identifier: Apache-2.0
"""Runs commands: in a jail through the command under test, and as they are."""

import json
import os
import signal
import subprocess
import tempfile
import time

from harness.check import Failure
from harness.result import Result

PATIENCE = 90  # seconds that a command may take where a test says nothing else
slowness = 1  # how many times as long as usual everything may take; the runner sets it


def text(argument):
    return argument if isinstance(argument, bytes) else os.fspath(argument)


def profile_of(policy, flags):
    """The one that a command line asks for."""
    named = policy.get("profile") if isinstance(policy, dict) else None
    words = [text(flag) for flag in flags]
    if "--profile" in words:
        named = words[words.index("--profile") + 1]
    return named or "WorkerStrict"


def collect(argv, timeout, stdin, options):
    """Runs to the end; (code, stdout, stderr, pid, seconds)."""
    began = time.monotonic()
    given = {"stdin": stdin} if stdin is None or hasattr(stdin, "fileno") or \
        isinstance(stdin, int) else {"stdin": subprocess.PIPE}
    if stdin is None:
        given = {"stdin": subprocess.DEVNULL}
    process = subprocess.Popen(argv, stdout=options.pop("stdout", subprocess.PIPE),
                               stderr=options.pop("stderr", subprocess.PIPE), **given, **options)
    data = stdin if isinstance(stdin, bytes) else None
    try:
        out, err = process.communicate(data, timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise Failure(f"did not end within {timeout} s: {argv!r}\n"
                      f"stdout: {out!r}\nstderr: {err!r}") from None
    return process.returncode, out or b"", err or b"", process.pid, time.monotonic() - began


class Control:
    """The same act without a jail."""

    def __init__(self, results):
        self.results = results

    def run(self, argv, timeout=PATIENCE, stdin=None, **options):
        argv = [text(argument) for argument in argv]
        code, out, err, _, seconds = collect(argv, timeout * slowness, stdin, options)
        result = Result(argv, code, out, err, None, seconds)
        self.results.append(result)
        return result


class Jail:
    """Builds the command line; `bare` has neither the status file nor the accepted degradations
    of this host."""

    def __init__(self, options, host, directory, results, started):
        self.options, self.host, self.directory = options, host, directory
        self.results, self.started = results, started
        self.count = 0

    def command(self, argv, read=(), write=(), policy=None, flags=(), env=None, degrade=True):
        line = [self.options.kastellan, "run", "-b", self.options.backend]
        if policy is None and self.options.pace > 1:
            line += ["--cpu", f"{self.options.pace}s"]
        if policy is not None:
            line += ["-p", self.policy_file(self.at_pace(policy))]
        for option, paths in (("-r", read), ("-w", write)):
            for path in paths:
                line += [option, text(path)]
        for name, value in (env or {}).items():
            line += ["-e", f"{name}={value}"]
        accepted = self.host.degraded(profile_of(policy, flags)) if degrade else ()
        if accepted and "--allow-degraded" not in flags:
            line += ["--allow-degraded", ",".join(accepted)]
        return [*line, *flags, "--", *(text(argument) for argument in argv)]

    def at_pace(self, policy):
        """What is room enough for all that a test does has to be so where everything takes longer;
        a budget that is to be spent is smaller. The default of one second is such room."""
        if self.options.pace == 1 or not isinstance(policy, dict):
            return policy
        if "cpu_ms" not in policy:
            return {**policy, "cpu_ms": 1000 * self.options.pace}
        budget = policy.get("cpu_ms")
        if not isinstance(budget, int) or budget < 5000:
            return policy
        return {**policy, "cpu_ms": budget * self.options.pace}

    def policy_file(self, policy):
        """A dict, or the text itself."""
        content = policy if isinstance(policy, (str, bytes)) else json.dumps(policy)
        with tempfile.NamedTemporaryFile(dir=self.directory, prefix="policy-", suffix=".json",
                                         delete=False) as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return file.name

    def status_file(self):
        self.count += 1
        return self.directory / f"status-{self.count}.json"

    def run(self, argv, read=(), write=(), policy=None, flags=(), env=None, degrade=True,
            timeout=PATIENCE, stdin=None, **options):
        path = self.status_file()
        line = self.command(argv, read, write, policy, ["--status", path, *flags], env, degrade)
        code, out, err, pid, seconds = collect(
            list(map(text, line)), timeout * self.options.pace, stdin, options)
        self.started.add(pid)
        result = Result(line, code, out, err, self.read_status(path), seconds)
        self.results.append(result)
        return result

    def start(self, argv, flags=(), **options):
        """Without waiting: (process, path of the status)."""
        path = self.status_file()
        known = {key: options.pop(key) for key in
                 ("read", "write", "policy", "env", "degrade") if key in options}
        line = self.command(argv, flags=["--status", path, *flags], **known)
        process = subprocess.Popen(list(map(text, line)), **options)
        self.started.add(process.pid)
        return process, path

    def other(self, argv, timeout=PATIENCE, stdin=None, **options):
        """Any command line of the program under test."""
        line = [self.options.kastellan, *(text(argument) for argument in argv)]
        code, out, err, pid, seconds = collect(
            line, timeout * self.options.pace, stdin, options)
        self.started.add(pid)
        result = Result(line, code, out, err, None, seconds)
        self.results.append(result)
        return result

    @staticmethod
    def read_status(path):
        try:
            return json.loads(path.read_bytes())
        except FileNotFoundError:
            return None


def wait_for(condition, what, seconds=30):
    """Polls until the condition gives something true, and returns it."""
    deadline = time.monotonic() + seconds * slowness
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure(f"{what}: not within {seconds * slowness} s")
        time.sleep(0.005)


def end(process):
    """For what a test started itself."""
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    process.wait()
