# SPDX-License-Identifier: Apache-2.0
"""A worker under the double of sandbox-exec: what it starts with, how it ends, what it is limited to."""
import json
import os
import signal
import stat
import subprocess

import stage
from stage import equal, python, run, true

SHOW = """
import json, os, resource, signal, stat
blocked = {int(s) for s in signal.pthread_sigmask(signal.SIG_BLOCK, [])}
ignored = [s for s in range(1, 32) if s not in (9, 13, 25, 19) and signal.getsignal(s) == signal.SIG_IGN]
with open("/proc/self/status") as file:
    lines = dict(line.split(":", 1) for line in file)
try:
    os.open("/dev/tty", os.O_RDWR)
    tty = True
except OSError:
    tty = False
os.umask(mask := os.umask(0))
print(json.dumps({
    "env": dict(os.environ), "session": os.getsid(0) == os.getpid(), "group": os.getpgrp() == os.getpid(),
    "fds": sorted(int(f) for f in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{f}")),
    "blocked": sorted(blocked), "ignored": lines["SigIgn"].strip(), "tty": tty, "umask": mask,
    "cwd": os.getcwd(), "nofile": resource.getrlimit(resource.RLIMIT_NOFILE),
    "core": resource.getrlimit(resource.RLIMIT_CORE), "cpu": resource.getrlimit(resource.RLIMIT_CPU),
    "temporary": oct(os.stat(os.environ["TMPDIR"]).st_mode) if "TMPDIR" in os.environ else None,
}))
"""


def shown(*options, **more):
    done = run(python(SHOW), *options, **more)
    equal(done.code, 0, done)
    return json.loads(done.out)


def test_streams_pass_byte_for_byte():
    data = os.urandom(3000000)
    done = run(["/usr/bin/cat"], input=data)
    equal(done.code, 0, done)
    true(done.out == data and done.err == b"", "what came out is not what went in")
    done = run(["/usr/bin/sh", "-c", "echo out; echo err >&2"])
    equal((done.out, done.err), (b"out\n", b"err\n"), "stdout and stderr")


def test_environment_is_exactly_the_policy():
    found = shown(policy={"env": {"A": "b=c d", "EMPTY": ""}}, env={"SECRET": "1"})["env"]
    temporary = found.pop("TMPDIR")
    true(temporary.startswith("/private/tmp/kastellan-"), temporary)
    found.pop("LC_CTYPE", None)  # Python's own
    equal(found, {"A": "b=c d", "EMPTY": ""}, "the environment")
    control = subprocess.run(python("import os; print(os.environ.get('SECRET'))"),
                             env={"SECRET": "1"}, capture_output=True, check=False)
    equal(control.stdout, b"1\n", "control: without kastellan it would be there")


def test_a_temporary_directory_of_the_policy_is_taken():
    found = shown(policy={"env": {"TMPDIR": "/private/tmp"}})["env"]
    equal(found["TMPDIR"], "/private/tmp", "TMPDIR")


def test_session_signals_descriptors_and_mask_are_its_own():
    extra = os.open("/etc/passwd", os.O_RDONLY)
    os.set_inheritable(extra, True)
    os.dup2(extra, 9)

    def caller():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGTERM])
        os.umask(0)

    def call(command):
        return json.loads(subprocess.run(command, capture_output=True, check=True, close_fds=False,
                                         preexec_fn=caller, timeout=60).stdout)

    found = call(stage.words(python(SHOW)))
    control = call(python(SHOW))
    os.close(extra)
    os.close(9)
    true(found["session"] and found["group"] and not found["tty"], found)
    # Python opens the directory of descriptors itself.
    true(set(found["fds"]) <= {0, 1, 2, 3} and 9 in control["fds"], (found["fds"], control["fds"]))
    # Python ignores SIGPIPE and SIGXFSZ itself.
    # ... and those of the C library are not for anybody.
    equal(int(found["ignored"], 16) & 0x7eff6fff, 0, "ignored signals")
    true(int(control["ignored"], 16) & 3, "control: they would be inherited")
    equal((found["blocked"], found["umask"]), ([], 0o22), "blocked signals and the mask")
    true(len(control["blocked"]) == 2 and control["umask"] == 0, control)


def test_limits_of_the_process():
    found = shown(policy={"cpu_ms": 1500})
    equal((found["core"], found["cpu"]), ([0, 0], [3, 4]), "core and CPU")
    equal(found["nofile"], [1024, 4096], "files")


def test_temporary_directory_is_private():
    equal(shown()["temporary"], oct(stat.S_IFDIR | 0o700), "its mode")


def test_working_directory():
    equal(shown()["cwd"], "/", "without one")
    equal(shown("-w", stage.HOME, "--cwd", stage.HOME)["cwd"], stage.HOME, "a granted one")
    done = run(["./tool"], "-w", stage.HOME, "--cwd", stage.HOME)
    equal((done.code, done.outcome), (127, "setup"), done)


def test_exit_statuses():
    for code in (0, 1, 42, 64, 65, 71, 127, 255):
        done = run(["/usr/bin/sh", "-c", f"exit {code}"])
        equal((done.code, done.outcome, done.exit_code), (code, "exit", code), done)
    for number in (signal.SIGSEGV, signal.SIGKILL, signal.SIGTERM):
        done = run(["/usr/bin/sh", "-c", f"kill -{int(number)} $$"])
        equal((done.code, done.outcome), (128 + number, "signal"), done)


def test_program_is_found_or_named():
    equal(run(["true"]).code, 0, "a name that is looked for")
    equal(run(["/usr/bin/true"]).code, 0, "a link to it")
    for program, code in (("no-such-program", 127), ("/usr/bin", 126), ("/etc/passwd", 126),
                          ("/no/such", 127), ("/Users/ada/../ada/x", 127)):
        done = run([program])
        equal((done.code, done.outcome), (code, "setup"), done)
        true(b"exec" in done.err and program.encode() in done.err, done)


def misbehave(text):
    with open(stage.MISBEHAVIOUR, "w") as file:
        file.write(text)


def test_sandbox_exec_that_refuses_is_a_failed_start():
    try:
        for text, step in (("65", "profile"), ("71", "exec"), ("64", "worker"), ("0", "worker"),
                           ("1", "worker"), ("die", "worker")):
            misbehave(text)
            done = run(["/usr/bin/true"])
            equal(done.outcome, "setup", done)
            equal(done.step, step, done)
            true(done.code in (125, 126), done)
    finally:
        os.unlink(stage.MISBEHAVIOUR)
    equal(run(["/usr/bin/true"]).code, 0, "control")


def test_sandbox_exec_that_hangs_is_given_up():
    try:
        misbehave("hang")
        done = run(["/usr/bin/true"])
        equal((done.code, done.outcome), (126, "setup"), done)
        true(b"10 seconds" in done.err, done)
    finally:
        os.unlink(stage.MISBEHAVIOUR)


def test_one_sandbox_in_another_is_refused():
    inner = " ".join(stage.words(["/usr/bin/true"]))
    done = run(["/usr/bin/sh", "-c", f"KASTELLAN_WARDEN={stage.WARDEN} {inner}"])
    equal(done.code, 126, done)
    true(b"inside another sandbox" in done.err, done)


def test_wall_clock():
    done = run(["/usr/bin/sleep", "60"], "--timeout", "300ms")
    equal((done.code, done.outcome), (124, "timeout"), done)
    done = run(python("import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"),
               "--timeout", "300ms")
    equal((done.code, done.outcome), (124, "timeout"), done)


def test_cpu_budget_of_the_tree():
    done = run(["/usr/bin/sh", "-c", "while :; do :; done & while :; do :; done"],
               policy={"cpu_ms": 400})
    equal((done.code, done.outcome), (137, "cpu"), done)
    true(300 < done.usage["cpu_ms"] < 3000, done)
    equal(run(python("sum(range(1000000))"), policy={"cpu_ms": 20000}).code, 0, "control")


def test_memory_of_the_tree():
    text = "import time; held = bytearray(b'x' * (100 << 20)); time.sleep({})"
    done = run(python(text.format(60)), policy={"mem_mb": 64, "cpu_ms": 0})
    equal((done.code, done.outcome), (137, "oom"), done)
    done = run(python(text.format(0.3)), policy={"mem_mb": 400, "cpu_ms": 0})
    equal(done.code, 0, f"control: {done}")
    true(done.usage["memory_peak_bytes"] > 90 << 20, done)


def test_tasks_of_the_tree():
    text = "import os, time; [os.fork() or (time.sleep(60), os._exit(0)) for _ in range({})]; time.sleep({})"
    done = run(python(text.format(12, 60)), policy={"tasks_max": 8, "cpu_ms": 0, "mem_mb": 0})
    equal((done.code, done.outcome), (137, "tasks"), done)
    done = run(python(text.format(4, 0.3)), policy={"tasks_max": 8, "cpu_ms": 0, "mem_mb": 0})
    equal(done.code, 0, f"control: {done}")


def test_share_of_the_cpu():
    text = ("import time; end = time.monotonic() + 1.5\nwhile time.monotonic() < end: pass\n"
            "print(time.process_time())")
    used = float(run(python(text), policy={"cpu_quota_pct": 30, "cpu_ms": 0}).out)
    true(used < 0.9, f"{used} s of 1.5 s with 30 %")


def test_fields_are_refused_unless_accepted():
    done = run(["/usr/bin/true"], degraded="profile")
    equal((done.code, done.outcome), (125, "setup"), done)
    true(b"degraded" in done.err, done)


def test_receipt_says_how_far_it_has_been_tried():
    done = run(["/usr/bin/true"])
    row = done.receipt["profile"]
    true("never run" in row["detail"] and row["verdict"] == "degraded", row)


def test_nothing_of_the_order_is_on_a_command_line():
    with subprocess.Popen(stage.words(["/usr/bin/sleep", "60"], policy={"env": {"A": "secret-value"}},
                                      )) as process:
        try:
            stage.until(lambda: any("sleep 60" in line and "kastellan" not in line
                                    for line in stage.processes().values()), 10, "no worker")
            wardens = [line for line in stage.processes().values() if "warden" in line]
            equal(wardens, ["kastellan-warden "], "the warden's command line")
        finally:
            process.terminate()
            process.wait(timeout=20)
