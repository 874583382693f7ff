# SPDX-License-Identifier: Apache-2.0
"""Whoever of a worker's two owners is killed, the other one ends and removes everything; where both are,
the next start does."""
import os
import random
import signal
import struct
import subprocess

import stage
import test_container
from stage import equal, run, true
from test_failing_calls import ALL, CALLS, WRAPPER, counts, warden
from test_lifetime import LIMITS, start, wardens

# One of so many is tried, others each time; KASTELLAN_MAC_CALLS=all tries each.
SHARE = 1 if ALL else 60
RECORD = struct.Struct("4Q")  # version, machine, process, born
CONTAINER = {"backend": "container", "degraded": test_container.DEGRADED}


def kinds():
    """Each kind of worker: how it is started, and a word of its command line."""
    test_container.prepare()
    return (({}, "python3"), (CONTAINER, "container run"))


def made():
    """The names beside and of the directories, and the record among them."""
    names = sorted(os.listdir(stage.TEMPORARY))
    [record] = [name for name in names if name.endswith(".owner")]
    return names, os.path.join(stage.TEMPORARY, record)


def gone():
    test_container.prepare()
    stage.until(lambda: not stage.processes() and not os.listdir(stage.TEMPORARY), 20, "what is left")
    equal(test_container.machines(), [], "machines")


def kill_both(process):
    """So that neither sees the other one go."""
    [pid] = wardens()
    os.kill(pid, signal.SIGSTOP)
    process.kill()
    process.wait()
    os.kill(pid, signal.SIGKILL)
    stage.until(lambda: not wardens(), 10, "the warden")


def said_by_the_caller_of_a_killed_warden(kind, word):
    process = start("print('ready', flush=True)\nimport time\ntime.sleep(600)", **kind)
    names, _ = made()
    true(len(names) == 2 and any(word in line for line in stage.processes().values()), names)
    os.kill(wardens()[0], signal.SIGKILL)
    equal(process.wait(timeout=30), 125, "the status")
    gone()
    return process.stderr.read()


def test_the_warden():
    """The program may be quicker than the word that it runs: then it is tried again."""
    for kind, word in kinds():
        for _ in range(20):
            said = said_by_the_caller_of_a_killed_warden(kind, word)
            if b"ended before the worker had begun" not in said:
                break
        true(b"kastellan-warden was ended, and the worker with it" in said, said)


def test_the_warden_before_the_program_has_begun():
    """Of such a worker the caller has not been told yet."""
    for words, word in (
            (stage.words(["/usr/bin/true"], policy=LIMITS), "/usr/bin/sandbox-exec"),
            (test_container.words(["/usr/bin/true"], "--image", "slow:1"), "container run")):
        test_container.prepare()
        with open(stage.MISBEHAVIOUR, "w") as file:
            file.write("hang")
        try:
            process = subprocess.Popen(words, stderr=subprocess.PIPE)
            stage.until(lambda w=word: any(w in line for line in stage.processes().values()), 10,
                        "control: it is on its way")
        finally:
            os.unlink(stage.MISBEHAVIOUR) if word == "container run" else None
        os.kill(wardens()[0], signal.SIGKILL)
        equal(process.wait(timeout=30), 125, "the status")
        if os.path.exists(stage.MISBEHAVIOUR):
            os.unlink(stage.MISBEHAVIOUR)
        gone()
        # Whoever lived on would hold its stderr open.
        true(b"ended before the worker had begun" in process.stderr.read(), "what it says")


def test_the_warden_at_any_call():
    """Whatever it has made by then."""
    network = {**LIMITS, "net": {"Allowlist": ["9.9.9.9:443"]}}
    killed = tried = 0
    for policy, kind in ((LIMITS, {}), (LIMITS, CONTAINER), (network, {}), (network, CONTAINER)):
        words = stage.words([stage.PROBE, "session"], policy=policy, **kind)
        test_container.prepare()
        most = counts(words, warden)
        # All of its life, not only its start: it also reads, waits and removes.
        places = [(call, when) for calls in CALLS for call in calls.split(",")
                  for when in range(1, min(most.get(call, 0), 24) + 1)]
        for call, when in random.sample(places, max(2, len(places) // SHARE)):
            test_container.prepare()
            found = warden(words, "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={when}")
            tried += 1
            killed += b"kastellan-warden" in found.stderr
            true(found.returncode or found.stdout == b"done\n", f"{call} {when}: {found}")
            try:
                # Where even the commands that remove a machine are killed, the next start does it.
                if b"not all of it is gone" in found.stderr:
                    equal(run(["/usr/bin/true"], policy=LIMITS, **kind).code, 0, "the next start")
                gone()
            except AssertionError as error:
                raise AssertionError(f"killed at {call} number {when}: {found}: {error}") from error
    true(killed > 0, f"{killed} of {tried} were killed")


def test_the_warden_and_its_stream_is_held_by_another():
    """Who has inherited its end of the stream keeps nothing from the caller."""
    with open(WRAPPER, "w") as file:
        file.write(f"#!/usr/bin/sh\n/usr/bin/sleep 600 </dev/null >/dev/null 2>&1 &\nexec {stage.WARDEN}\n")
    os.chmod(WRAPPER, 0o755)
    process = start("print('ready', flush=True)\nimport time\ntime.sleep(600)",
                    env={**os.environ, "KASTELLAN_WARDEN": WRAPPER})
    [holder] = [pid for pid, line in stage.processes().items() if line.startswith("/usr/bin/sleep")]
    true(os.readlink(f"/proc/{holder}/fd/3").startswith("socket:"), "control: it holds the stream")
    [pid] = [pid for pid, line in stage.processes().items() if line.startswith(stage.WARDEN)]
    os.kill(pid, signal.SIGKILL)
    equal(process.wait(timeout=30), 125, "the status")
    os.kill(holder, signal.SIGKILL)
    gone()
    os.unlink(WRAPPER)


def test_both():
    for kind, word in kinds():
        process = start("import os, time\nif os.fork():\n    print('ready', flush=True)\ntime.sleep(600)",
                        **kind)
        kill_both(process)
        names, _ = made()
        true(len(names) == 2, f"control: {names} are left")
        left = stage.processes()
        true(any(word in line for line in left.values()), f"control: processes are left: {left}")
        # Those of another kind are nobody's whom this start could end.
        other = CONTAINER if not kind else {}
        equal(run(["/usr/bin/true"], policy=LIMITS, **other).code, 0, "another kind of worker")
        equal(made()[0], names, "what is left of the other kind")
        equal(run(["/usr/bin/true"], policy=LIMITS, **kind).code, 0, "the next one")
        gone()


def test_what_is_not_left_is_not_touched():
    """Workers whose owners live; a process that has another's number; what is no record."""
    alive = start()
    stranger = subprocess.Popen(["/usr/bin/sleep", "600"], start_new_session=True)
    # The session of a number that nobody has any more, which is not provably the worker's.
    session = subprocess.Popen(["/usr/bin/sh", "-c", "/usr/bin/sleep 601 & echo $!"], start_new_session=True,
                               stdout=subprocess.PIPE)
    member = int(session.stdout.readline())
    session.wait()
    names, record = made()
    with open(record, "rb") as file:
        version, machine, _, born = RECORD.unpack(file.read())
    forged = [os.path.join(stage.TEMPORARY, f"kastellan-{digit * 32}.owner") for digit in "0a"]
    for path, pid in zip(forged, (stranger.pid, session.pid)):
        with open(path, "wb") as file:
            file.write(RECORD.pack(version, machine, pid, born))
    kept, named = (os.path.join(stage.HOME, name) for name in ("kept", "named"))
    for path in (kept, named):
        with open(path, "wb") as file:
            file.write(RECORD.pack(version, machine, 0, 0))
    link = os.path.join(stage.TEMPORARY, "kastellan-" + "1" * 32 + ".owner")
    os.symlink(kept, link)
    double = os.path.join(stage.TEMPORARY, "kastellan-" + "2" * 32 + ".owner")
    os.link(named, double)
    others = [os.path.join(stage.TEMPORARY, name) for name in
              ("kastellan-" + "3" * 31 + ".owner", "kastellan-" + "4" * 33 + ".owner", "5" * 32 + ".owner")]
    for path in others:
        with open(path, "wb") as file:
            file.write(RECORD.pack(version, machine, 0, 0))
    try:
        equal(run(["/usr/bin/true"], policy=LIMITS).code, 0, "another start")
        true(alive.poll() is None and stranger.poll() is None and member in stage.processes(), "all live")
        true(not any(map(os.path.exists, forged)), "control: what a record without owners tells of is removed")
        equal(sorted(os.listdir(stage.TEMPORARY)),
              sorted(names + [os.path.basename(path) for path in (link, double, *others)]), "what is left")
        true(os.path.exists(kept) and os.path.exists(named), "where the links lead to")
    finally:
        for path in (link, double, kept, named, *others):
            os.unlink(path)
        stranger.kill()
        stranger.wait()
        os.kill(member, signal.SIGKILL)
        alive.kill()
        alive.wait()
    gone()


def test_the_worker_that_a_record_tells_of_is_ended():
    """Control of the one before: the same record with the right time of birth."""
    process = start("print('ready', flush=True)\nimport time\ntime.sleep(600)")
    kill_both(process)
    _, record = made()
    with open(record, "rb") as file:
        pid = RECORD.unpack(file.read())[2]
    true(pid in stage.processes(), "control: it lives")
    equal(run(["/usr/bin/true"], policy=LIMITS).code, 0, "the next one")
    true(pid not in stage.processes(), "it is ended")
    gone()


def test_signals_that_end_others_do_not_end_a_warden():
    process = start("print('ready', flush=True)\nimport time\ntime.sleep(600)")
    [pid] = wardens()
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGALRM):
        os.kill(pid, number)
    process.send_signal(signal.SIGTERM)
    equal(process.wait(timeout=20), 128 + signal.SIGTERM, "the worker's own end, which it has told of")
    gone()
