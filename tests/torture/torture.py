# SPDX-License-Identifier: Apache-2.0
"""One start in which one call or allocation fails, and what is left of it."""

import collections
import contextlib
import glob
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

import place
from allocations import Allocations, PROGRAMS
from harness.residue import reap
from survey import ALLOCATION, Item

HERE = pathlib.Path(__file__).resolve().parent
# Seconds; a start that hangs is given up after 30, that of a machine after four guests of 120 each.
PATIENCE = {"qemu": 600}
LEAVING = 12  # seconds that the monitor may take for the end of everything
TEMPLATE_TRIES = 4  # one makes it, the next takes it; a busy host may have others in between
GROUPS = "/sys/fs/cgroup"


def compile_program(directory, name, *flags):
    program = directory / name
    subprocess.run([os.environ.get("CC", "cc"), "-O1", "-Wall", *flags, "-o", program,
                    HERE / f"{name}.c"], check=True)
    return program


def greeter():
    """The port of a server of the host that says one byte to each who comes."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            stream, _ = listener.accept()
            with stream, contextlib.suppress(OSError):
                stream.sendall(b"!")

    threading.Thread(target=serve, daemon=True).start()
    return listener.getsockname()[1]


class Torture:
    """own_groups: directories of control groups that nobody else uses; None: there are none."""

    def __init__(self, options, directory, own_groups):
        self.directory, self.own_groups = directory, own_groups
        self.kernels_own = options.backend == "qemu"
        self.patience = PATIENCE.get(options.backend, 40)
        directory.chmod(0o755)
        self.inject = compile_program(directory, "inject")
        report = compile_program(directory, "report", "-static")
        read, write = directory / "read", directory / "write"
        self.left_over = write / "new"
        for granted in (read, write):
            granted.mkdir()
            granted.chmod(0o777)
        (read / "file").write_text("content\n", encoding="utf-8")
        (read / "file").chmod(0o666)
        os.mkfifo(read / "fifo")
        (read / "fifo").chmod(0o666)
        fields = options.degraded or self.lacking(options)
        degraded = ["--allow-degraded", fields] if fields else []
        self.status = directory / "status"
        self.log = directory / "log"
        os.environ["INJECT_LOG"] = str(self.log)
        self.allocations = Allocations(directory, options.egress)
        self.command = [options.kastellan, "run", "-b", options.backend, *degraded, "--status",
                        self.status, "-r", report, "-r", read, "-w", write]
        ports = [str(greeter()) for _ in range(2)] if options.net else []
        self.command += ["--net", f"127.0.0.1:{ports[0]}"] if ports else []
        self.command += ["--cpu", "60s"] if options.backend == "qemu" else []
        self.command += ["--", report, read, write, *ports]
        self.cache = self.make_cache() if self.kernels_own else None
        self.groups, self.files = self.named_groups(), self.temporary()
        self.mounts = self.mounted()

    def make_cache(self):
        """Of machines, with a template in it: to boot each would take several times as long, and is
        counted as other calls."""
        cache = self.directory / "cache"
        cache.mkdir(0o700)
        os.environ["KASTELLAN_CACHE"] = str(cache)
        for _ in range(TEMPLATE_TRIES):
            self.execute(self.command)
            if self.status.exists() and \
                    json.loads(self.status.read_text())["machine"]["guest"] == "template":
                return cache
        raise SystemExit(f"Bail out! no guest comes from a template: {self.status.read_text()}")

    def forgive(self):
        """A template that was given up, as something had failed on the way to it, would not be tried
        again within the hour, and all guests of that be booted."""
        for mark in self.cache.glob("no-template-*") if self.cache else []:
            mark.unlink()

    @staticmethod
    def lacking(options):
        """What the backend does not hold on this host."""
        done = subprocess.run([options.kastellan, "plan", "-b", options.backend, "--json",
                               *(["--net", "127.0.0.1:1"] if options.net else [])],
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
        try:
            rows = json.loads(done.stdout)["receipt"]
        except (ValueError, KeyError):
            raise SystemExit(f"Bail out! {options.backend}: {done.stderr.decode()}") from None
        return ",".join(row["field"] for row in rows if row["verdict"] in ("degraded", "absent"))

    def named_groups(self):
        tops = [GROUPS] if self.own_groups is None else self.own_groups
        return {path for top in tops
                for path in glob.glob(f"{top}/**/kastellan-*", recursive=True)}

    def stray_groups(self):
        """Without those of other people's jails, which name a living process that is not ours."""
        fresh = self.named_groups() - self.groups
        if self.own_groups is not None or not fresh:
            return fresh
        stray, ours = set(), self.descendants()
        for path in fresh:
            maker = path.rsplit("kastellan-", 1)[1].split("-")[0]
            if maker.isdigit() and (not os.path.exists(f"/proc/{maker}") or int(maker) in ours):
                stray.add(path)
        return stray

    @staticmethod
    def temporary():
        """Root has a /tmp of its own here; others look for what is theirs."""
        return {path for top in ("/tmp", "/dev/shm") for path in glob.glob(f"{top}/*")
                if os.geteuid() == 0 or os.lstat(path).st_uid == os.geteuid()}

    @staticmethod
    def mounted():
        """Without the options of file systems, which others of this machine may change."""
        lines = pathlib.Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
        return {line.split(" ", 2)[2].partition(" - ")[0] for line in lines}

    def run(self, item):
        """(exit code or None, stdout, stderr, status or "")"""
        self.forgive()
        # A worker that was ended in the middle leaves what it had made, which belongs to nobody else.
        self.left_over.unlink(missing_ok=True)
        if item.role in PROGRAMS:
            self.allocations.order(item.role, item.time)
            return self.execute(self.command, env=self.allocations.environment(item.role))
        return self.execute([self.inject, *map(str, item), *self.command])

    def made(self, item):
        """Whether the last run came to what was to fail."""
        return self.allocations.result()[1] if item.role in PROGRAMS else self.log.exists()

    def execute(self, command, **options):
        self.status.unlink(missing_ok=True)
        self.log.unlink(missing_ok=True)
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, **options)
        try:
            out, err = process.communicate(timeout=self.patience)
        except subprocess.TimeoutExpired:
            self.end_all()
            process.kill()
            out, err = process.communicate()
            return None, self.plain(out.decode()), err.decode(), ""
        status = self.status.read_text(encoding="utf-8") if self.status.exists() else ""
        return process.returncode, self.plain(out.decode()), err.decode(), status

    def plain(self, text):
        """Names that differ from run to run are made one."""
        text = re.sub(r"\b20\d{8}\b", "ID", text)
        text = re.sub(r"NSpid:\t\d{3,}", "NSpid:\tof the host", text)
        # Second or third of the jail: that the kernel did not take the wanted number says nothing.
        text = re.sub(r"NSpid:\t[23]\n", "NSpid:\tof the jail\n", text)
        text = re.sub(r"/kastellan-[A-Za-z0-9.-]+", "/kastellan-NAME", text)
        # Of processes and of signals, where nobody sets them: what this kernel makes of its memory.
        return re.sub("(limit 6|limit 11): .*", r"\1: its own", text) if self.kernels_own else text

    def failed(self):
        return self.log.read_text(errors="replace") if self.log.exists() else "nothing"

    def end_all(self):
        for pid in self.descendants():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def clean(self):
        """Whatever is left is not to be found again by the next."""
        self.end_all()
        deadline = time.monotonic() + LEAVING
        while self.own_groups and time.monotonic() < deadline:
            reap()
            if not self.descendants() and not place.remove_groups(self.own_groups):
                break
            time.sleep(0.05)
        self.groups, self.files = self.named_groups(), self.temporary()
        self.mounts = self.mounted()

    @staticmethod
    def descendants():
        found, parents = [], {}
        for entry in os.listdir("/proc"):
            try:
                text = pathlib.Path("/proc", entry, "stat").read_text(errors="replace")
            except OSError:
                continue
            if entry.isdigit():
                fields = text[text.rindex(")") + 2:].split()
                if fields[0] != "Z":
                    parents[int(entry)] = int(fields[1])
        known, grown = {os.getpid()}, True
        while grown:
            grown = False
            for pid, parent in parents.items():
                if parent in known and pid not in known:
                    known.add(pid)
                    found.append(pid)
                    grown = True
        return found

    def leftovers(self):
        deadline = time.monotonic() + LEAVING
        while True:
            reap()
            left = [*(f"process {pid}" for pid in self.descendants()),
                    *(f"group {path}" for path in self.stray_groups()),
                    *(f"file {path}" for path in self.temporary() - self.files),
                    *(f"mount {line}" for line in self.mounted() - self.mounts)]
            if not left or time.monotonic() > deadline:
                return left
            time.sleep(0.01)

    def names(self):
        """role → the numbers of its system calls, in their order"""
        path = self.directory / "names"
        with open(path, "wb") as file:
            subprocess.run(["/bin/sh", "-c", f'exec "$@" 3>&{file.fileno()}', "sh", self.inject,
                            "COUNT", *self.command], stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           pass_fds=(file.fileno(),), check=False)
        calls = collections.defaultdict(list)
        for line in path.read_text(encoding="utf-8").splitlines():
            role, number = line.split(" ")
            calls[role].append(int(number))
        for role in PROGRAMS:
            self.run(Item(role, ALLOCATION, 0, 0))
            calls[role] = [ALLOCATION] * self.allocations.result()[0]
        return calls
