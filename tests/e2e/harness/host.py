# SPDX-License-Identifier: Apache-2.0
"""What this host and this caller have. A test asks here before it says that it cannot run."""

import functools
import json
import os
import pathlib
import re
import subprocess

FIELDS = ("fs_read", "fs_write", "net", "cpu_ms", "mem_mb", "profile", "cpu_quota_pct",
          "tasks_max", "env", "egress")
GOOD = ("held", "clamped")


class Host:
    def __init__(self, options):
        self.options = options
        self.root = os.geteuid() == 0

    @functools.cache
    def receipt(self, profile="WorkerStrict"):
        """The rows of the default policy's receipt, by field, from `kastellan plan`."""
        done = subprocess.run(
            [self.options.kastellan, "plan", "-b", self.options.backend, "--profile", profile,
             "--json"],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=30 * self.options.pace,
            check=False)
        try:
            rows = json.loads(done.stdout)["receipt"]
        except (ValueError, KeyError):
            raise SystemExit(f"Bail out! kastellan plan --json: {done.stderr.decode()!r}") from None
        return {row["field"]: row for row in rows}

    @functools.cache
    def facts(self):
        """What `kastellan doctor` found."""
        done = subprocess.run([self.options.kastellan, "doctor", "--json"],
                              stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=30 * self.options.pace, check=False)
        return json.loads(done.stdout)["host"]

    def landlock_abi(self):
        return self.facts()["landlock_abi"]

    def verdict(self, field):
        return self.receipt()[field]["verdict"]

    def holds(self, *fields):
        return all(self.verdict(field) in GOOD for field in fields)

    @functools.cache
    def degraded(self, profile="WorkerStrict"):
        """Fields that this host does not hold; accepted by name where a test is not about them.
        A profile with sockets has one layer around them before Linux 6.7."""
        rows = self.receipt(profile)
        return tuple(field for field in FIELDS if rows[field]["verdict"] not in GOOD)

    @staticmethod
    @functools.cache
    def kernel():
        """The version of the running kernel: (major, minor)."""
        return tuple(map(int, re.match(r"(\d+)\.(\d+)", os.uname().release).groups()))

    @staticmethod
    @functools.cache
    def configured(option):
        """Of "CONFIG_...", of "Linux 5.12" for what came with that, or of a file that the kernel has
        with it: True, False, or None where it does not say how it was built."""
        import gzip
        if option.startswith("/"):
            return pathlib.Path(option).exists()
        if option.startswith("Linux "):
            return Host.kernel() >= tuple(map(int, option.split()[1].split(".")))
        try:
            text = gzip.decompress(pathlib.Path("/proc/config.gz").read_bytes()).decode()
        except OSError:
            path = pathlib.Path(f"/boot/config-{os.uname().release}")
            try:
                text = path.read_text()
            except OSError:
                return None
        return f"\n{option}=y" in text or f"\n{option}=m" in text
