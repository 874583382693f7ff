# SPDX-License-Identifier: Apache-2.0
"""Workers that stay: outside and in a jail of each kind, asked in turn to do the same work."""
import os
import subprocess

from .rows import Absent

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


# Works that are made of calls alone: what a filter and a Landlock domain that allow all cost them.
UNDER_LEAST = ("getppid", "read /dev/zero", "walk and stat", "walk and open")


def works(place):
    """(name, arguments of bench/workload.c)"""
    with open(place.file("read", "compiled.c"), "w") as file:
        file.write("".join(f"int f{n}(int a) {{ int s = 0; for (int i = 0; i < a; i++) "
                           f"s += i * {n + 1} ^ (s >> {n % 7}); return s; }}\n"
                           for n in range(150)))
    yield "getppid", ["getppid", "20000"]
    yield "read /dev/zero", ["read", "10000"]
    yield "walk and stat", ["stat", "/usr/include"]
    yield "walk and open", ["open", "/usr/include"]
    yield "compile", ["exec", "/usr/bin/gcc", "-O2", "-c", place.file("read", "compiled.c"),
                      "-o", "/tmp/compiled.o"]
    yield "python start-up", ["exec", "/usr/bin/python3", "-I", "-c", "import json, re, socket"]


class Worker:
    """One process that works when asked; it is in its jail before the first sample."""

    def __init__(self, before, work, place, environment):
        self.process = subprocess.Popen([*before, place.file("read", "workload"), *work], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, env=environment)

    def work(self):
        """(wall, CPU) in microseconds"""
        try:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
            wall, cpu = self.process.stdout.readline().split()
        except (BrokenPipeError, ValueError):
            raise Absent("the work cannot be done there") from None
        return int(wall) / 1000, int(cpu) / 1000

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.stdout.close()
        self.process.wait()


def jail(kastellan, backend, place):
    # A budget that no measurement spends, and no bandwidth that waiting would be mistaken for work.
    return [kastellan, "run", "-q", "-b", backend, "-r", place.file("read"), "-w",
            place.file("write"), "--mem", "1G", "--cpu", "1h", "--tasks", "64", "--cwd", "/", "--"]
