#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The front of the command: that it runs a worker by itself, that for everything else it becomes the
command, before anything has been consumed or started, and that it fails closed without it. TAP.

usage: test_front.py FRONT KASTELLAN KASTELLAN-INIT
"""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import tap  # noqa: E402
from tap import check  # noqa: E402

FRONT, COMMAND, INIT = (os.path.abspath(path) for path in sys.argv[1:4])
NOWHERE = "/nonexistent/kastellan"
RUN = ["run", "-b", "native"]
POLICY = b'{"env": {"A": "b"}}'
# In the command's place: tells its words, the signals it was born with and what it can still read.
TELLER = """#!/usr/bin/python3
import re, sys
print("words", *sys.argv[1:])
print(*re.findall(r"^Sig(?:Blk|Ign):.*", open("/proc/self/status").read(), re.M))
print(sys.stdin.read())
"""


def run(program, words, command=NOWHERE, text=b"", **more):
    environment = {**os.environ, "KASTELLAN_INIT": INIT, "KASTELLAN_COMMAND": command}
    return subprocess.run([program, *words], input=text, capture_output=True, env=environment,
                          check=False, timeout=600, **more)


def same(a, b):
    return (a.returncode, a.stdout, a.stderr) == (b.returncode, b.stdout, b.stderr)


def alone():
    done = run(FRONT, [*RUN, "-e", "A=b", "--", "sh", "-c", "echo $A; exit 3"])
    check("a worker is run without the command", (done.returncode, done.stdout) == (3, b"b\n"), done)
    with tempfile.NamedTemporaryFile() as file:
        file.write(POLICY)
        file.flush()
        done = run(FRONT, [*RUN, "-p", file.name, "--", "sh", "-c", "echo $A"])
    check("also with a policy in a file", (done.returncode, done.stdout) == (0, b"b\n"), done)
    done = run(FRONT, [*RUN, "--status", "fd:1", "--", "true"])
    check("also with the outcome on a descriptor",
          done.returncode == 0 and b'"type":"exit"' in done.stdout, done)
    done = run(FRONT, ["--version"])
    check("its version is the command's", same(done, run(COMMAND, ["--version"])), done)


def handed_over(teller):
    def is_told(words, **more):
        done = run(FRONT, words, teller, **more)
        return done.stdout.decode().startswith(" ".join(["words", *words]) + "\n"), done

    for name in ("mcp", "workers", "plan", "egress", "check", "doctor", "selftest", "schema",
                 "completion"):
        check(f"{name} is the command's", *is_told([name, "x", "--y"]))
    for what, words in (
            ("a wrong option", ["--no-such-option"]), ("no program", []),
            ("a file for the outcome", ["--status", "/dev/null", "--", "true"]),
            ("an audit", ["--egress-audit", "fd:2", "--", "true"]),
            ("a program that is not there", ["--", "/no/such/program"]),
            ("a grant that is not there", ["-r", "/no/such/grant", "--", "true"]),
            ("a host that is not ASCII", ["--net", "b\u00fccher.example:443", "--", "true"])):
        check(f"{what} is the command's", *is_told([*RUN, *words]))
    check("a machine is the command's", *is_told(["run", "-b", "qemu", "--", "true"]))
    good, done = is_told([*RUN, "-p", "/dev/stdin", "--", "true"], text=POLICY)
    check("a policy in a pipe is handed over unread", good and POLICY in done.stdout, done)
    born = run(teller, [*RUN, "--", "/no/such/program"], preexec_fn=block).stdout
    check("signals are as they were",
          run(FRONT, [*RUN, "--", "/no/such/program"], teller, preexec_fn=block).stdout == born, born)


def block():
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)


def said_alike():
    for what, words in (("a program that is not there", ["--", "/no/such/program"]),
                        ("a wrong option", ["--no-such-option"]),
                        ("a wrong number", ["--mem", "lots", "--", "true"])):
        ours = run(FRONT, [*RUN, *words], COMMAND)
        check(f"{what}: the same words and status",
              ours.returncode and same(ours, run(COMMAND, [*RUN, *words])), ours)
    ours = run(FRONT, [*RUN, "-p", "/dev/stdin", "--", "sh", "-c", "echo $A"], COMMAND, POLICY)
    check("a worker is run by the command with a policy in a pipe", ours.stdout == b"b\n", ours)


def fails_closed():
    done = run(FRONT, ["doctor"])
    check("without the command it fails, and names it",
          done.returncode == 125 and not done.stdout and NOWHERE.encode() in done.stderr
          and b"remedy" in done.stderr, done)
    done = run(FRONT, ["doctor"], FRONT)
    check("it does not become itself", done.returncode == 125 and not done.stdout, done)


def main():
    probe = run(COMMAND, [*RUN, "--", "true"])
    if probe.returncode:
        print(f"ok 1 - a worker is run without the command # SKIP host: {probe.stderr!r}")
        print("1..1")
        return 0
    alone()
    with tempfile.TemporaryDirectory() as place:
        teller = pathlib.Path(place, "teller")
        teller.write_text(TELLER)
        teller.chmod(0o755)
        handed_over(str(teller))
    said_alike()
    fails_closed()
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
