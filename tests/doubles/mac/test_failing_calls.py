# SPDX-License-Identifier: Apache-2.0
"""Fails the calls of library, warden and worker one after the other. Whatever fails: either the worker
runs as it always does, or the start is refused in words; it ends, and nothing is left behind."""
import collections
import os
import re
import subprocess

import stage
from stage import equal, true

# What a start is made of. Not those that cannot fail as they are called (kill, wait4, close), and not
# what every program does to be loaded.
CALLS = ("openat", "read", "write", "pipe2", "socketpair", "fcntl", "mkdir", "vfork,clone,clone3,fork",
         "setsid", "prlimit64", "getrlimit,setrlimit", "chdir", "close_range", "pidfd_open", "dup2,dup3",
         "poll", "waitid", "sendto", "recvfrom", "execve", "readlink", "getdents64", "newfstatat",
         "rt_sigprocmask", "epoll_create1", "epoll_ctl", "timerfd_create", "timerfd_settime", "prctl",
         "rmdir")
MOST = 12  # of each, in each process
LOG = "/Users/strace.log"


def traced(words, *options):
    return subprocess.run(["/usr/bin/strace", "-f", "-qq", "-o", LOG, *options, *words],
                          capture_output=True, check=False, timeout=60)


def counts(words):
    """How often each call is made by the process that makes it most often."""
    traced(words, "-e", "trace=" + ",".join(CALLS))
    found = collections.Counter()
    with open(LOG) as file:
        for line in file:
            match = re.match(r"(\d+) +(\w+)\(", line)
            if match:
                found[match.groups()] += 1
    most = {}
    for (_, call), count in found.items():
        most[call] = max(most.get(call, 0), count)
    return most


def fail_each(words, errors, good):
    most = counts(words)
    done = failed = 0
    for calls in CALLS:
        number = max((most.get(call, 0) for call in calls.split(",")), default=0)
        for when in range(1, min(number, MOST) + 1):
            error = errors[(when + len(calls)) % len(errors)]
            what = f"{calls} number {when} fails with {error}"
            found = traced(words, "-e", f"trace={calls}", "-e", f"inject={calls}:error={error}:when={when}")
            done += 1
            if found.returncode == 0:
                equal(found.stdout, good, f"{what}: {found.stderr}")
            else:
                failed += 1
                true(found.stderr or found.returncode > 128, f"{what}: nothing is said: {found}")
            if b"not all of it is gone" in found.stderr:
                for name in os.listdir(stage.TEMPORARY):
                    os.rmdir(os.path.join(stage.TEMPORARY, name))
            try:
                stage.nothing_left()
            except AssertionError as error_left:
                raise AssertionError(f"{what}: {found}: {error_left}") from error_left
    true(done > 60 and failed > 30, f"{done} calls were failed, and {failed} of them made a difference")


def test_each_call_of_a_start():
    words = stage.words([stage.PROBE, "session"], policy={"cpu_ms": 0, "mem_mb": 0})
    equal(subprocess.run(words, capture_output=True, check=False).stdout, b"done\n", "control")
    fail_each(words, ("EPERM", "ENOMEM", "EMFILE"), b"done\n")
