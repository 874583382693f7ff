# SPDX-License-Identifier: Apache-2.0
"""A worker under the double of Apple's container: streams, environment, ends, and that no machine is
left behind."""
import fcntl
import os
import signal
import subprocess
import time

import stage
from stage import equal, python, true

DEGRADED = "cpu_ms,profile,tasks_max,env"


def prepare(version=None):
    os.makedirs(stage.MACHINES, exist_ok=True)
    if version:
        with open(os.path.join(stage.MACHINES, "version"), "w") as file:
            file.write(version)


def words(program, *options, **more):
    return stage.words(program, *options, backend="container", degraded=DEGRADED, **more)


def run(program, *options, **more):
    prepare()
    return stage.run(program, *options, backend="container", degraded=DEGRADED, **more)


def machines():
    return [name for name in os.listdir(stage.MACHINES) if name.endswith(".pid")]


def test_streams_pass_byte_for_byte():
    data = os.urandom(3000000)
    done = run(["/usr/bin/cat"], input=data)
    equal(done.code, 0, done)
    true(done.out == data and done.err == b"", "what came out is not what went in")


def test_the_callers_stream_keeps_its_mode():
    prepare()
    reading, writing = os.pipe()
    flags = fcntl.fcntl(reading, fcntl.F_GETFL)
    with subprocess.Popen(words(["/usr/bin/head", "-c", "5"]), stdin=reading,
                          stdout=subprocess.PIPE) as process:
        os.write(writing, b"hello")
        equal(process.stdout.read(), b"hello", "what the worker read")
        equal(fcntl.fcntl(reading, fcntl.F_GETFL), flags, "flags of the caller's own pipe")
    os.close(writing)
    # Control: the command by itself would set it to non-blocking, for the caller too.
    code = ("import fcntl, os; fcntl.fcntl(0, fcntl.F_SETFL, os.O_NONBLOCK)")
    subprocess.run(python(code), stdin=reading, check=True)
    true(fcntl.fcntl(reading, fcntl.F_GETFL) != flags, "control: the mode is shared")
    os.close(reading)


def test_environment():
    done = run(["/usr/bin/env"], policy={"env": {"A": "b=c d", "B": " #x "}}, env={"SECRET": "1"})
    equal(sorted(done.out.decode().splitlines()), ["A=b=c d", "B= #x ", "PATH=/usr/bin:/bin"], done)


def test_exit_statuses():
    for code in (0, 1, 42, 64):
        done = run(["/usr/bin/sh", "-c", f"exit {code}"])
        equal((done.code, done.outcome), (code, "exit"), done)
    equal(run(["/usr/bin/sh", "-c", "kill -9 $$"]).code, 137, "a signal")


def test_an_image_that_is_not_there_is_a_failed_start():
    done = run(["/usr/bin/true"], "--image", "missing:1")
    equal((done.code, done.outcome, done.step), (125, "setup", "machine"), done)
    true(b"missing:1" in done.err and b"image pull" in done.err, done)


def test_an_image_is_looked_for_and_not_fetched():
    prepare()
    for image, found in (("alpine:3.20", True), ("missing:1", False)):
        done = subprocess.run([stage.KASTELLAN, "doctor", "--image", image], capture_output=True,
                              check=False, text=True, timeout=60)
        # That of a double is never without limits, so that the status says no in any case.
        equal(done.returncode, 1, done)
        true((f"{image}  works" in done.stdout.replace("    ", "  ")) == found, done.stdout)
        true(("container image pull missing:1" in done.stdout) != found, done.stdout)
    for image in ("-x", "a b", ""):
        done = subprocess.run([stage.KASTELLAN, "doctor", "--image", image], capture_output=True,
                              check=False, text=True, timeout=60)
        true(done.returncode > 1 and image in done.stderr, done)


def test_an_old_container_is_refused():
    for version, code in (("0.11.0", 125), ("0.12.0", 0), ("1.2.2", 0)):
        prepare(version)
        done = stage.run(["/usr/bin/true"], backend="container", degraded=DEGRADED)
        equal(done.code, code, done)
        true(code == 0 or (b"0.12.0" in done.err and b"install" in done.err), done)


def test_wall_clock():
    done = run(["/usr/bin/sleep", "60"], "--timeout", "500ms")
    equal((done.code, done.outcome), (124, "timeout"), done)
    done = run(python("import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"),
               "--timeout", "500ms")
    equal((done.code, done.outcome), (124, "timeout"), done)


def start(text="print('ready', flush=True); import time; time.sleep(600)"):
    prepare()
    process = subprocess.Popen(words(python(text)), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    equal(process.stdout.readline(), b"ready\n", "the worker's word")
    return process


def all_gone():
    stage.until(lambda: not stage.processes(), 20, "somebody lives on")
    equal((machines(), os.listdir(stage.TEMPORARY)), ([], []), "machines and directories")


def command_of(name):
    return [pid for pid, line in stage.processes().items() if name in line]


def test_signals_reach_the_worker_by_name():
    text = ("import os, signal, time\n"
            "signal.signal({0}, lambda *_: (os.write(1, b'got\\n'), os._exit(7)))\n"
            "print('ready', flush=True)\ntime.sleep(600)")
    for number in (signal.SIGTERM, signal.SIGUSR1):
        process = start(text.format(int(number)))
        process.send_signal(number)
        equal((process.stdout.read(), process.wait(timeout=10)), (b"got\n", 7), number.name)


def test_the_caller_is_killed():
    process = start()
    true(machines(), "control: a machine runs")
    process.kill()
    process.wait()
    all_gone()


def test_the_command_is_killed():
    """Nothing but delete stops the machine then."""
    process = start()
    for pid in command_of("/container run"):
        os.kill(pid, signal.SIGKILL)
    equal(process.wait(timeout=30), 137, "the status")
    all_gone()


def test_the_caller_is_killed_while_an_image_is_fetched():
    prepare()
    process = subprocess.Popen(words(["/usr/bin/true"], "--image", "slow:1"), stderr=subprocess.DEVNULL)
    stage.until(lambda: command_of("/container run"), 10, "the command runs")
    time.sleep(0.2)
    process.kill()
    process.wait()
    all_gone()


def test_secrets_are_on_no_command_line():
    prepare()
    for image in ("slow:1", "alpine:3.20"):
        process = subprocess.Popen(words(["/usr/bin/sleep", "60"], "--image", image,
                                         policy={"env": {"A": "secret-value"}}), stderr=subprocess.DEVNULL)
        if image == "slow:1":
            stage.until(lambda: command_of("/container run"), 10, "the command runs")
        else:
            stage.until(lambda: command_of("/usr/bin/sleep") and machines(), 10, "no worker")
        lines = list(stage.processes().values())
        true(not any("secret-value" in line for line in lines), lines)
        [directory] = [path for name in os.listdir(stage.TEMPORARY)
                       if os.path.isdir(path := os.path.join(stage.TEMPORARY, name))]
        equal(os.stat(directory).st_mode & 0o777, 0o700, "its directory")
        file = os.path.join(directory, "env")
        if image == "slow:1":
            equal(os.stat(file).st_mode & 0o777, 0o600, "the file of the environment")
        else:
            stage.until(lambda: not os.path.exists(file), 10, "a machine that runs needs it no more")
        process.kill()
        process.wait(timeout=30)
        all_gone()


def test_an_input_that_nobody_reads():
    done = run(["/usr/bin/true"], input=b"x" * 3000000)
    equal(done.code, 0, done)
