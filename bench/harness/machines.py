# SPDX-License-Identifier: Apache-2.0
"""A worker in a machine: spawns against the bare boot of the same kernel and init by the same emulator,
guests that are restored or wait against those that are booted, and the worker's streams."""
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import time

from .rows import Absent, Row, measure, summary
from .statistics import median

TITLE = "A worker in a machine of QEMU's"
REQUEST = "qemu/true-static/2"
MEMORY_MB = 256  # as the policy of bench/jails.c has it
PATIENCE = 120
MODULES = ("virtio_mmio", "virtio_console", "fuse")
# src/vm/machine/order.h, and src/vm/channel/frame.h.
INITRAMFS, FILES, TEMPLATE, CHANNEL = 6, 7, 8, 9
SETUP, SETUP_WAIT = 2, 2
HELLO_BYTES, ARMED_BYTES = 8 + 4, 8 + 8
MEGABYTES = 16  # of stdout in a sample
TRIPS = 20  # round trips in a sample


def environment(run):
    """What the library finds its programs by, and a cache of this run's own."""
    machine = os.path.join(run.build, "src", "vm")
    cache = run.place.file("outside", "machines")
    os.makedirs(cache, mode=0o700, exist_ok=True)
    return {"KASTELLAN_VM": os.path.join(machine, "machine", "kastellan-vm"),
            "KASTELLAN_FILES": os.path.join(machine, "files", "kastellan-files"),
            "KASTELLAN_INIT": run.environment["KASTELLAN_INIT"], "KASTELLAN_CACHE": cache}


def kastellan(run, *words, **options):
    return subprocess.Popen([run.kastellan, *words], env={**os.environ, **environment(run)},
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            **options)


class Bare:
    """The emulator with the plan's own command, in no jail, with nobody to serve files."""

    def __init__(self, run):
        asked = kastellan(run, "plan", "-b", "qemu", "--mem", str(MEMORY_MB), "--json")
        text, complaint = asked.communicate()
        if asked.returncode:
            raise Absent(complaint.decode().strip() or "the backend qemu cannot plan")
        machine = json.loads(text)["machine"]
        cache = environment(run)["KASTELLAN_CACHE"]
        places = {"/firmware": machine["firmware"]["path"],
                  "/kernel": os.path.join(cache, "vmlinux-" + machine["kernel"]["sha256"])}
        self.command = [places.get(word, word) for word in machine["command"]]
        tool = os.path.join(run.build, "tests", "microvm", "initramfs_tool")
        archive = subprocess.run([tool, run.environment["KASTELLAN_INIT"], machine["modules"], *MODULES],
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
        self.initramfs = os.memfd_create("initramfs")
        os.write(self.initramfs, archive)
        # Each mem_mb has one, so that this run's own is the only one.
        self.template = next((os.path.join(cache, name) for name in os.listdir(cache)
                              if name.startswith("template-")), None)

    def run(self, more, slots, exchange):
        """Microseconds until the exchange over the channel is done; then it is killed."""
        ours, theirs = socket.socketpair()
        served, files = socket.socketpair()
        slots = {INITRAMFS: self.initramfs, FILES: files.fileno(), CHANNEL: theirs.fileno(), **slots}
        moved = {slot: 100 + slot for slot in slots}
        actions = [(os.POSIX_SPAWN_DUP2, fd, moved[slot]) for slot, fd in slots.items()]
        actions += [(os.POSIX_SPAWN_DUP2, moved[slot], slot) for slot in slots]
        actions += [(os.POSIX_SPAWN_CLOSE, moved[slot]) for slot in slots]
        for fd in (1, 2):
            actions.append((os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_WRONLY, 0))
        ours.settimeout(PATIENCE)
        began = time.monotonic()
        pid = os.posix_spawn(self.command[0], [*self.command, *more], {}, file_actions=actions)
        theirs.close()
        files.close()
        try:
            exchange(ours)
            return (time.monotonic() - began) * 1e6
        except OSError as error:
            raise Absent(f"the bare machine does not answer: {error}") from None
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            ours.close()
            served.close()

    def boot(self):
        return self.run([], {}, lambda channel: take(channel, HELLO_BYTES))

    def restore(self):
        """To the guest's answer to what it is told first."""
        if not self.template:
            raise Absent("no template was made")
        setup = os.urandom(32)
        setup += struct.pack("=qIIQ4I", int(time.time()), 0, SETUP_WAIT, 0, 0, 0, 0, 0)

        def exchange(channel):
            channel.sendall(struct.pack("<IBBH", len(setup), SETUP, 0, 0) + setup)
            take(channel, ARMED_BYTES)

        with open(self.template, "rb") as template:
            return self.run(["-incoming", f"fd:{TEMPLATE}"], {TEMPLATE: template.fileno()}, exchange)


def take(channel, count):
    while count:
        piece = channel.recv(count)
        if not piece:
            raise OSError("it ended")
        count -= len(piece)


class Worker:
    """A program in a machine, whose streams are measured as it runs."""

    def __init__(self, run, *argv):
        self.process = kastellan(run, "run", "-b", "qemu", "--mem", str(MEMORY_MB), "--cpu", "0", "-r",
                                 run.place.file("read"), "--", *argv, bufsize=0)

    def read(self, count):
        while count:
            piece = os.read(self.process.stdout.fileno(), min(count, 1 << 16))
            if not piece:
                raise Absent("the worker ended: " + self.process.stderr.read().decode().strip())
            count -= len(piece)

    def per_megabyte(self):
        # What was under way is there at once, and would count as fast.
        self.read(2 << 20)
        began = time.monotonic()
        self.read(MEGABYTES * 1000000)
        return (time.monotonic() - began) * 1e6 / MEGABYTES

    def round_trip(self):
        began = time.monotonic()
        for _ in range(TRIPS):
            os.write(self.process.stdin.fileno(), b"0123456789abcdef\n")
            self.read(17)
        return (time.monotonic() - began) * 1e6 / TRIPS

    def close(self):
        self.process.kill()
        self.process.communicate()


def stream_rows(run, stack):
    def worker(*argv):
        found = Worker(run, *argv)
        stack.callback(found.close)
        return found

    zeros = worker("/bin/cat", "/dev/zero")
    echo = worker("/bin/cat")
    return [Row("a megabyte of stdout", zeros.per_megabyte), Row("round trip through cat", echo.round_trip)]


def spawn_pair(name, spawner, reference):
    """Two rows of one spawn, so that their difference is the end's: whichever comes first spawns."""
    last = {}

    def sample(part):
        if part not in last:
            last["until"], last["total"] = spawner.both(REQUEST)
        return last.pop(part)

    return [Row(name, lambda: sample("total"), reference),
            Row(f"{name}, until the program runs", lambda: sample("until"), reference)]


def spawn_rows(bare, warm, cold):
    return [Row("bare boot", bare.boot),
            Row("bare restore", bare.restore, "bare boot"),
            Row("native", lambda: warm.total("native/true-static/2")),
            *spawn_pair("booted", cold, "bare boot"),
            *spawn_pair("restored", warm, "booted"),
            Row("from a machine that waits", lambda: warm.total("qemuprepared/true-static/2"), "booted")]


def section(run):
    """Each spawn to the reaped exit of a program that does nothing."""
    rows = []
    try:
        with contextlib.ExitStack() as stack:
            warm = stack.enter_context(run.spawner(more=environment(run)))
            cold = stack.enter_context(run.spawner(more={**environment(run), "KASTELLAN_NO_TEMPLATE": "1"}))
            # The kernel is unpacked and the template made before anything is measured.
            warm.total(REQUEST)
            rows = spawn_rows(Bare(run), warm, cold) + stream_rows(run, stack)
            measure(rows, min(run.samples, 40), 300 * run.scale)
    except Absent as reason:
        rows = [Row("a machine", None)]
        rows[0].absent = str(reason)
    return {"title": TITLE, "rows": summary(rows), "samples": {row.name: row.samples for row in rows}}


def told(result):
    """Where the time goes, as differences of medians."""
    medians = {name: median(samples) / 1000 for name, samples in result["samples"].items() if samples}
    lines = []
    for name, bare in (("booted", "bare boot"), ("restored", "bare restore")):
        until = f"{name}, until the program runs"
        if all(key in medians for key in (name, until, bare)):
            lines.append(f"{name}: {medians[name]:.0f} ms = {bare} {medians[bare]:.0f} + jails, tree and "
                         f"the worker's init {medians[until] - medians[bare]:.0f} + program and end "
                         f"{medians[name] - medians[until]:.0f}")
    return lines


def goals(result):
    """Goals that are no ratio of two rows: the streams' own."""
    said = []
    for text, row, bound, value in (
            ("ms of a megabyte of stdout out of a machine (25 MB/s)", "a megabyte of stdout", 40.0,
             lambda us: us / 1000),
            ("ms of a round trip through a machine", "round trip through cat", 2.0, lambda us: us / 1000)):
        goal = {"text": text, "bound": bound, "verdict": "not measured"}
        samples = result.get("samples", {}).get(row)
        if samples:
            ratio = value(median(samples))
            goal.update(ratio=ratio, low=value(min(samples)), high=value(max(samples)),
                        verdict="pass" if ratio <= bound else "fail")
            goal["sure"] = not goal["low"] <= bound <= goal["high"]
        said.append(goal)
    return said
