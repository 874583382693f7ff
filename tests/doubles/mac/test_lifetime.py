# SPDX-License-Identifier: Apache-2.0
"""Nobody outlives whoever has to watch him, however that one ends; and nothing is left behind."""
import contextlib
import os
import shutil
import signal
import subprocess
import time

import stage
from stage import equal, python, run, true
from test_failing_calls import STRACE

# A tree with a part that has cut itself off, after it was seen.
TREE = """
import os, sys, time
for _ in range(2):
    if os.fork() == 0:
        time.sleep(600)
if os.fork() == 0:
    time.sleep(1)
    os.setsid()
    if os.fork() == 0:
        time.sleep(600)
    os._exit(0)
time.sleep(1.6)
print("ready", flush=True)
time.sleep(600)
"""
LIMITS = {"cpu_ms": 0, "mem_mb": 0}


def start(text=TREE, *options, env=None, **more):
    process = subprocess.Popen(stage.words(python(text), *options, policy=LIMITS, **more),
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
    equal(process.stdout.readline(), b"ready\n", "the worker's word")
    return process


def wardens():
    return [pid for pid, line in stage.processes().items() if line.startswith("kastellan-warden")]


def all_gone(process, seconds=30):
    stage.until(lambda: not [pid for pid in stage.processes() if pid != process.pid], seconds,
                "somebody lives on")


def test_the_caller_is_killed():
    process = start()
    true(len(stage.processes()) >= 6, f"control: a tree lives: {stage.processes()}")
    process.kill()
    process.wait()
    all_gone(process)
    stage.until(lambda: not os.listdir(stage.TEMPORARY), 30, "its directory is left")


def test_the_caller_is_killed_and_its_stream_is_held_by_another():
    """A child of the caller that has its descriptors keeps the stream open: the end of the process is
    seen, too."""
    text = ("import os, subprocess, sys, time\n"
            "process = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)\n"
            "process.stdout.readline()\nprint(process.pid, flush=True)\ntime.sleep(600)")
    holder = subprocess.Popen(["/usr/bin/python3", "-c", text, *stage.words(python(TREE), policy=LIMITS)],
                              stdout=subprocess.PIPE)
    pid = int(holder.stdout.readline())
    os.kill(pid, signal.SIGKILL)
    stage.until(lambda: not wardens(), 10, "the warden lives")
    holder.kill()
    holder.wait()


def test_the_caller_is_killed_while_it_starts():
    for delay in range(0, 60, 3):
        process = subprocess.Popen(stage.words(["/usr/bin/sleep", "600"]), stderr=subprocess.DEVNULL)
        time.sleep(delay / 1000)
        process.kill()
        process.wait()
        all_gone(process)
        stage.until(lambda: all(name.endswith(".owner") for name in os.listdir(stage.TEMPORARY)), 30,
                    "its directory is left")
    # Of one that was killed before there was a warden the record is left, which the next start removes.
    equal(run(["/usr/bin/true"]).code, 0, "the next start")
    equal(os.listdir(stage.TEMPORARY), [], "what is left of all")


def test_the_warden_is_killed():
    process = start()
    [warden] = wardens()
    os.kill(warden, signal.SIGKILL)
    equal(process.wait(timeout=20), 125, "the status")
    true(b"kastellan-warden was ended" in process.stderr.read(), "what it says")
    # Who had cut himself off is known to the warden alone.
    for pid in stage.processes():
        os.kill(pid, signal.SIGKILL)


def test_the_warden_is_killed_and_the_session_ends_with_it():
    text = "import os, time\nos.fork()\nos.fork()\nprint('ready', flush=True)\ntime.sleep(600)"
    process = start(text)
    [warden] = wardens()
    os.kill(warden, signal.SIGKILL)
    equal(process.wait(timeout=20), 125, "the status")
    all_gone(process)


def test_the_program_ends_and_others_of_its_tree_do_not():
    done = run(python("import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(600)\n"
                      "time.sleep(0.2)"), policy=LIMITS)
    equal(done.code, 0, done)


def test_signals_reach_the_worker():
    text = ("import os, signal, time\n"
            "signal.signal({0}, lambda *_: (os.write(1, b'got\\n'), os._exit(7)))\n"
            "print('ready', flush=True)\ntime.sleep(600)")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP):
        process = start(text.format(int(number)))
        process.send_signal(number)
        equal((process.stdout.read(), process.wait(timeout=10)), (b"got\n", 7), number.name)


def test_a_stopped_worker_ends_too():
    process = start("import os, signal\nprint('ready', flush=True)\nos.kill(0, signal.SIGSTOP)")
    time.sleep(0.2)
    process.kill()
    process.wait()
    all_gone(process)


def test_the_directory_goes_whatever_is_in_it():
    outside = os.path.join(stage.HOME, "keep")
    os.makedirs(os.path.join(outside, "sub"), exist_ok=True)
    with open(os.path.join(outside, "file"), "w") as file:
        file.write("kept")
    text = f"""
import os
top = os.environ["TMPDIR"]
os.symlink("{outside}", top + "/link")
os.symlink("/", top + "/root")
os.makedirs(top + "/closed/inner")
os.symlink("{outside}/sub", top + "/closed/inner/link")
os.chmod(top + "/closed/inner", 0)
os.chmod(top + "/closed", 0o500)
os.makedirs(top + "/many")
for i in range(500):
    open(top + f"/many/{{i}}", "w").close()
os.mkfifo(top + "/fifo")
os.chdir(top)
for i in range(600):
    os.mkdir("deep" * 20)
    os.chdir("deep" * 20)
os.chdir("/")
os.chmod(top, 0)
"""
    done = run(python(text), policy={"cpu_ms": 0, "mem_mb": 0})
    equal(done.code, 0, done)
    equal(sorted(os.listdir(outside)), ["file", "sub"], "what the links led to")


def test_a_directory_in_its_place_is_not_followed():
    done = run(python("import os\ntop = os.environ['TMPDIR']\nos.rmdir(top)\n"
                      f"os.symlink('{stage.HOME}', top)"), policy=LIMITS)
    # The profile keeps the directory where it is; the double does not, and then it is told.
    equal(done.code, 125, done)
    true(b"not all of it is gone" in done.err and os.path.isdir(stage.HOME), done)
    for name in os.listdir(stage.TEMPORARY):
        os.unlink(os.path.join(stage.TEMPORARY, name))


def test_a_warden_that_anybody_may_write_is_refused():
    other = os.path.join(stage.HOME, "warden")
    with open(stage.WARDEN, "rb") as source, open(other, "wb") as copy:
        copy.write(source.read())
    os.chmod(other, 0o755)
    equal(run(["/usr/bin/true"], env={"KASTELLAN_WARDEN": other}).code, 0, "control")
    os.chmod(other, 0o757)
    done = run(["/usr/bin/true"], env={"KASTELLAN_WARDEN": other})
    equal(done.code, 125, done)
    true(b"chmod" in done.err, done)
    done = run(["/usr/bin/true"], env={"KASTELLAN_WARDEN": "/no/such"})
    equal(done.code, 125, done)


def test_a_warden_that_is_none():
    done = run(["/usr/bin/true"], env={"KASTELLAN_WARDEN": "/opt/host/true"})
    equal((done.code, done.outcome), (125, "setup"), done)


def test_a_reader_that_leaves_ends_nobody_else():
    process = subprocess.Popen(stage.words(["/usr/bin/yes"], policy=LIMITS), stdout=subprocess.PIPE)
    process.stdout.read(10)
    process.stdout.close()
    equal(process.wait(timeout=20), 128 + signal.SIGPIPE, "the worker's own signal")


def stopped(words):
    """A caller that stops once it has opened the grants, before it hands them on."""
    process = subprocess.Popen([*STRACE, "-b", "execve", "-e", "trace=flock", "-e", "inject=flock:signal=STOP",
                                *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    found = []

    def stands():
        for pid, line in stage.processes().items():
            if line.startswith(stage.KASTELLAN):
                with open(f"/proc/{pid}/stat") as file:
                    found[:] = [pid] if file.read().rsplit(")", 1)[1].split()[0] in "Tt" else []
        return found and [name for name in os.listdir(stage.TEMPORARY) if name.endswith(".owner")]

    stage.until(stands, 20, "it has not stopped")
    return process, found[0]


def said_at_the_end(process, pid):
    """Told to go on more than once: what was seen may have been a stop of strace's before that one."""
    def ended():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
        return process.poll() is not None

    stage.until(ended, 30, "it does not go on")
    return process.communicate()[1].decode()


def test_what_takes_the_place_of_a_grant_is_not_granted():
    """Profiles and machines take paths: they are compared with what was opened when it was planned."""
    os.makedirs(stage.MACHINES, exist_ok=True)
    top = os.path.join(stage.HOME, "grants")
    granted, away, file = (os.path.join(top, name) for name in ("granted", "away", "file"))
    for backend in ("seatbelt", "container"):
        for field, path, swapped in (("fs_read", granted, True), ("fs_write", granted, True),
                                     ("fs_read", file, True), ("fs_read", granted, False)):
            os.makedirs(granted)
            with open(file, "w") as content:
                content.write("x")
            process, pid = stopped(stage.words(["/usr/bin/true"], policy={**LIMITS, field: [path]},
                                               backend=backend, degraded=f"{stage.DEGRADED},env"))
            if swapped:
                os.rename(path, away)
                os.symlink(stage.HOME, path)
            said = said_at_the_end(process, pid)
            equal(process.returncode, 125 if swapped else 0, said)
            true(not swapped or f"{field}: cannot grant {path}: its path leads to something else" in said, said)
            shutil.rmtree(top)


def test_a_prepared_policy_has_workers_that_are_started_when_they_are_wanted():
    """Nothing waits ahead on a Mac, and whoever prepares gets the same workers."""
    os.makedirs(stage.MACHINES, exist_ok=True)
    for backend, degraded in (("seatbelt", stage.DEGRADED), ("container", f"{stage.DEGRADED},env")):
        done = subprocess.run([stage.PREPARED, backend, degraded], capture_output=True, check=False,
                              timeout=60)
        equal((done.returncode, done.stdout), (0, b"0 1 2 3\n"), done)
    refused = subprocess.run([stage.PREPARED, "seatbelt", "env"], capture_output=True, check=False,
                             timeout=60)
    true(refused.returncode == 1 and b"degraded" in refused.stderr, f"control: {refused}")
