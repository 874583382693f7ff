# SPDX-License-Identifier: Apache-2.0
"""Other processes: those of the host cannot be seen or touched, and pid 1 of the jail withstands."""

import ctypes
import os
import pathlib
import re
import uuid

from harness import check
from harness.discover import add, test

NOBODY = {"ESRCH"}
UNSEEN = {"ENOENT", "EACCES", "EPERM", "ESRCH"}


def reach(t, act, *arguments):
    return t.probe("reach", act, *map(str, arguments))


def address(pid):
    """The start of a victim's own text, in hexadecimal."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        return re.match(r"[0-9a-f]+", maps.readline())[0]


# Acts on a victim of the host: act, what the jail says, further arguments.
ON_VICTIM = [
    ("signal", NOBODY, []),
    ("tgkill", NOBODY, []),
    ("queue", NOBODY, []),
    ("pidfd_signal", NOBODY, []),
    ("pidfd_getfd", {"killed: pidfd_getfd"}, []),
    ("ptrace_attach", {"killed: ptrace"}, []),
    ("ptrace_seize", {"killed: ptrace"}, []),
    ("vm_read", {"killed: process_vm_readv"}, [address]),
    ("vm_write", {"killed: process_vm_writev"}, [address]),
    ("proc_open", UNSEEN, ["environ"]),
    ("proc_open", UNSEEN, ["mem"]),
    ("proc_open", UNSEEN, ["maps"]),
    ("proc_open", UNSEEN, ["cmdline"]),
    ("proc_open", UNSEEN, ["fd/0"]),
    ("proc_link", UNSEEN, ["exe"]),
    ("proc_link", UNSEEN, ["cwd"]),
    ("proc_link", UNSEEN, ["ns/mnt"]),
    ("proc_write", UNSEEN, ["comm"]),
    ("proc_write", UNSEEN, ["oom_score_adj"]),
    ("nice", NOBODY, []),
    ("affinity", NOBODY, []),
    ("prlimit", {"ESRCH", "EPERM"}, []),
]


def on_victim(t, act, by, more):
    victim = t.victim()
    arguments = [part(victim) if callable(part) else part for part in more]
    # Without a pid namespace the number is somebody's, and out of reach.
    by = by | {"EPERM"} if t.options.backend == "landlock" else by
    t.contained(reach(t, act, victim, *arguments), by=by)


for act, by, more in ON_VICTIM:
    shown = " ".join([act, *(part for part in more if isinstance(part, str))])
    add(f"{shown} on a process of the host",
        lambda t, row=(act, by, more): on_victim(t, *row), __name__)


@test("every pid is signalled, and nobody outside notices")
def signal_everybody(t):
    victim = t.victim()
    for act in ("signal_all", "signal_minus_one"):
        result = t.run(reach(t, act))
        check.one_of(result.verdict, {"denied: ESRCH", "allowed: it worked", "denied: EPERM"}, act)
        check.true(os.path.exists(f"/proc/{victim}"), f"{act} reached the host")
        check.equal(open(f"/proc/{victim}/stat", encoding="utf-8").read().split()[2], "S", act)


@test("the process group of the caller is out of reach: kill(0) hits the worker alone")
def own_group(t):
    result = t.run(["/bin/sh", "-c", "kill -9 0; echo alive"])
    check.equal((result.type, result.outcome.get("signal"), result.code), ("signal", 9, 137),
                "outcome")


@test("processes of the host do not show in /proc")
def listing(t):
    token = f"kastellan-victim-{uuid.uuid4()}"
    t.victim([token, "1000"], executable="/bin/sleep")
    script = ("import os\n"
              "for pid in filter(str.isdigit, os.listdir('/proc')):\n"
              "    try: print(pid, open(f'/proc/{pid}/cmdline').read())\n"
              "    except OSError as error: print(pid, error)\n")
    argv = ["/usr/bin/python3", "-I", "-c", script]
    check.contains(t.control.run(argv).text, token)
    result = t.run(argv)
    check.true(token not in result.text, "the host's process is listed")
    listed = [line for line in result.lines if line[:1].isdigit()]
    # Without a pid namespace /proc cannot be listed at all.
    check.within(len(listed), 0 if t.options.backend == "landlock" else 1, 3, "processes listed")
    check.true(str(t.options.kastellan) not in result.text, "the supervisor is listed")


@test("the supervisor's name, policy and arguments show nowhere in the jail")
def supervisor_hidden(t):
    token = f"K{uuid.uuid4().hex}"
    script = ("grep -l %s /proc/*/cmdline /proc/*/environ /proc/*/mountinfo /proc/*/maps "
              "/proc/*/cgroup 2>/dev/null | grep -v /self/ | grep -v thread-self; true" % token[1:])
    place = t.directory(token)
    argv = ["/bin/sh", "-c", script.replace(token[1:], token[1:3] + "[" + token[3] + "]" + token[4:])]
    victim = t.victim(["/bin/sleep", "1000"], cwd=place, env={"TOKEN": token})
    check.contains(t.control.run(argv).text, f"/proc/{victim}/environ")
    result = t.run(argv, flags=["--status", place / "status"])
    check.equal(result.text, "", "files of /proc that speak of it")


# Acts on pid 1 of the jail.
ON_INIT = [
    ("proc_open", ["mem"]), ("proc_open", ["environ"]), ("proc_open", ["maps"]),
    ("proc_open", ["auxv"]), ("proc_open", ["fd/3"]), ("proc_open", ["exe"]),
    ("proc_link", ["exe"]), ("proc_link", ["cwd"]), ("proc_link", ["root"]),
    ("proc_link", ["fd/4"]), ("proc_link", ["ns/user"]), ("proc_write", ["mem"]),
    ("proc_write", ["exe"]), ("proc_write", ["oom_score_adj"]), ("proc_write", ["comm"]),
    ("proc_write", ["coredump_filter"]),
]


def init_of(t):
    """The jail's init: the first process of its namespace, or without one the worker's parent."""
    return "parent" if t.options.backend == "landlock" else 1


def on_init(t, act, more):
    """Control: the same on a process of its own, which has no reason to be denied."""
    by = UNSEEN | {"EROFS", "ETXTBSY"}
    t.denied(reach(t, act, init_of(t), *more), by=by)
    if act != "proc_write" and not more[0].startswith("fd/"):
        t.possible(reach(t, act, t.victim(), *more))
        t.allowed(reach(t, act, "self", *more))


for act, more in ON_INIT:
    add(f"{act} {more[0]} on pid 1 of the jail",
        lambda t, row=(act, more): on_init(t, *row), __name__)


@test("pid 1 of the jail cannot be traced, read or stopped")
def init_withstands(t):
    init = init_of(t)
    for act, call in (("ptrace_attach", "ptrace"), ("pidfd_getfd", "pidfd_getfd")):
        t.denied(reach(t, act, init), by={f"killed: {call}", "EPERM", "ESRCH"})
    t.denied(reach(t, "vm_read", init, "1000"), by={"killed: process_vm_readv"})
    t.denied(reach(t, "attack_parent", init), by={"EPERM"})
    victim = t.victim()
    check.equal(t.control.run(reach(t, "signal", victim)).verdict, "allowed: it worked", "control")


@test("the worker's signals to pid 1 do not come back to it")
def no_echo(t):
    script = "for s in TERM INT HUP USR1; do kill -$s %s; done; sleep 0.2; echo alive"
    init = "$PPID" if init_of(t) == "parent" else "1"
    result = t.run(["/bin/sh", "-c", script % init])
    check.equal((result.text, result.type, result.code), ("alive\n", "exit", 0), "outcome")


@test("the image of kastellan-init is the same after every attempt to write it")
def init_image(t):
    if not t.options.init:
        t.skip("needs --init")
    image = pathlib.Path(t.options.init)
    before = image.read_bytes()
    script = r"""
for path in /proc/1/exe /proc/1/root%s /proc/1/map_files/* /proc/$PPID/exe %s; do
    (echo x >> "$path") 2>/dev/null && echo "wrote $path"
done; true""" % (image, image)
    result = t.run(["/bin/sh", "-c", script])
    check.equal((result.text, result.code), ("", 0), "what could be written")
    check.true(image.read_bytes() == before, "the image changed")
    copy = t.file("copy", before, 0o755)
    control = t.control.run(["/bin/sh", "-c", f"(echo x >> '{copy}') && echo wrote"])
    check.equal(control.text, "wrote\n", "control: a file of the same kind can be written")


@test("System V segments of the host are out of reach")
def system_v(t):
    libc = ctypes.CDLL(None, use_errno=True)
    key = 0x6B730000 | os.getpid() & 0xFFFF
    segment = libc.shmget(key, 4096, 0o1666)
    check.true(segment >= 0, "shmget failed in the test itself")
    t.later(libc.shmctl, segment, 0, None)
    t.contained(reach(t, "shm", key), by={"ENOENT", "ENOSYS", "EPERM"})


@test("shared memory and queues of the host are out of reach by name")
def posix_names(t):
    name = f"/dev/shm/e2e-{uuid.uuid4().hex}"
    with open(name, "w", encoding="utf-8") as file:
        file.write("x")
    os.chmod(name, 0o666)
    t.later(os.unlink, name)
    t.contained(t.probe("files", "read", name), by={"ENOENT", "EACCES"})


@test("what one jail leaves in /tmp and /dev/shm the next does not find")
def fresh_scratch(t):
    script = "for d in /tmp /dev/shm; do ls -A $d; echo x > $d/left; done"
    for _ in range(2):
        result = t.run(["/bin/sh", "-c", script])
        check.equal((result.text, result.code), ("", 0), "what was there")


@test("two jails at once do not see each other")
def neighbours(t):
    token = uuid.uuid4().hex
    process, _ = t.jail.start(["/bin/sh", "-c", f"echo ready; read -r x; : {token}"],
                              stdin=-1, stdout=-1)
    t.later(t.finish, process)
    check.equal(process.stdout.readline(), b"ready\n", "the first jail")
    result = t.run(["/bin/sh", "-c", "cat /proc/*/cmdline | tr '\\0' ' '; ls -d /proc/[0-9]*"])
    check.true(token not in result.text, "the neighbour is listed")
    listed = t.control.run(["/bin/sh", "-c", "cat /proc/*/cmdline 2>/dev/null | tr '\\0' ' '"])
    check.contains(listed.text, token)
