# SPDX-License-Identifier: Apache-2.0
"""What a worker starts with: nothing that it was not given."""

import ctypes
import fcntl
import json
import os
import pty
import re
import resource
import signal
import subprocess

from harness import check
from harness.discover import test

CAPABILITY_SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")


def facts(t, **options):
    result = t.run(t.probe("facts"), **options)
    check.equal((result.type, result.code), ("exit", 0), "outcome")
    return result.json


@test("the environment is exactly the policy's")
def environment(t):
    argv = t.probe("facts")
    outside = t.control.run(argv, env={**os.environ, "SECRET_TOKEN": "x", "LD_PRELOAD": "",
                                       "KASTELLAN_SECRET": "y"}).json
    check.true("SECRET_TOKEN=x" in outside["env"], "control: the variable is not there")
    host = {**os.environ, "SECRET_TOKEN": "x", "LD_LIBRARY_PATH": "/nowhere", "BASH_ENV": "/x"}
    check.equal(facts(t, env=None)["env"], [], "without any")
    for how in ({"policy": {"env": [["LANG", "C.UTF-8"], ["A", "1=2"]]}},
                {"policy": {"env": {"LANG": "C.UTF-8", "A": "1=2"}}},
                {"flags": ["-e", "LANG=C.UTF-8", "-e", "A=1=2"]}):
        found = t.jail.run(argv, read=[t.probes.directory], **how).json
        check.equal(sorted(found["env"]), ["A=1=2", "LANG=C.UTF-8"], str(how))
    line = t.jail.command(argv, read=[t.probes.directory], flags=["-q"])
    found = t.control.run(line, env=host).json
    check.equal(found["env"], [], "with much in the caller's")


@test("odd values of the environment arrive as they are; the command line wins over the file")
def environment_values(t):
    values = {"EMPTY": "", "SPACES": " a  b ", "QUOTES": "\"'\\", "UTF": "é🏰", "LONG": "x" * 100000}
    found = facts(t, policy={"env": {**values, "WON": "file"}}, flags=["-e", "WON=line"])["env"]
    decoded = dict(line.encode("latin-1").decode().split("=", 1) for line in found)
    check.equal(decoded, {**values, "WON": "line"}, "environment")


def lines_with(word, pids):
    """Of the processes, those on whose command lines the word stands."""
    found = []
    for pid in pids:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            if word.encode() in file.read():
                found.append(pid)
    return found


@test("values of the environment show on no command line of the host")
def environment_hidden(t):
    """The control is a word among the program's arguments, which the same search has to find."""
    hidden, shown = "k4st3ll4n-s3cr3t", "k4st3ll4n-sh0wn"
    for how in ("a file", "a pipe"):
        policy = {"env": {"TOKEN": hidden}}
        path, theirs = t.jail.policy_file(policy), ()
        if how == "a pipe":
            path, theirs = piped(t, path)
        process, _ = t.jail.start(
            ["/bin/sh", "-c", 'echo "$TOKEN"; read -r x', "sh", shown], flags=["-p", path], stdin=-1,
            stdout=-1, pass_fds=theirs)
        t.later(t.finish, process)
        check.equal(process.stdout.readline(), f"{hidden}\n".encode(), f"the value, from {how}")
        pids = [process.pid, *t.beneath(process.pid)]
        check.true(len(pids) >= 2, "control: the jail's processes were looked at")
        check.true(process.pid in lines_with(shown, pids), "control: the search finds what is on one")
        found = lines_with(hidden, pids)
        check.equal(found, [], f"processes that show the value from {how}")


def piped(t, path):
    """The policy's text in a pipe: (its name for a child, the descriptors that child needs)."""
    ours, theirs = os.pipe()
    t.later(os.close, ours)
    with open(path, "rb") as file, open(theirs, "wb") as end:
        end.write(file.read())
    # Not /dev/fd, which a host without udev has not.
    return f"/proc/self/fd/{ours}", (ours,)


@test("descriptors above 2 are closed, however many there are and whatever they lead to")
def descriptors(t):
    opened = [os.open("/", os.O_RDONLY | os.O_DIRECTORY), os.open("/etc", os.O_PATH)]
    opened += os.pipe()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for number in (3, 9, 63, 255, 1023):
        if number < soft and number not in opened:
            try:
                os.fstat(number)
            except OSError:
                opened.append(fcntl.fcntl(opened[0], fcntl.F_DUPFD, number))
    for fd in opened:
        t.later(os.close, fd)
        os.set_inheritable(fd, True)
    argv = t.probe("facts")
    outside = t.control.run(argv, close_fds=False).json["fds"]
    check.true(set(opened) <= set(outside), "control: they are inherited")
    check.equal(facts(t, close_fds=False)["fds"], [0, 1, 2], "in the jail")


@test("closed standard streams of the caller do not become something else")
def closed_streams(t):
    for closed in ("0<&-", "2>&-", "0<&- 2>&-"):
        line = t.jail.command(t.probe("facts"), read=[t.probes.directory], flags=["-q"])
        result = t.control.run(["/bin/sh", "-c", f'exec "$@" {closed}', "sh", *line])
        check.equal(result.code, 0, f"code with {closed}")
        check.true(set(result.json["fds"]) <= {0, 1, 2}, f"descriptors with {closed}")


@test("nor does the status file take the place of a closed one, for the worker to write")
def closed_stdin_status(t):
    status = t.work / "status"
    line = t.jail.command(["/bin/sh", "-c", "echo forged >&0"], flags=["-q", "--status", status])
    t.control.run(["/bin/sh", "-c", 'exec "$@" 0<&-', "sh", *line])
    check.true("forged" not in status.read_text(), status.read_text())
    check.equal(json.loads(status.read_text())["outcome"]["type"], "exit", "outcome")


@test("no capability in any of the five sets, an empty bounding set")
def capabilities(t):
    found = facts(t)
    for name in CAPABILITY_SETS:
        check.equal(found["status"][name], "0" * 16, name)
    check.equal(found["bounding"], [], "bounding set by prctl")
    if t.root:
        outside = t.control.run(t.probe("facts")).json
        check.true(outside["status"]["CapEff"] != "0" * 16, "control: root has some outside")


@test("no_new_privs and a filter are on, and the kernel says so")
def locks(t):
    found = facts(t)["status"]
    check.equal((found["NoNewPrivs"], found["Seccomp"]), ("1", "2"), "NoNewPrivs and Seccomp")
    outside = t.control.run(t.probe("facts")).json["status"]
    check.equal((outside["NoNewPrivs"], outside["Seccomp"]), ("0", "0"), "control")


@test("the worker is not root, inside or in the eyes of the kernel; real, effective and saved agree")
def identity(t):
    found = facts(t)
    check.equal(len(set(found["uids"])), 1, "uids")
    check.equal(len(set(found["gids"])), 1, "gids")
    check.true(found["uids"][0] != 0 and found["gids"][0] != 0, f"root inside: {found['uids']}")


@test("supplementary groups are dropped")
def groups(t):
    found = facts(t)
    check.true(set(found["groups"]) <= {found["gids"][0]}, f"groups {found['groups']}")
    if not t.root:
        return
    line = t.jail.command(t.probe("facts"), read=[t.probes.directory], flags=["-q"])
    many = {"extra_groups": [0, 4, 6, 27, 1234]}
    outside = t.control.run(t.probe("facts"), **many).json["groups"]
    check.equal(sorted(outside), [0, 4, 6, 27, 1234], "control")
    found = t.control.run(line, **many).json
    check.true(set(found["groups"]) <= {found["gids"][0], 65534}, f"groups {found['groups']}")


@test("a file that only a supplementary group of the caller may read stays closed", root=True)
def group_file(t):
    top = t.directory("granted")
    path = t.file("granted/file", mode=0o640)
    os.chown(path, 1234, 1235)
    argv = t.probe("files", "read", path)
    line = t.jail.command(argv, read=[t.probes.directory, top], flags=["-q"])
    result = t.control.run(line, extra_groups=[1235])
    check.equal(result.verdict, "denied: EACCES", "in the jail")
    outside = t.control.run(argv, user=65534, group=65534, extra_groups=[1235])
    check.equal(outside.verdict, "allowed: it worked", "control")


@test("the umask is set, whatever the caller's is")
def umask(t):
    argv = t.probe("facts")
    outside = t.control.run(argv, umask=0).json
    check.equal(outside["umask"], 0, "control")
    found = facts(t, umask=0)
    check.equal(found["umask"], 0o022, "umask")


@test("signals: nothing blocked, nothing ignored, nothing handled")
def signals(t):
    def spoil():
        for number in (signal.SIGPIPE, signal.SIGHUP, signal.SIGINT, signal.SIGCHLD,
                       signal.SIGUSR1, signal.SIGTTOU, 40):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2, signal.SIGALRM, 41,
                                                  signal.SIGCHLD, signal.SIGTERM})
    outside = t.control.run(t.probe("facts"), preexec_fn=spoil, restore_signals=False).json
    check.true(signal.SIGHUP in outside["handled"] and 41 in outside["blocked"], "control")
    found = facts(t, preexec_fn=spoil, restore_signals=False)
    check.equal((found["blocked"], found["handled"]), ([], []), "blocked and not default")


@test("it leads a session of its own, without a controlling terminal")
def session(t):
    leader, follower = pty.openpty()
    t.later(os.close, leader)
    t.later(os.close, follower)

    def control_terminal():
        os.setsid()
        fcntl.ioctl(follower, 0x540E, 0)  # TIOCSCTTY
    outside = t.control.run(t.probe("facts"), stdin=follower, preexec_fn=control_terminal).json
    check.equal(outside["tty"], "opened", "control")
    for stdin in (follower, None):
        found = facts(t, stdin=stdin, preexec_fn=control_terminal)
        check.equal(found["sid"], found["pgid"], "session and group")
        check.equal(found["sid"], found["pid"], "it is the leader")
        check.one_of(found["tty"], {"ENXIO", "ENOENT", "EACCES", "EPERM"}, "/dev/tty")


@test("rlimits: no core dump, a bounded number of descriptors, whatever the caller's are")
def rlimits(t):
    found = facts(t)["rlimits"]
    check.true(max(found[str(resource.RLIMIT_CORE)]) <= 1, f"core {found['4']}")
    check.within(found[str(resource.RLIMIT_NOFILE)][0], 64, 65536, "soft nofile")
    check.within(found[str(resource.RLIMIT_NOFILE)][1], 64, 1 << 20, "hard nofile")
    check.equal(found[str(resource.RLIMIT_MEMLOCK)][1] < 1 << 40, True, "memlock is bounded")


@test("a caller that may use real-time priorities does not hand that on", root=True)
def real_time(t):
    kinds = (resource.RLIMIT_RTPRIO, resource.RLIMIT_NICE)

    def favoured():
        for kind in kinds:
            resource.setrlimit(kind, (40, 40))
    try:
        t.control.run(["/bin/true"], preexec_fn=favoured)
    except subprocess.SubprocessError:
        t.cannot("even root cannot raise these limits here")
    outside = t.control.run(t.probe("facts"), preexec_fn=favoured).json["rlimits"]
    inside = facts(t, preexec_fn=favoured)["rlimits"]
    for kind in kinds:
        check.equal(outside[str(kind)], [40, 40], "control")
        check.equal(inside[str(kind)], [0, 0], "in the jail")


PRIORITY = ["/usr/bin/python3", "-I", "-S", "-c",
            "import ctypes, os; libc = ctypes.CDLL(None)\n"
            "nr = {'x86_64': 252, 'aarch64': 31}[os.uname().machine]\n"
            "print(os.sched_getscheduler(0), os.nice(0), libc.syscall(nr, 1, 0) >> 13, libc.personality(-1))"]


def favoured():
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    os.setpriority(os.PRIO_PROCESS, 0, -10)
    libc = ctypes.CDLL(None)
    libc.syscall({"x86_64": 251, "aarch64": 30}[os.uname().machine], 1, 0, 1 << 13)
    libc.personality(0x40000)  # addresses that are not randomised


def put_behind():
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    os.setpriority(os.PRIO_PROCESS, 0, 7)


@test("a caller that goes before others does not hand that on: real time, niceness, priority of input "
      "and output; nor an odd personality", root=True, backends=("bwrap", "native", "landlock"))
def favour(t):
    accepted = ",".join([*t.host.degraded(), "mem_mb", "cpu_ms", "tasks_max", "cpu_quota_pct"])
    line = t.jail.command(PRIORITY, flags=["-q", "--allow-degraded", accepted])
    # Without its group, of whose time the kernel gives nothing to a real-time process.
    hidden = ["/usr/bin/unshare", "-m", "/bin/sh", "-c", 'mount -t tmpfs none /sys/fs/cgroup && exec "$@"', "sh"]
    try:
        outside = t.control.run([*hidden, *PRIORITY], preexec_fn=favoured).text
    except subprocess.SubprocessError:
        t.cannot("even root cannot go before others here")
    check.equal(outside, "1 -10 1 262144\n", "control")
    check.equal(t.control.run([*hidden, *line], preexec_fn=favoured).text, "0 0 0 0\n", "in the jail")
    check.equal(t.control.run([*hidden, *line], preexec_fn=put_behind).text.split()[:2], ["3", "7"],
                "what puts it behind others stays")


@test("a caller that is spared where memory runs out does not hand that on", root=True,
      backends=("bwrap", "native", "landlock"))
def spared(t):
    def with_score(score):
        def write():
            with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
                file.write(str(score))
        return write

    def can_have(score):
        try:
            return t.control.run(["/bin/true"], preexec_fn=with_score(score)).code == 0
        except subprocess.SubprocessError:
            return False

    def score_of(pid):
        with open(f"/proc/{pid}/oom_score_adj", encoding="ascii") as file:
            return int(file.read())

    # Where even root may not be spared, the others are tried all the same.
    wanted = [(-1000, 0), (-1, 0)] if can_have(-1000) else []
    for outside, inside in (*wanted, (0, 0), (300, 300)):
        process, _ = t.jail.start(["/bin/sh", "-c", "echo ready; read -r x"], stdin=-1, stdout=-1,
                                  preexec_fn=with_score(outside))
        t.later(t.finish, process)
        check.equal(process.stdout.readline(), b"ready\n", "the worker")
        check.equal(score_of(process.pid), outside, "control: the caller's")
        check.equal(score_of(t.beneath(process.pid)[-1]), inside, f"the worker's, of {outside}")


@test("a caller with lower limits of its own is served, and the worker has no more than that")
def lower_limits(t):
    lower = {resource.RLIMIT_NOFILE: 500, resource.RLIMIT_CPU: 1, resource.RLIMIT_MEMLOCK: 4096}

    def held():
        for kind, value in lower.items():
            resource.setrlimit(kind, (value, value))
    inside = facts(t, preexec_fn=held)["rlimits"]
    for kind, value in lower.items():
        check.equal(inside[str(kind)], [value, value], f"limit {kind}")


@test("an aborting program leaves no core file and starts no handler of the host")
def core(t):
    top = t.directory("granted", 0o777)
    script = "ulimit -c unlimited 2>/dev/null; cd '%s'; exec %s abort" % (
        top, t.probes.path("ending"))
    result = t.run(["/bin/sh", "-c", script], write=[top])
    check.equal((result.type, result.outcome.get("signal"), result.code), ("signal", 6, 134),
                "outcome")
    check.equal(os.listdir(top), [], "files in the working directory")


@test("the same outside leaves one: the probe is sound")
def core_control(t):
    if not t.root or not open("/proc/sys/kernel/core_pattern", encoding="utf-8").read().startswith(
            "core"):
        t.cannot("this host's core_pattern leads elsewhere")
    top = t.directory("place", 0o777)

    def unlimited():
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
        if hard == 0:
            os._exit(99)
    result = t.control.run(t.probe("ending", "abort"), cwd=top, preexec_fn=unlimited)
    if result.code == 99:
        t.cannot("the caller may have no core files at all")
    check.equal(result.code, -6, "control")
    check.true(os.listdir(top), "no core file")


@test("arguments arrive as they are, whatever they look like")
def arguments(t):
    argv = ["--", "-r", "/", "", "a b", "\n", "\\", "é", "--status=x", "-q", "'", '"', "*"]
    result = t.run([*t.probe("facts"), *argv])
    decoded = [text.encode("latin-1").decode() for text in result.json["argv"]]
    check.equal(decoded[1:], argv, "argv")
    check.equal(decoded[0], t.probe("facts")[0], "argv[0]")


@test("a program without a slash is looked for in the jail's own directories, not the caller's PATH")
def search(t):
    place = t.directory("bin")
    t.file("bin/true", "#!/bin/sh\nexit 42\n", 0o755)
    host = {**os.environ, "PATH": f"{place}:/usr/bin:/bin"}
    check.equal(t.control.run(["/usr/bin/env", "true"], env=host).code, 42, "control")
    line = t.jail.command(["true"], read=[place], flags=["-q"])
    check.equal(t.control.run(line, env=host).code, 0, "in the jail")


@test("the parent of a worker is pid 1, and no number of the host's shows")
def pids(t):
    found = facts(t)
    check.within(found["pid"], 2, 20, "pid")
    check.one_of(found["ppid"], {0, 1}, "parent")
    nspid = re.split(r"\s+", found["status"].get("NSpid", "x"))
    check.equal(len(nspid), 1, "levels of pid namespaces that show")
