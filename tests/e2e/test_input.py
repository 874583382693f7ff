# SPDX-License-Identifier: Apache-2.0
"""Bad input on the command line: refused with what is wrong, where, and what to write instead; and
nothing is started."""

import json
import os

from harness import check
from harness.discover import add, test

# name, arguments before the program, words that the message has to have
BAD_OPTIONS = [
    ("an unknown option", ["--frobnicate"], ["frobnicate"]),
    ("an unknown short option", ["-Z"], ["Z"]),
    ("an option without its value", ["--mem"], ["mem", "--"]),
    ("an unknown backend", ["-b", "jail"], ["jail", "bwrap"]),
    ("a backend of another system", ["-b", "seatbelt"], ["seatbelt", ("macOS", "system")]),
    ("a backend name in capitals", ["-b", "Bwrap"], ["Bwrap", "bwrap"]),
    ("an empty backend name", ["-b", ""], ["backend"]),
    ("a relative grant", ["-r", "data"], ["fs_read", "data", "absolute"]),
    ("a grant with ..", ["-w", "/srv/../etc"], ["fs_write", "/srv/../etc", ".."]),
    ("an empty grant", ["-r", ""], ["fs_read", ("empty", "absolute")]),
    ("an optional grant without a path", ["-r", "?"], ["fs_read"]),
    ("a relative optional grant", ["-r", "?data"], ["fs_read", "absolute"]),
    ("an over-long grant", ["-r", "/" + "a" * 5000], ["fs_read", "long"]),
    ("a size of letters", ["--mem", "much"], ["mem", "much", "64M"]),
    ("a negative size", ["--mem", "-1"], ["mem"]),
    ("a size with two points", ["--mem", "1.5.5G"], ["mem", "1.5.5G"]),
    ("a size beyond 64 bits", ["--mem", "99999999999999999999G"], ["mem"]),
    ("a size that overflows by its unit", ["--mem", "18446744073709551615G"], ["mem"]),
    ("an empty size", ["--mem", ""], ["mem"]),
    ("a time without sense", ["--cpu", "soon"], ["cpu", "soon"]),
    ("a negative time", ["--cpu", "-5s"], ["cpu"]),
    ("a time with an unknown unit", ["--timeout", "5parsecs"], ["timeout", "5parsecs"]),
    ("a time-out that overflows", ["--timeout", "99999999999999999999s"], ["timeout"]),
    ("no tasks at all", ["--tasks", "0"], ["tasks"]),
    ("tasks in words", ["--tasks", "many"], ["tasks", "many"]),
    ("a quota of nothing", ["--cpu-quota", "0"], ["quota"]),
    ("a quota in words", ["--cpu-quota", "half"], ["quota", "half"]),
    ("an environment without =", ["-e", "HOME"], ["env", "HOME"]),
    ("an environment without a name", ["-e", "=x"], ["env"]),
    ("an endpoint without a port", ["--net", "example.com"], ["net", "example.com", "port"]),
    ("an endpoint with port 0", ["--net", "example.com:0"], ["net", "port"]),
    ("an endpoint with port 65536", ["--net", "example.com:65536"], ["net", "port"]),
    ("an endpoint without a host", ["--net", ":443"], ["net", "host"]),
    ("a host that means every host", ["--net", "*:443"], ["net", "*"]),
    ("a host with spaces", ["--net", "exa mple.com:443"], ["net"]),
    ("an unknown profile", ["--profile", "Root"], ["profile", "Root", "WorkerStrict"]),
    ("an unknown field to degrade", ["--allow-degraded", "magic"], ["degraded", "magic"]),
    ("an empty field to degrade", ["--allow-degraded", "mem_mb,,"], ["degraded"]),
    ("a relative working directory", ["--cwd", "data"], [("cwd", "working directory"), "data", "absolute"]),
    ("a working directory that does not show", ["--cwd", "/root"], ["start in", "/root"]),
    ("a working directory that is a file", ["--cwd", "/etc/passwd"], ["start in", "/etc/passwd"]),
    ("a policy that is not there", ["-p", "/no/such/policy"], ["/no/such/policy", "No such file"]),
    ("a directory as policy", ["-p", "/etc"], ["/etc", "directory"]),
    ("a device as policy", ["-p", "/dev/zero"], ["/dev/zero"]),
]


def refused(t, flags, words):
    marker = t.directory("granted", 0o777) / "started"
    line = [t.options.kastellan, "run", "-b", t.options.backend, "-w", marker.parent, *flags,
            "--", "/usr/bin/touch", marker]
    result = t.jail.other(line[1:])
    check.equal((result.code, result.stdout), (125, b""), "exit code and stdout")
    check.true(not marker.exists(), "the program was started")
    check.true(result.complaint.startswith(("kastellan: ", *flags[1:])), f"message {result.stderr!r}")
    check.contains(result.complaint, *words)
    check.contains(result.complaint, "remedy")
    check.within(len(result.stderr), 20, 8000, "bytes of the message")


for name, flags, words in BAD_OPTIONS:
    add(f"{name} is refused", lambda t, row=(flags, words): refused(t, *row), __name__)


# name, text of the policy, line and column of the complaint (None: any), words
BAD_POLICIES = [
    ("an empty file", "", None, []),
    ("not JSON", "fs_read: [/srv]", (1, 1), []),
    ("a list", "[]", (1, 1), ["object"]),
    ("an unfinished object", '{"mem_mb": 64', None, []),
    ("a trailing comma", '{\n  "mem_mb": 64,\n}', (3, None), []),
    ("text after the end", '{} {}', (1, 4), []),
    ("an unknown key", '{\n  "mem_md": 64\n}', (2, 3), ["mem_md", "mem_mb"]),
    ("a duplicate key", '{\n  "mem_mb": 64,\n  "mem_mb": 65\n}', (3, 3), ["mem_mb"]),
    ("a size as text", '{\n  "mem_mb": "64"\n}', (2, None), ["mem_mb"]),
    ("a negative size", '{"mem_mb": -1}', (1, None), ["mem_mb"]),
    ("a fraction", '{"cpu_ms": 1.5}', (1, None), ["cpu_ms"]),
    ("an exponent", '{"cpu_ms": 1e3}', (1, None), ["cpu_ms"]),
    ("a number beyond 64 bits", '{"cpu_ms": 18446744073709551616}', (1, None), ["cpu_ms"]),
    ("a boolean", '{"tasks_max": true}', (1, None), ["tasks_max"]),
    ("null where none is taken", '{"mem_mb": null}', (1, None), ["mem_mb"]),
    ("a path that is not a list", '{"fs_read": "/srv"}', (1, None), ["fs_read"]),
    ("a relative path", '{\n "fs_read": [\n  "/etc",\n  "srv"\n ]\n}', (4, 3), ["fs_read", "absolute"]),
    ("a path with ..", '{"fs_write": ["/srv/.."]}', (1, None), ["fs_write", ".."]),
    ("a path with NUL", '{"fs_read": ["/srv\\u0000/x"]}', (1, None), []),
    ("a path with a newline", '{"fs_read": ["/srv\\n"]}', (1, None), ["fs_read"]),
    ("a path that is a number", '{"fs_read": [1]}', (1, None), ["fs_read"]),
    ("broken UTF-8", b'{"fs_read": ["/caf\xe9"]}', None, ["UTF-8"]),
    ("a byte order mark", b"\xef\xbb\xbf{}", (1, None), []),
    ("an unknown network", '{"net": "Allow"}', (1, None), ["net", "Deny"]),
    ("a network in small letters", '{"net": "deny"}', (1, None), ["net", "Deny"]),
    ("an unknown kind of network", '{"net": {"Denylist": []}}', (1, None), ["net"]),
    ("two kinds of network", '{"net": {"Allowlist": [], "Deny": null}}', (1, None), ["net"]),
    ("an endpoint without port", '{"net": {"Allowlist": ["example.com"]}}', (1, None), ["net", "port"]),
    ("an unknown profile", '{"profile": "Strict"}', (1, None), ["profile", "WorkerStrict"]),
    ("an environment name with =", '{"env": [["A=B", "c"]]}', (1, None), ["env"]),
    ("an empty environment name", '{"env": [["", "c"]]}', (1, None), ["env"]),
    ("an environment pair of three", '{"env": [["A", "b", "c"]]}', (1, None), ["env"]),
    ("an environment value with NUL", '{"env": [["A", "b\\u0000"]]}', (1, None), []),
    ("an environment value that is a number", '{"env": {"A": 1}}', (1, None), ["env"]),
    ("too deep a nesting", "[" * 5000 + "]" * 5000, None, []),
    ("more than a mebibyte", '{"env": [["A", "' + "x" * (1 << 20) + '"]]}', None, ["1 MiB"]),
]


def refused_policy(t, text, position, words):
    path = t.jail.policy_file(text)
    refused(t, ["-p", path], [path, *words])
    complaint = t.results[-1].complaint
    if position is not None:
        line, column = position
        wanted = f"{path}:{line}:" + (f"{column}:" if column else "")
        check.contains(complaint, wanted)
    checked = t.jail.other(["check", path])
    check.equal(checked.code, 1, "exit code of kastellan check")
    check.contains(checked.text + checked.complaint, path, *words)


for name, text, position, words in BAD_POLICIES:
    add(f"a policy that is {name}, or has it, is refused",
        lambda t, row=(text, position, words): refused_policy(t, *row), __name__)


@test("every problem of a policy is told, not the first alone")
def every_problem(t):
    path = t.jail.policy_file('{\n "mem_mb": -1,\n "fs_read": ["srv"],\n "net": "No",\n "x": 1\n}')
    result = t.jail.other(["check", path])
    check.equal(result.code, 1, "exit code")
    for line in (2, 3, 4, 5):
        check.contains(result.text + result.complaint, f"{path}:{line}:")


@test("check takes several files and says which are bad")
def several_files(t):
    good, bad = t.jail.policy_file({"mem_mb": 5}), t.jail.policy_file({"mem_mb": "5"})
    check.equal(t.jail.other(["check", good, good]).code, 0, "two good files")
    result = t.jail.other(["check", good, bad])
    check.equal(result.code, 1, "a good one and a bad one")
    check.contains(result.text + result.complaint, f"{bad}:")
    check.true(f"{good}:" not in result.complaint, "the good file is complained about")


@test("five hundred and more grants are taken, or refused with the number")
def many_grants(t):
    top = t.directory("top")
    paths = [top / str(number) for number in range(513)]
    for path in paths:
        path.mkdir()
    result = t.run(["/bin/ls", top], read=paths[:300])
    check.equal(len(result.lines), 300, f"grants shown, {result.complaint}")
    result = t.run(["/bin/true"], read=paths)
    check.equal(result.code, 125, "exit code")
    check.contains(result.complaint, "512")


@test("no program, no command, an unknown command: usage, and 125 or 2")
def no_command(t):
    for arguments in (["run"], ["run", "--"], [], ["walk"], ["run", "-r", "/etc"]):
        result = t.jail.other(arguments)
        check.one_of(result.code, {125, 2}, f"exit code of {arguments}")
        check.equal(result.stdout, b"", "stdout")
        check.contains(result.complaint, "kastellan")


@test("what follows the program is the program's own, also without --")
def program_options(t):
    line = t.jail.command(["/bin/echo"], flags=["-q"])
    line.remove("--")
    result = t.control.run([*line, "-r", "/nowhere", "--status", "-q", "--", "x"])
    check.equal(result.text, "-r /nowhere --status -q -- x\n", "output")


@test("--version, --help and schema answer on stdout, with 0")
def answers(t):
    for arguments, word in ((["--version"], "0.1.0"), (["--help"], "run"), (["schema"], "fs_read"),
                            (["run", "--help"], "--read")):
        result = t.jail.other(arguments)
        check.equal((result.code, result.stderr), (0, b""), str(arguments))
        check.contains(result.text, word)
    json.loads(t.jail.other(["schema"]).stdout)


@test("a policy from a pipe is read; one that grows or never ends is refused")
def piped(t):
    read, write = os.pipe()
    os.write(write, b'{"env": {"A": "b"}}')
    os.close(write)
    line = t.jail.command(["/usr/bin/env"], flags=["-p", f"/proc/self/fd/{read}"])
    result = t.control.run(line, pass_fds=[read])
    os.close(read)
    check.equal((result.code, t.without_own(result.text)), (0, "A=b\n"), "from a pipe")


@test("a message is one line, its remedy another, and no byte of it moves the terminal")
def clean_messages(t):
    evil = "/nowhere/\x1b]0;owned\x07\x1b[2J\r\nkastellan: fine"
    problems = []
    for flags in (["-r", evil], ["-b", evil], ["-p", evil], ["--mem", evil], ["-e", evil],
                  ["--net", evil], ["--cwd", evil], ["--status", evil], [f"--{evil}"]):
        result = t.jail.other(["run", *flags, "--", "/bin/true"])
        check.equal(result.code, 125, f"exit code of {flags[0]}")
        if any(byte in result.stderr for byte in (0x1b, 0x07, 0x0d)) or \
                b"\nkastellan: fine" in result.stderr:
            problems.append(flags[0][:9])
    check.equal(problems, [], "options whose value comes out raw")
