# SPDX-License-Identifier: Apache-2.0
"""Runs kastellan as a user of the guest would, and reads what it says."""

import functools
import json
import os
import pathlib
import shlex
import subprocess
import tempfile
import time

from harness import check, command

KASTELLAN = "kastellan"
PYTHON = ("/usr/bin/python3", "-I", "-S", "-c")
# An emulated processor needs a second or more for what takes a real one some milliseconds.
# Deadlines are for what hangs: a start took a minute where the host had thirty other things to do.
ROOMY = ("--cpu", "600s", "--timeout", "600s")


class Result:
    def __init__(self, done, status):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr
        self.status = status

    def __str__(self):
        return (
            f"exit status {self.code}\nstdout: {self.out[-500:]}\nstderr: {self.err[-1500:]}\n"
            f"status: {json.dumps(self.status)[:3000]}"
        )

    @property
    def type(self):
        return self.status["outcome"]["type"] if self.status else None

    @property
    def error(self):
        return (self.status or {}).get("error") or {}

    def row(self, field):
        return next(row for row in self.status["receipt"] if row["field"] == field)

    def verdict(self, field):
        return self.row(field)["verdict"]


def run(*words, timeout=900, user=None):
    """kastellan run with these words, the program among them; for root, as another user too."""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o777)
        path = pathlib.Path(place, "status")
        argv = [KASTELLAN, "run", "--status", str(path), *words]
        if user:
            argv = ["su", "-", user, "-c", shlex.join(argv)]
        done = command(*argv, timeout=timeout)
        text = path.read_text() if path.exists() else ""
    return Result(done, json.loads(text) if text.strip() else None)


def start(*words):
    """kastellan run with these words, not waited for."""
    return subprocess.Popen(
        [KASTELLAN, "run", *words],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )


def python(script, *words, **options):
    """A Python script in a jail that is roomy but for what words say."""
    return run(*ROOMY, *words, "--", *PYTHON, script, **options)


@functools.cache
def doctor():
    done = command(KASTELLAN, "doctor", "--json")
    check(done.stdout.lstrip().startswith("{"), done.stdout, done.stderr)
    return json.loads(done.stdout)


class Living:
    """A jailed `sleep` with a duration of its own, by which it is found from outside."""

    serial = 0

    def __init__(self, *words):
        Living.serial += 1
        self.seconds = str(100000 + os.getpid() % 10000 * 10 + Living.serial)
        self.process = start(*words, "--", "sleep", self.seconds)

    def __enter__(self):
        if not wait_for(self.pids, 120):
            self.process.kill()
            raise AssertionError("the worker does not start: " + self.process.communicate()[1])
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def pids(self):
        """The worker's processes, as the host numbers them: all but kastellan's own."""
        wanted = ["sleep", self.seconds]
        return [pid for pid in processes() if arguments(pid) == wanted]

    def named(self):
        """Every process that has to do with it."""
        return [pid for pid in processes() if self.seconds in arguments(pid)]


def processes():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def arguments(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]
    except OSError:
        return []


def wait_for(condition, seconds):
    """Whether it comes true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return bool(condition())


def groups(pid):
    """The directories of a process's control groups: {"": v2, "memory": v1, ...}."""
    found = {}
    for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            for root in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
                if pathlib.Path(root, "cgroup.procs").exists():
                    found[""] = pathlib.Path(root + path)
        elif not controllers.startswith("name="):
            for name in controllers.split(","):
                found[name] = pathlib.Path("/sys/fs/cgroup", controllers + path)
    return found


def all_groups():
    """Every group of the host."""
    return {path for path, _, _ in os.walk("/sys/fs/cgroup")}
