# SPDX-License-Identifier: Apache-2.0
"""Nothing survives: not the worker, not what it left behind, whoever of the jail is killed."""

import os
import random
import signal
import subprocess
import threading
import time

from harness import check, residue
from harness.discover import add, test
from harness.jail import wait_for

SOON = 30.0  # seconds in which everything must be gone, on a host with much else to do


def ended(t, before, what):
    left = before.leftovers(SOON)
    if left:
        check.fail(f"{what}: left behind: {left}")


def swarm(t, act="swarm", *arguments, **options):
    """A started jail whose worker and many others live."""
    grants = {"read": [t.probes.directory], **options}
    process, path = t.jail.start(t.probe("ending", act, *arguments), stdout=subprocess.PIPE,
                                 stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, **grants)
    t.later(t.finish, process)
    check.equal(process.stdout.readline(), b"ready\n", "the worker's first word")
    return process, path


def snapshot(t):
    before = residue.Snapshot(t.options)
    before.started = t.jail.started
    return before


@test("the probe is sound: outside, daemon and swarm outlive the killed program")
def control(t):
    beat = t.work / "beat"
    process = subprocess.Popen(t.probe("ending", "daemon_and_wait", str(beat)),
                               stdout=subprocess.PIPE)
    check.equal(process.stdout.readline(), b"ready\n", "first word")
    process.kill()
    process.wait()
    process.stdout.close()
    size = beat.stat().st_size
    wait_for(lambda: beat.stat().st_size > size + 3, "the daemon beats on")
    alive = residue.descendants()
    check.true(alive, "nobody is left")
    for pid in alive:
        os.kill(pid, signal.SIGKILL)


@test("a daemon that the worker leaves behind ends with it")
def daemon(t):
    top = t.directory("granted", 0o777)
    before = snapshot(t)
    result = t.run(t.probe("ending", "daemon", str(top / "beat")), write=[top])
    check.equal((result.type, result.code), ("exit", 0), "outcome")
    size = (top / "beat").stat().st_size
    time.sleep(0.1)
    check.equal((top / "beat").stat().st_size, size, "beats after the end")
    ended(t, before, "after the run")


@test("a child that holds stdout open does not keep the run from ending")
def held_output(t):
    result = t.run(t.probe("ending", "hold_output", "60000"))
    check.equal((result.type, result.code, result.text), ("exit", 0, "ready\n"), "outcome")
    check.within(result.seconds, 0, 30, "seconds")


def killed(t, how, **options):
    """Everything of a swarm is gone soon after the supervisor was killed."""
    before = snapshot(t)
    process, _ = swarm(t, **options)
    wait_for(lambda: len(t.beneath(process.pid)) >= 20, "control: the swarm lives")
    how(process)
    process.wait(10 * t.options.pace)
    ended(t, before, "after the supervisor")


@test("SIGKILL to the supervisor ends a swarm that is deaf and has cleared its death signals")
def kill_supervisor(t):
    for _ in range(5):
        killed(t, lambda process: process.kill())


@test("so does SIGKILL to its whole process group, and SIGSEGV")
def kill_group(t):
    killed(t, lambda process: os.killpg(process.pid, signal.SIGKILL), start_new_session=True)
    killed(t, lambda process: process.send_signal(signal.SIGSEGV))


@test("and a SIGKILL that comes while the supervisor is stopped")
def kill_stopped(t):
    def both(process):
        process.send_signal(signal.SIGSTOP)
        process.kill()
    killed(t, both)


@test("SIGKILL to the supervisor stops a daemon's writing into a grant")
def kill_daemon(t):
    top = t.directory("granted", 0o777)
    before = snapshot(t)
    process, _ = swarm(t, "daemon_and_wait", str(top / "beat"), write=[top])
    process.kill()
    process.wait()
    ended(t, before, "after the supervisor")
    size = (top / "beat").stat().st_size
    time.sleep(0.1)
    check.equal((top / "beat").stat().st_size, size, "beats after the end")


def sweep(t, delays):
    """The supervisor is killed so many milliseconds after its start."""
    marker = t.directory("granted", 0o777)
    seen = set()
    for delay in delays:
        before = snapshot(t)
        process, path = t.jail.start(t.probe("ending", "swarm"), write=[marker],
                                     read=[t.probes.directory], stdout=subprocess.PIPE,
                                     stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        time.sleep(delay / 1000)
        seen.add(min(len(t.beneath(process.pid)), 5))
        process.kill()
        process.stdout.close()
        process.wait()
        ended(t, before, f"killed after {delay:.2f} ms")
    return seen


def start_time(t):
    """What a start takes here and now, in milliseconds: an emulated or busy processor, and a build with
    a sanitizer, take many times as long. The first one may make what the next ones take."""
    times = []
    for _ in range(2):
        before, began = snapshot(t), time.monotonic()
        process, _ = swarm(t)
        times.append((time.monotonic() - began) * 1000)
        process.kill()
        process.wait()
        ended(t, before, "after the measured start")
    return min(times)


@test("SIGKILL to the supervisor at every moment of the start leaves nothing", 240)
def kill_sweep(t):
    took = start_time(t)
    count = 90 if took < 500 else 30
    seen = sweep(t, [took * 1.2 * step / count for step in range(count)])
    # All processes of a machine are there long before its worker is: the moments before that again,
    # closer together.
    for parts in (10, 20, 40):
        if len(seen) < 3:
            seen |= sweep(t, [took * 0.2 * step / parts for step in range(1, parts)])
    check.true(len(seen) >= 3, f"control: the moments are not different enough: {seen}")


@test("SIGKILL to the supervisor at random moments leaves nothing", 240)
def kill_random(t):
    chance = random.Random(1)
    took = start_time(t)
    sweep(t, [chance.uniform(0, took * 1.5) for _ in range(60 if took < 500 else 20)])


@test("SIGKILL at random moments of short runs, many at once, leaves nothing", 240)
def kill_short(t):
    t.needs_jail()
    chance = random.Random(2)
    before = snapshot(t)

    def series(seed):
        mine = random.Random(seed)
        for _ in range(15):
            process, _ = t.jail.start(["/bin/true"], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(mine.uniform(0, 0.06))
            process.kill()
            process.wait()
    threads = [threading.Thread(target=series, args=(chance.random(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ended(t, before, "after all")


@test("whichever process of the jail is killed, the run ends, says so, and nothing is left", 120)
def kill_anyone(t):
    process, _ = swarm(t)
    count = wait_for(lambda: (found := len(t.beneath(process.pid))) >= 20 and found,
                     "control: the swarm lives")
    # Monitor, helper where there is one, init and the worker come before its children.
    first = 4 if t.options.backend == "bwrap" else 3
    helpers = count - 36
    process.kill()
    process.wait()
    for index in range(max(first, helpers)):
        before = snapshot(t)
        process, path = swarm(t)
        family = t.beneath(process.pid)
        victim = family[index]
        name = residue.describe(victim)
        os.kill(victim, signal.SIGKILL)
        code = wait_for(lambda: process.poll() is not None, f"the end after {name} was killed") \
            and process.returncode
        check.true(code != 0, f"{name} was killed and the exit code is 0")
        found = t.jail.read_status(path)
        check.true(found is not None, f"{name} was killed and there is no status")
        ended(t, before, f"{name} was killed")


@test("a worker that ends while others of it burn: they end")
def burners(t):
    before = snapshot(t)
    result = t.run(["/bin/sh", "-c", "for i in 1 2 3; do (while :; do :; done) & done; exit 9"],
                   policy={"cpu_ms": 5000})
    check.equal((result.type, result.code), ("exit", 9), "outcome")
    ended(t, before, "after the run")


# Signals to the supervisor.

FORWARDED = {"TERM": 15, "INT": 2, "HUP": 1, "USR1": 10, "USR2": 12}


def forwarded(t, number):
    process, path = swarm(t, "note")
    process.send_signal(number)
    check.equal(process.stdout.readline(), b"signal %02d\n" % number, "what the worker got")
    check.equal(process.poll(), None, "the supervisor")
    process.kill()
    process.wait()


for name, number in FORWARDED.items():
    add(f"SIG{name} to the supervisor reaches the worker",
        lambda t, number=number: forwarded(t, number), __name__)


@test("SIGTERM ends an ordinary worker, with its signal as the outcome")
def terminated(t):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        process, path = swarm(t, "wait")
        process.send_signal(number)
        check.equal(process.wait(10 * t.options.pace), 128 + number, "exit code")
        outcome = t.jail.read_status(path)["outcome"]
        check.equal((outcome["type"], outcome["signal"]), ("signal", number), "outcome")


@test("SIGTERM lets a polite worker choose its exit code")
def polite(t):
    process, path = swarm(t, "polite")
    process.send_signal(signal.SIGTERM)
    check.equal(process.wait(10 * t.options.pace), 45, "exit code")
    check.equal(t.jail.read_status(path)["outcome"]["type"], "exit", "outcome")


@test("a signal that comes while the jail is built is not lost, and ends it", 120)
def early_signal(t):
    for step in range(20):
        before = snapshot(t)
        process, path = t.jail.start(["/bin/sleep", "30"], stdin=subprocess.DEVNULL,
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.004 + step * 0.002)
        process.send_signal(signal.SIGTERM)
        code = process.wait(10 * t.options.pace)
        check.one_of(code, {143, -15, 125}, f"exit code after {4 + step * 2} ms")
        ended(t, before, "after the signal")


@test("two hundred runs in a row leave nothing and do not get slower", 240)
def many(t):
    before = snapshot(t)
    spans = []
    for _ in range(4):
        began = time.monotonic()
        for _ in range(50):
            result = t.run(["/bin/true"])
            check.equal(result.code, 0, "exit code")
        spans.append(time.monotonic() - began)
        t.results.clear()
    ended(t, before, "after all")
    check.true(spans[-1] < 4 * spans[0] + 2, f"spans {spans}")


@test("the end of a worker's stdin is not the end of the worker")
def stdin_closed(t):
    result = t.run(["/bin/sh", "-c", "cat; sleep 0.2; echo still here"])
    check.equal(result.text, "still here\n", "output")


@test("a caller without SIGCHLD, or that ignores it, gets the right exit code")
def ignored_children(t):
    def ignore():
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    result = t.run(["/bin/sh", "-c", "exit 33"], preexec_fn=ignore, restore_signals=False)
    check.equal((result.type, result.code), ("exit", 33), "outcome")
