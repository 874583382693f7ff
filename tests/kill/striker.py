# SPDX-License-Identifier: Apache-2.0
"""Starts a jail, ends one of its processes with SIGKILL at a random moment, and looks what is left."""

import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import time

import world
from harness.residue import reap

# Outcomes that a run may have whose ROLE was killed; the supervisor's own has none. What dies before
# the program runs is a setup that failed. A helper may have done its work before it died.
OUTCOMES = {
    "monitor": {"setup", "signal"},
    "helper": {"setup", "signal", "exit"},
    "init": {"setup", "signal"},
    "worker": {"setup", "signal"},
    "proxy": {"setup", "exit"},
    "resolver": {"setup", "exit"},
    # Of a machine: a jail for its keeper and the emulator, and one for its server of files.
    "keeper": {"setup", "signal"},
    "emulator": {"setup", "signal"},
    "files monitor": {"setup", "signal"},
    "files init": {"setup", "signal"},
    "files": {"setup", "signal"},
}
LIFE_MS = 20000  # of a worker that has to be ended
# Seconds until the victim of a backend that takes its time is struck, at the most.
PAUSES = {"qemu": (0.01, 1.0, 8.0)}
SHORT_MS = 60  # of one that may outlive who is killed
MISSED = "it was over before its victim was seen"
OUTLIVED = ("helper", "proxy", "resolver")
APPEARING = 60  # seconds until the victim is there
GIVEN_UP = 15  # seconds after which something survives for good
COPIES = ("kastellan", "kastellan-init", "kastellan-egress", "kastellan-names", "worker",
          "kastellan-vm", "kastellan-files")
# Whose child each role is. Before it is init, the child of the monitor is the helper.
DIRECT = {"helper": "monitor", "init": "monitor", "worker": "init", "resolver": "proxy"}
MACHINE = {"init": "monitor", "keeper": "init", "emulator": "keeper", "files init": "files monitor",
           "files": "files init"}
STEPS = {"bwrap": {**DIRECT, "init": "helper"}, "native": DIRECT, "landlock": DIRECT,
         "qemu": MACHINE}


def arguments(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return [b""]


class Moment:
    """What came of one kill."""

    def __init__(self, role, backend):
        self.role, self.backend = role, backend
        self.problems, self.seconds, self.type, self.after_ms = [], 0.0, None, 0.0


class Striker:
    def __init__(self, directory, programs, seed, degraded, own_groups, port):
        """directory: nobody else's; the programs are copied there, so that ours are known.
        own_groups: control groups that are nobody else's; root has some."""
        self.directory, self.chance = directory, random.Random(seed)
        self.degraded, self.port = degraded, port
        for name, path in programs.items():
            shutil.copy(path, directory / name)
        self.status = directory / "status"
        os.environ["KASTELLAN_INIT"] = str(directory / "kastellan-init")
        os.environ["KASTELLAN_EGRESS"] = str(directory / "kastellan-egress")
        copies = [directory / name for name in COPIES if name in programs]
        if "kastellan-vm" in programs:
            os.environ["KASTELLAN_VM"] = str(directory / "kastellan-vm")
            os.environ["KASTELLAN_FILES"] = str(directory / "kastellan-files")
        inodes = {(os.stat(path).st_dev, os.stat(path).st_ino) for path in copies}
        self.world = world.World(inodes, own_groups)

    def command(self, backend, life, port=None):
        fields = self.degraded[backend]
        return [self.directory / "kastellan", "run", "-b", backend, "--status", self.status,
                *(["--allow-degraded", ",".join(fields)] if fields else []),
                *(["--net", f"127.0.0.1:{port}"] if port else []),
                "--tasks", "256", "--cpu", "60s", "-r", self.directory / "worker", "--",
                self.directory / "worker", str(life), *([str(port)] if port else [])]

    def start(self, command):
        self.status.unlink(missing_ok=True)
        began = time.time()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE)
        self.world.supervisor(process.pid, began)
        return process

    @staticmethod
    def find(supervisor, role, backend):
        """The process of that role now, or None."""
        if role == "supervisor":
            return supervisor
        line = {}
        for pid in world.children(supervisor):
            words = arguments(pid)
            name = os.path.basename(words[0])
            if name == b"kastellan-egress":
                line["proxy"] = pid
            elif name == b"kastellan-init" and words[1:2] == [b"monitor"]:
                # The machine's is started first.
                line["files monitor" if "monitor" in line else "monitor"] = pid
        steps = STEPS[backend]
        todo = []
        while role not in line and role in steps:
            todo.append(role)
            role = steps[role]
        pid = line.get(role)
        while pid and todo:
            role = todo.pop()
            pid = next((child for child in world.children(pid)
                        if not role.endswith("init") or arguments(child)[1:2] == [b"init"]),
                       None)
        return pid

    def wait_for_victim(self, process, role, backend):
        deadline = time.monotonic() + APPEARING
        while time.monotonic() < deadline:
            pid = self.find(process.pid, role, backend)
            if pid:
                try:
                    handle = os.pidfd_open(pid)
                except ProcessLookupError:
                    continue
                # The number may have become another's; then its place in the tree has, too.
                if self.find(process.pid, role, backend) == pid:
                    return handle
                os.close(handle)
            if process.poll() is not None:
                return None
        return None

    def strike(self, role, backend):
        """One moment. On a crowded machine a short run may be over before its victim is seen: that is
        none."""
        for _ in range(5):
            moment = self.strike_once(role, backend)
            if moment.problems != [MISSED]:
                break
        return moment

    def strike_once(self, role, backend):
        moment = Moment(role, backend)
        net = role in ("proxy", "resolver") or (
            backend in ("bwrap", "native") and self.chance.random() < 0.3)
        life = SHORT_MS if role in OUTLIVED else LIFE_MS
        process = self.start(self.command(backend, life, self.port if net else None))
        wait = self.chance.uniform(
            0, self.chance.choice(PAUSES.get(backend, (0.003, 0.03, 0.08))))
        handle = self.wait_for_victim(process, role, backend)
        if handle is None:
            _, said = self.end(process)
            moment.problems.append(MISSED if process.returncode == 7 else
                                   f"there never was a {role}: {process.returncode} {said!r}")
            return moment
        until = time.monotonic() + wait
        while time.monotonic() < until:
            time.sleep(0.0005)
        self.world.note(world.beneath(process.pid))
        began = time.monotonic()
        try:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it has ended by itself, and is looked at all the same
        os.close(handle)
        moment.after_ms = 1000 * wait
        said = self.end_of(process, moment, life)
        if life == SHORT_MS:
            began = time.monotonic()  # the worker was let live
        moment.seconds = self.clear(moment, began)
        self.judge(process, moment, said)
        return moment

    def end_of(self, process, moment, life):
        try:
            _, said = process.communicate(timeout=GIVEN_UP + life / 1000)
        except subprocess.TimeoutExpired:
            moment.problems.append("the supervisor goes on")
            _, said = self.end(process)
        return said.decode(errors="replace")

    @staticmethod
    def end(process):
        process.kill()
        return process.communicate()

    def clear(self, moment, began):
        """How long it takes until nothing is left."""
        while True:
            reap()
            left = self.world.new()
            seconds = time.monotonic() - began
            if not left or seconds > GIVEN_UP:
                break
            time.sleep(0.002)
        moment.problems += [f"left: {what}" for what in left]
        for pid in self.world.living():
            os.kill(pid, signal.SIGKILL)
        return seconds

    def judge(self, process, moment, said):
        if moment.role == "supervisor":
            if process.returncode != -signal.SIGKILL:
                moment.problems.append(f"the supervisor ended with {process.returncode}")
            return
        try:
            status = json.loads(self.status.read_text(encoding="utf-8"))
            moment.type = status["outcome"]["type"]
        except (OSError, ValueError, KeyError) as error:
            moment.problems.append(f"no status: {error!r}, code {process.returncode}, {said!r}")
            return
        if moment.type not in OUTCOMES[moment.role]:
            moment.problems.append(f"outcome {status['outcome']}, stderr {said!r}")
        if moment.type == "setup" and "kastellan: " not in said:
            moment.problems.append(f"refused without a word: {said!r}")

    def next_works(self, moment):
        """A plain run on what the kill has left."""
        process = self.start(self.command(moment.backend, 0))
        said = self.end_of(process, moment, LIFE_MS)
        if process.returncode != 7:
            moment.problems.append(f"the next run ends with {process.returncode}: {said}")
        self.clear(moment, time.monotonic())
