# SPDX-License-Identifier: Apache-2.0
"""Fails the calls of library, warden and worker one after the other. Whatever fails: either the worker
runs as it always does, or the start is refused in words; it ends, and nothing is left behind."""
import collections
import json
import os
import random
import re
import subprocess

import stage
from stage import equal, true
from test_container import DEGRADED as CONTAINER_DEGRADED
from test_container import prepare

# What a start is made of. Not those that cannot fail as they are called (kill, wait4, close), and not
# what every program does to be loaded.
CALLS = ("openat", "read", "write", "pipe2", "socketpair", "fcntl", "mkdir", "vfork,clone,clone3,fork",
         "setsid", "prlimit64", "getrlimit,setrlimit", "chdir", "close_range", "pidfd_open", "dup2,dup3",
         "poll", "waitid", "sendto", "recvfrom", "execve", "readlink", "getdents64", "newfstatat",
         "rt_sigprocmask", "epoll_create1", "epoll_ctl", "timerfd_create", "timerfd_settime", "prctl",
         "rmdir", "flock", "pwrite64", "pread64", "unlink", "shutdown")
MOST = 12  # of each, in each process
LOG = "/Users/strace.log"


# A build with sanitizers looks for leaks by ptrace, which a traced program cannot.
STRACE = ["/usr/bin/strace", "-f", "-qq", "-o", LOG, "-E", "LSAN_OPTIONS=detect_leaks=0"]
# In the warden's place: it is traced, and what it executes is not.
WRAPPER = "/Users/ada/traced-warden"
# One of so many is tried, another one each time; KASTELLAN_MAC_CALLS=all tries each.
ALL = os.environ.get("KASTELLAN_MAC_CALLS") == "all"
SHARE, LONGER_SHARE = (1, 1) if ALL else (2, 24)


def traced(words, *options):
    return subprocess.run([*STRACE, *options, *words], capture_output=True, check=False, timeout=60)


def library(words, *options):
    """Whoever starts it, without the programs that it executes."""
    return traced(words, "-b", "execve", *options)


def warden(words, *options):
    """The warden alone: those who watch a call of it are started in its place."""
    with open(WRAPPER, "w") as file:
        file.write("#!/usr/bin/sh\nexec " + " ".join(STRACE) + " -D -b execve " +
                   " ".join(f"'{option}'" for option in options) + f" {stage.WARDEN}\n")
    os.chmod(WRAPPER, 0o755)
    return subprocess.run(words, capture_output=True, check=False, timeout=60,
                          env={**os.environ, "KASTELLAN_WARDEN": WRAPPER})


def counts(words, trace=traced):
    """How often each call is made by the process that makes it most often."""
    trace(words, "-e", "trace=" + ",".join(CALLS))
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


def fail_each(words, errors, good, trace=traced, share=1):
    """How many were failed, and how many of these made a difference."""
    most = counts(words, trace)
    done = failed = 0
    turn = random.randrange(share)
    for calls in CALLS:
        number = max((most.get(call, 0) for call in calls.split(",")), default=0)
        for when in range(1, min(number, MOST) + 1):
            turn += 1
            if turn % share:
                continue
            error = errors[(when + len(calls)) % len(errors)]
            what = f"{calls} number {when} fails with {error}"
            prepare()
            found = trace(words, "-e", f"trace={calls}", "-e", f"inject={calls}:error={error}:when={when}")
            done += 1
            if found.returncode == 0:
                equal(found.stdout, good, f"{what}: {found.stderr}")
            else:
                failed += 1
                true(found.stderr or found.returncode > 128, f"{what}: nothing is said: {found}")
            if b"not all of it is gone" in found.stderr:
                stage.clear()
            try:
                stage.nothing_left()
            except AssertionError as error_left:
                raise AssertionError(f"{what}: {found}: {error_left}") from error_left
    return done, failed


def enough(found, done, failed):
    true(found[0] > done and found[1] > failed,
         f"{found[0]} calls were failed, and {found[1]} of them made a difference")


def test_each_call_of_a_start():
    words = stage.words([stage.PROBE, "session"], policy={"cpu_ms": 0, "mem_mb": 0})
    equal(subprocess.run(words, capture_output=True, check=False).stdout, b"done\n", "control")
    enough(fail_each(words, ("EPERM", "ENOMEM", "EMFILE"), b"done\n", share=SHARE), 60 // SHARE, 30 // SHARE)


def children_waited_for():
    """Of the process that the log begins with: whom it made, and for whom it waited."""
    made, waited = set(), set()
    with open(LOG) as file:
        lines = file.read().splitlines()
    first = lines[0].split()[0]
    for line in lines:
        match = re.match(rf"{first} +(?:<\.\.\. )?(v?fork|clone3?|wait4)\b.* = (\d+)", line)
        if match and match.group(2) != "0":
            (waited if match.group(1) == "wait4" else made).add(match.group(2))
    return made, waited


def test_a_proxy_that_cannot_be_watched_is_waited_for():
    path = "/Users/prepared.json"
    with open(path, "w") as file:
        json.dump({"cpu_ms": 0, "mem_mb": 0, "net": {"Allowlist": ["9.9.9.9:443"]}}, file)
    # The first one is the warden.
    for inject in ([], ["-e", "inject=pidfd_open:error=EMFILE:when=2"]):
        done = subprocess.run([*STRACE, "-b", "execve", "-e", "trace=vfork,fork,clone,clone3,wait4,pidfd_open",
                               *inject, stage.PREPARED, "seatbelt", stage.DEGRADED, path],
                              input=b"\n\n\n", capture_output=True, check=False, timeout=60)
        equal(done.stdout, b"0 refused 2 3\n" if inject else b"0 1 2 3\n", done)
        true(not inject or b"egress proxy cannot be watched" in done.stderr, done)
        made, waited = children_waited_for()
        # The warden, the proxy and the resolver of each.
        true(len(made) >= 9, f"control: {made}")
        equal(made - waited, set(), "zombies")


def test_some_calls_of_a_machine_and_of_a_network():
    """A start in a machine, and one with an egress proxy, whose own calls are tried elsewhere."""
    prepare()
    limits = {"cpu_ms": 0, "mem_mb": 0}
    network = {**limits, "net": {"Allowlist": ["9.9.9.9:443"]}}
    starts = [stage.words([stage.PROBE, "session"], policy=limits, backend="container",
                          degraded=CONTAINER_DEGRADED),
              stage.words([stage.PROBE, "session"], policy=network)]
    counted = [0, 0]
    for words in starts:
        for trace in (library, warden):
            prepare()
            done = trace(words, "-e", "trace=execve")
            equal(done.stdout, b"done\n", f"control: {done}")
            found = fail_each(words, ("EPERM", "ENOMEM", "EMFILE"), b"done\n", trace, LONGER_SHARE)
            counted = [sum(pair) for pair in zip(counted, found)]
    enough(counted, 240 // LONGER_SHARE, 100 // LONGER_SHARE - 2)
    os.unlink(WRAPPER)
