# SPDX-License-Identifier: Apache-2.0
"""The measuring process, bench/spawner.c, and the directory that its jails see."""
import os
import shutil
import subprocess

from .rows import Absent

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TARGETS = ("true-static", "true-dynamic", "idle", "echo", "workload")


class Place:
    """read/ holds the targets, write/ is granted too, outside/ never is."""

    def __init__(self, path, build, grants=256):
        self.path = path
        for name in ("read", "write", "outside", "mounts", *(f"grants/{n}" for n in range(grants))):
            os.makedirs(os.path.join(path, name), exist_ok=True)
        # To the jail's user these are somebody else's.
        os.chmod(path, 0o755)
        for target in TARGETS:
            shutil.copy(os.path.join(build, "bench", target), self.file("read"))
        shutil.copy(os.path.join(HERE, "target_echo.py"), self.file("read", "echo.py"))

    def file(self, *names):
        return os.path.join(self.path, *names)


class Spawner:
    def __init__(self, build, place, burden=(), more=None):
        environment = {**os.environ, **(more or {})}
        environment.setdefault("KASTELLAN_INIT",
                               os.path.join(build, "src", "linux", "init", "kastellan-init"))
        environment.setdefault("KASTELLAN_EGRESS",
                               os.path.join(build, "src", "egress", "kastellan-egress"))
        self.process = subprocess.Popen(
            [os.path.join(build, "bench", "spawner"), place.path, *burden], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=place.file("write"),
            env=environment)
        self.absent = None
        try:
            self.hear()
        except Absent as reason:
            self.absent = str(reason)

    @property
    def pid(self):
        return self.process.pid

    def hear(self):
        answer = self.process.stdout.readline().rstrip("\n")
        if answer.startswith("!"):
            raise Absent(answer[1:])
        if not answer:
            raise Absent("the measuring process ended")
        return answer

    def ask(self, order):
        if self.absent:
            raise Absent(self.absent)
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()
        return self.hear()

    def both(self, request):
        """Microseconds until the program is executed, and to the end of everything of it."""
        return [int(part) / 1000 for part in self.ask(f"run {request}").split(":")]

    def total(self, request):
        """Microseconds from the spawn to the end of everything of it."""
        return int(self.ask(f"run {request}").split(":")[1]) / 1000

    def until_exec(self, request):
        return int(self.ask(f"run {request}").split(":")[0]) / 1000

    def rate(self, request, threads, milliseconds):
        count, ns = self.ask(f"rate {threads} {milliseconds} {request}").split()
        return int(count) / (int(ns) / 1e9)

    def close(self):
        self.process.stdin.close()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
