# SPDX-License-Identifier: Apache-2.0
"""How a run ends: exit code, typed outcome, status object, and streams byte for byte."""

import hashlib
import json
import os
import subprocess

from harness import check
from harness.discover import add, test

TYPES = {"exit", "signal", "timeout", "cpu", "oom", "tasks", "denied", "setup"}
FIELDS = ["fs_read", "fs_write", "net", "cpu_ms", "mem_mb", "profile", "cpu_quota_pct",
          "tasks_max", "env", "egress"]


def ending(t, act, *arguments, **options):
    return t.run(t.probe("ending", act, *map(str, arguments)), **options)


@test("every exit code is the program's own")
def exit_codes(t):
    for code in (0, 1, 2, 3, 42, 77, 100, 124, 125, 126, 127, 128, 130, 137, 143, 159, 254, 255):
        result = ending(t, "exit", code)
        check.equal((result.code, result.type, result.outcome.get("exit_code"),
                     result.outcome.get("signal")), (code, "exit", code, None), f"exit {code}")


SIGNALS = {"HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "TRAP": 5, "ABRT": 6, "BUS": 7, "FPE": 8,
           "KILL": 9, "USR1": 10, "SEGV": 11, "USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": 15,
           "XCPU": 24, "SYS": 31, "RTMIN": 34, "RTMAX": 64}


def own_signal(t, number):
    for act in ("raise", "kill_self"):
        argv = t.probe("ending", act, str(number))
        check.equal(t.control.run(argv).code, -number, "control")
        result = t.run(argv)
        # SIGSYS is what the kernel ends a process with that enters by another ABI: the two cannot
        # be told apart.
        kinds = {"signal", "denied"} if number == 31 else {"signal"}
        check.one_of(result.type, kinds, act)
        check.equal((result.outcome.get("signal"), result.outcome.get("exit_code"), result.code),
                    (number, None, 128 + number), act)


for name, number in SIGNALS.items():
    add(f"SIG{name} raised at itself is reported as such",
        lambda t, number=number: own_signal(t, number), __name__)


@test("faults of the program are its signals")
def faults(t):
    for act, number in (("segv", 11), ("abort", 6), ("illegal", 4), ("bus", 7)):
        result = ending(t, act)
        check.equal((result.type, result.outcome.get("signal"), result.code),
                    ("signal", number, 128 + number), act)


@test("not found is 127, not executable 126; the outcome is setup, at the step exec")
def not_executed(t):
    top = t.directory("granted")
    t.file("granted/plain", "echo x\n", 0o644)
    t.file("granted/script", "#!/no/such/interpreter\n", 0o755)
    t.file("granted/noise", "\x01\x02\x03", 0o755)
    for program, code in ((top / "absent", 127), ("no-such-program-anywhere", 127),
                          (top / "script", 127), (top / "plain", 126), (top, 126),
                          (top / "noise", 126)):
        result = t.run([program], read=[top])
        check.equal((result.code, result.type), (code, "setup"), str(program))
        check.equal(result.error.get("step"), "exec", f"step of {program}")
        check.equal([row["field"] for row in result.status["receipt"]], FIELDS, "its receipt")
        check.contains(result.complaint, os.path.basename(str(program)))


@test("a program of the host that no grant shows is not found, and the message says what to do")
def not_granted(t):
    program = t.file("outside/tool", "#!/bin/sh\nexit 0\n", 0o755)
    check.equal(t.control.run([program]).code, 0, "control")
    result = t.run([program])
    check.equal((result.code, result.type), (127, "setup"), "outcome")
    check.contains(result.complaint, str(program), ("grant", "-r"))
    check.equal(t.run([program], read=[program.parent]).code, 0, "with the grant")


@test("a script without #! is refused, as the kernel does it: no shell is guessed")
def no_shebang(t):
    program = t.file("granted/script", "exit 0\n", 0o755)
    result = t.run([program], read=[program.parent])
    check.equal((result.code, result.type), (126, "setup"), "outcome")


@test("a start that fails before there is a plan has no receipt")
def nothing_planned(t):
    result = t.run(["/bin/true"], read=[t.notes / "absent"])
    check.equal((result.code, result.type, result.status["receipt"]), (125, "setup", None), "outcome")


@test("the status object has everything that its description names")
def status(t):
    result = t.run(["/bin/sh", "-c", "exit 7"])
    found = result.status
    check.equal(found["version"], 1, "version")
    check.equal(found["backend"], t.options.backend, "backend")
    check.equal(found["error"], None, "error")
    check.equal(set(found["outcome"]), {"type", "exit_code", "signal", "call", "shell_status"},
                "keys of outcome")
    check.equal(found["outcome"]["shell_status"], 7, "shell_status")
    check.equal(set(found["usage"]), {"wall_ms", "cpu_ms", "memory_peak_bytes", "tasks_peak",
                                      "oom_kills", "tasks_refused", "calls_denied"},
                "keys of usage")
    check.within(found["usage"]["wall_ms"], 0, 30000, "wall_ms")
    check.equal([row["field"] for row in found["receipt"]], FIELDS, "rows of the receipt")


@test("the shell's status agrees with the exit code, for every type")
def shell_status(t):
    for argv, flags in ((["/bin/true"], []), (["/bin/false"], []),
                        (["/bin/sh", "-c", "kill -9 $$"], []),
                        (["/bin/sleep", "9"], ["--timeout", "200ms"]), (["/absent"], []),
                        (["/bin/true"], ["-r", "/absent"]), (t.probe("calls", "keyctl"), [])):
        result = t.run(argv, flags=flags)
        check.one_of(result.type, TYPES, "type")
        check.equal(result.outcome["shell_status"], result.code, str(argv))


@test("a denied call is named, with the code of SIGSYS")
def denied(t):
    result = t.run(t.probe("calls", "keyctl"))
    check.equal((result.type, result.outcome.get("call"), result.code), ("denied", "keyctl", 159),
                "outcome")
    check.within(result.usage["calls_denied"], 1, 1, "calls_denied")
    check.equal(t.control.run(t.probe("calls", "keyctl")).code, 0, "control")


@test("--status fd:N writes to the descriptor, and the worker does not have it")
def status_descriptor(t):
    read, write = os.pipe()
    t.later(os.close, read)
    line = t.jail.command(t.probe("facts"), read=[t.probes.directory],
                          flags=["--status", f"fd:{write}"])
    result = t.control.run(line, pass_fds=[write])
    os.close(write)
    check.equal(result.code, 0, "exit code")
    check.equal(result.json["fds"], [0, 1, 2], "descriptors of the worker")
    data = os.read(read, 1 << 20)
    check.equal(json.loads(data)["outcome"]["type"], "exit", "status")
    check.equal(data.count(b"\n"), 1, "lines")


@test("--status replaces what the file held before")
def status_file(t):
    path = t.file("status", "x" * 100000, 0o666)
    t.jail.run(["/bin/sh", "-c", "exit 5"], flags=["--status", path])
    with open(path, encoding="utf-8") as file:
        check.equal(json.load(file)["outcome"]["exit_code"], 5, "status")


def refused(t, name, marker, **options):
    result = t.jail.run(["/usr/bin/touch", marker], write=[marker.parent], **options)
    check.equal(result.code, 125, f"exit code, {result.complaint}")
    check.contains(result.complaint, name, "writable grant", "remedy: ")
    check.true(not marker.exists(), "the program was started")


@test("a status file that the worker could replace is refused: it would tell its own outcome")
def status_forged(t):
    top = t.directory("granted", 0o777)
    outside = t.directory("outside", 0o777)
    (t.work / "link").symlink_to(top)
    (outside / "new").symlink_to(top / "new")
    for path in (top / "status", t.work / "link/status", outside / "new"):
        refused(t, "--status", top / "started", flags=["--status", path])
    result = t.jail.run(["/bin/true"], read=[top], flags=["--status", top / "status"])
    check.equal(result.code, 0, f"control: where nothing is written, {result.complaint}")


@test("--status does not follow a link that a worker planted")
def status_link(t):
    top = t.directory("granted", 0o777)
    victim = t.file("victim", "precious\n", 0o666)
    t.jail.run(["/bin/ln", "-s", victim, top / "status"], write=[top])
    refused(t, "--status", top / "started", flags=["--status", top / "status"])
    check.equal(victim.read_text(), "precious\n", "the file behind the link")


@test("a policy that the worker could replace is refused, one that is protected is not")
def policy_replaced(t):
    top = t.directory("granted", 0o777)
    policy = t.file("granted/policy.json", json.dumps({"fs_write": [str(top)]}), 0o666)
    refused(t, "--policy", top / "started", flags=["-p", policy])
    result = t.jail.run(["/bin/sh", "-c", f"echo > '{policy}' || rm '{policy}'"],
                        read=[policy], flags=["-p", policy])
    check.equal((result.type, result.code != 0), ("exit", True), f"outcome, {result.complaint}")
    check.equal(json.loads(policy.read_text()), {"fs_write": [str(top)]}, "the policy")


@test("a status that cannot be written is an error before anything starts")
def status_unwritable(t):
    marker = t.directory("granted", 0o777) / "started"
    for where in (t.work / "absent/status", t.work, "fd:987", "fd:x", "fd:"):
        line = t.jail.command(["/usr/bin/touch", marker], write=[marker.parent],
                              flags=["--status", where])
        result = t.control.run(line)
        check.equal(result.code, 125, f"exit code with {where}")
        check.contains(result.complaint, "status")
        check.true(not marker.exists(), f"started with {where}")


@test("-q says nothing, whatever happens")
def quiet(t):
    for argv, flags in ((["/bin/true"], []), (["/bin/sh", "-c", "kill -9 $$"], []),
                        (["/bin/sleep", "9"], ["--timeout", "200ms"]), (["/absent"], []),
                        (["/bin/true"], ["-r", "/absent"]), (t.probe("calls", "keyctl"), [])):
        result = t.run(argv, flags=["-q", *flags])
        check.equal((result.stdout, result.stderr), (b"", b""), f"streams of {argv} {flags}")
        loud = t.run(argv, flags=flags)
        check.equal(loud.code, result.code, "exit code without -q")
        check.equal(loud.stdout, b"", "stdout without -q")
        if loud.type != "exit" and loud.type != "signal":
            check.true(loud.stderr.startswith(b"kastellan: "), f"without -q: {loud.stderr!r}")


@test("a program that ends well makes kastellan say nothing, with or without -q")
def nothing_to_say(t):
    for argv in (["/bin/true"], ["/bin/sh", "-c", "exit 3"]):
        check.equal(t.run(argv).stderr, b"", str(argv))


# Streams.

def digest(data):
    return hashlib.sha256(data).hexdigest()


@test("a mebibyte of noise passes through stdin and stdout unchanged")
def noise(t):
    data = os.urandom(1 << 20)
    result = t.run(["/bin/cat"], stdin=data)
    check.equal(digest(result.stdout), digest(data), "digest of what came out")
    check.equal(result.stderr, b"", "stderr")


@test("stdout and stderr stay apart and in order")
def apart(t):
    script = "for i in 1 2 3; do echo out$i; echo err$i >&2; done"
    result = t.run(["/bin/sh", "-c", script])
    check.equal((result.text, result.complaint), ("out1\nout2\nout3\n", "err1\nerr2\nerr3\n"),
                "streams")


@test("both streams into one file keep their order")
def together(t):
    with open(t.work / "both", "wb") as file:
        t.run(["/bin/sh", "-c", "echo 1; echo 2 >&2; echo 3"], stdout=file,
              stderr=subprocess.STDOUT)
    check.equal((t.work / "both").read_text(), "1\n2\n3\n", "the file")


@test("stdin from a file has its offset, stdout to a file appends there")
def offsets(t):
    path = t.file("input", "first\nsecond\n")
    with open(path, "rb", buffering=0) as file, open(t.work / "out", "wb", buffering=0) as out:
        file.read(6)
        out.write(b"before\n")
        t.run(["/bin/cat"], stdin=file, stdout=out)
    check.equal((t.work / "out").read_text(), "before\nsecond\n", "the file")


@test("the end of stdin reaches the worker, and no input is taken from it before")
def end_of_input(t):
    result = t.run(["/bin/sh", "-c", "read -r a; echo got $a; cat; echo end"], stdin=b"1\n2\n")
    check.equal(result.text, "got 1\n2\nend\n", "output")


@test("when the reader leaves, the program gets SIGPIPE as without a jail")
def reader_leaves(t):
    process, path = t.jail.start(["/usr/bin/yes"], stdout=subprocess.PIPE)
    t.later(t.finish, process)
    process.stdout.read(10)
    process.stdout.close()
    check.equal(process.wait(10 * t.options.pace), 141, "exit code")
    check.equal(t.jail.read_status(path)["outcome"]["signal"], 13, "signal")


@test("writing to a full device is the program's own affair")
def full(t):
    with open("/dev/full", "wb") as file:
        result = t.run(["/bin/echo", "x"], stdout=file)
    check.equal((result.type, result.code), ("exit", 1), "outcome")


@test("a dialogue: what the worker says comes at once, what it is told arrives at once")
def dialogue(t):
    process, _ = t.jail.start(["/bin/cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              flags=["--timeout", "20s"])
    t.later(t.finish, process)
    for number in range(50):
        line = f"{number}\n".encode()
        process.stdin.write(line)
        process.stdin.flush()
        check.equal(process.stdout.readline(), line, "answer")
