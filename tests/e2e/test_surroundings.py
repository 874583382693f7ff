# SPDX-License-Identifier: Apache-2.0
"""Hosts and callers that lack something: refused with the layer, the reason and the remedy, or run
all the same; never half confined, and nothing left."""

import os
import pathlib
import resource
import shutil
import signal
import subprocess
import time

from harness import check
from harness.discover import test

ALL_FIELDS = "fs_read,fs_write,net,cpu_ms,mem_mb,profile,cpu_quota_pct,tasks_max,env,egress"
ANYTHING = ["--allow-degraded", ALL_FIELDS]


def line_of(t, marker, **options):
    """A command whose start would be seen."""
    return t.jail.command(["/usr/bin/touch", marker], write=[marker.parent], **options)


def unshared(t, line, script, *options):
    """The command in new namespaces that a script has changed first."""
    argv = ["/usr/bin/unshare", *options, "/bin/sh", "-c", f'{script} && exec "$@"', "sh", *line]
    return t.control.run(argv)


def refused(result, marker, *words):
    check.equal((result.code, result.stdout), (125, b""), "exit code and stdout")
    check.true(not marker.exists(), "the program was started")
    check.true(result.stderr.startswith(b"kastellan: "), f"message {result.stderr!r}")
    check.contains(result.complaint, *words)


def served(result, marker):
    """The backend that is the remedy of the others."""
    check.equal((result.code, result.stdout), (0, b""), f"exit code and stdout, {result.complaint}")
    check.true(marker.exists(), "the program was not started")
    marker.unlink()


@test("a host that forbids user namespaces is named as such, with the remedy")
def no_user_namespaces(t):
    if t.control.run(["/usr/bin/unshare", "-Ur", "/bin/true"]).code != 0:
        t.cannot("the caller may have no user namespace to try it in")
    if t.options.backend in ("qemu", "firecracker") and not t.host.root:
        t.cannot("in a namespace of a user's own nobody can tell that the emulator is root's")
    marker = t.directory("granted", 0o777) / "started"
    line = line_of(t, marker, flags=ANYTHING)
    forbid = "echo 0 > /proc/sys/user/max_user_namespaces"
    result = unshared(t, line, forbid, "-Ur")
    if t.options.backend == "landlock":
        served(result, marker)
    else:
        # Where the kernel has no Landlock, that backend is no remedy.
        other = ["-b landlock"] if t.host.landlock_abi() else []
        refused(result, marker, ("user namespace", "userns"), "remedy", "max_user_namespaces",
                *other)
    check.equal(t.control.run(line).code, 0, "control: as it is, it runs")


@test("a host where no /proc can be mounted is named as such: nested containers", root=True)
def no_proc(t):
    marker = t.directory("granted", 0o777) / "started"
    line = line_of(t, marker, flags=ANYTHING)
    argv = ["/usr/bin/unshare", "-m", "/bin/sh", "-c",
            'mount -t tmpfs none /proc/sys && exec unshare -Ur "$@"', "sh", *line]
    result = t.control.run(argv)
    if t.options.backend == "landlock":
        served(result, marker)
    else:
        refused(result, marker, "/proc", "remedy", "-b landlock")


@test("a host without /proc, or whose /proc is read-only, is named as such, with the remedy",
      root=True, backends=("bwrap", "native", "landlock"))
def useless_proc(t):
    marker = t.directory("granted", 0o777) / "started"
    line = line_of(t, marker, flags=ANYTHING)
    # A grant would be what cannot be opened without /proc.
    alone = t.jail.command(["/bin/echo", "started"], flags=ANYTHING)
    read_only = "mount --bind /proc /proc && mount -o remount,bind,ro /proc"
    absent = unshared(t, alone, "mount -t tmpfs none /proc", "-m")
    closed = unshared(t, line, read_only, "-m")
    if t.options.backend == "landlock":
        served(closed, marker)
        # Nobody would find what its worker leaves behind.
        refused(absent, marker, "children", "/proc", "mount -t proc proc /proc")
    else:
        refused(absent, marker, "userns", "nothing is mounted at /proc", "mount -t proc proc /proc")
        refused(closed, marker, "userns", "/proc is mounted read-only", "remount,bind,rw /proc")
    served(unshared(t, line, "true", "-m"), marker)


@test("a host without /dev/null, or with a file in its place, is named as such", root=True,
      backends=("bwrap", "native", "landlock"))
def no_null(t):
    marker = t.directory("granted", 0o777) / "started"
    line = line_of(t, marker, flags=ANYTHING)
    for make, reason in ((":", "No such file or directory"), (": > /dev/null", "No such device")):
        script = f"mount -t tmpfs none /dev && mknod -m 666 /dev/zero c 1 5 && {make}"
        refused(unshared(t, line, script, "-m"), marker, "/dev/null", reason, "mknod")
    served(unshared(t, line, "true", "-m"), marker)


@test("a caller in a chroot is told so, also where the root of it is a mount", root=True,
      backends=("bwrap", "native", "landlock"))
def chroot(t):
    marker = t.directory("granted", 0o777) / "started"
    line = line_of(t, marker, flags=ANYTHING)
    top = t.directory("top")
    fill = ("mount -t tmpfs -o mode=755 none {top} && mkdir {top}/in && for d in {top} {top}/in; do "
            "for x in /*; do [ -L $x ] && cp -a $x $d$x || {{ [ -d $x ] && mkdir $d$x && "
            "mount --rbind $x $d$x || :; }}; done; done").format(top=top)
    for root in (top, top / "in"):
        result = unshared(t, ["/usr/sbin/chroot", root, *line], fill, "-m")
        if t.options.backend == "landlock":
            served(result, marker)
        else:
            refused(result, marker, "chroot", "outside of the chroot", "-b landlock")
    served(unshared(t, line, fill, "-m"), marker)


@test("a set-uid bubblewrap is refused", root=True, backends=("bwrap",))
def set_uid_helper(t):
    marker = t.directory("granted", 0o777) / "started"
    for mode, code in ((0o4755, 125), (0o755, 0)):
        helper = shutil.copy("/usr/bin/bwrap", t.work / f"bwrap{mode:o}")
        os.chmod(helper, mode)
        result = unshared(t, line_of(t, marker), f"mount --bind {helper} /usr/bin/bwrap", "-m")
        check.equal(result.code, code, f"exit code with mode {mode:o}, {result.complaint}")
        if code:
            refused(result, marker, ("set-uid", "setuid", "set-id"), "bwrap", "remedy")


@test("a bubblewrap that takes the worker elsewhere than to the proxy is found out", root=True,
      backends=("bwrap",))
def other_network(t):
    marker = t.directory("granted", 0o777) / "started"
    os.chmod(t.work, 0o755)
    real = shutil.copy("/usr/bin/bwrap", t.work / "real")
    line = line_of(t, marker, flags=["--net", "192.0.2.1:443"])
    for option, code in (("--unshare-net", 125), ("", 0)):
        helper = t.file("bwrap", f'#!/bin/sh\nexec {real} {option} "$@"\n', 0o755)
        result = unshared(t, line, f"mount --bind {helper} /usr/bin/bwrap", "-m")
        check.equal(result.code, code, f"exit code with {option!r}, {result.complaint}")
        if code:
            refused(result, marker, "network", "egress proxy")


@test("a kastellan-init that cannot be executed is named, and nothing starts",
      backends=("bwrap", "native", "landlock"))
def no_init(t):
    marker = t.directory("granted", 0o777) / "started"
    line = line_of(t, marker)
    for mode, reason in ((0o644, "Permission denied"), (0o755, "Exec format error")):
        init = t.file("init", "no program\n", mode)
        for _ in range(20):
            result = t.control.run(line, env={**os.environ, "KASTELLAN_INIT": str(init)})
            refused(result, marker, str(init), reason, "install kastellan again")
    served(t.control.run(line), marker)


@test("programs in the caller's PATH do not take part")
def path(t):
    place = t.directory("bin")
    for name in ("bwrap", "sh", "kastellan-init", "mount", "systemd-run"):
        t.file(f"bin/{name}", f"#!/bin/sh\necho {name} >> {t.work}/called\nexit 1\n", 0o755)
    host = {**os.environ, "PATH": f"{place}:/usr/bin:/bin"}
    if not t.options.init:
        host.pop("KASTELLAN_INIT", None)
    result = t.control.run(t.jail.command(["/bin/true"]), env=host)
    check.equal(result.code, 0, f"exit code, {result.complaint}")
    check.true(not (t.work / "called").exists(), "a program of the caller's PATH was called")
    t.control.run(["/usr/bin/env", "bwrap"], env=host)
    check.true((t.work / "called").exists(), "control: it can be called")


@test("a caller with no environment at all gets its jail")
def no_environment(t):
    # But for where the parts of what is tested are, which is this suite's own business.
    host = {name: value for name, value in os.environ.items() if name.startswith("KASTELLAN_")}
    result = t.control.run(t.jail.command(["/bin/echo", "here"]), env=host)
    check.equal((result.code, result.text), (0, "here\n"), f"outcome, {result.complaint}")


@test("an environment meant for the dynamic loader or the C library changes nothing in the jail")
def loader_environment(t):
    host = {**os.environ, "LD_PRELOAD": "/no/such.so", "LD_AUDIT": "/no/such.so",
            "MALLOC_CHECK_": "3", "GCONV_PATH": "/tmp", "LOCPATH": "/tmp", "TMPDIR": "/nowhere",
            "XDG_RUNTIME_DIR": "/nowhere", "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere"}
    result = t.control.run(t.jail.command(["/usr/bin/env"]), env=host)
    check.equal((result.code, t.without_own(result.text)), (0, ""), f"outcome, {result.complaint}")


@test("a caller with thousands of open descriptors gets its jail, one with few as well")
def many_descriptors(t):
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened = [os.open("/dev/null", os.O_RDONLY) for _ in range(min(soft - 100, 5000))]
    for fd in opened:
        os.set_inheritable(fd, True)
    try:
        check.equal(t.run(["/bin/true"], close_fds=False).code, 0, "with many")
    finally:
        for fd in opened:
            os.close(fd)

    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
    result = t.run(["/bin/echo", "here"], preexec_fn=few)
    check.one_of(result.code, {0, 125}, f"exit code with 40, {result.complaint}")
    if result.code == 125:
        check.contains(result.complaint, ("descriptor", "open files"), "remedy")


def strangled(t, limit, values):
    """The caller itself has a limit: the jail is built, or refused in words; nothing is left."""
    marker = t.directory("granted", 0o777) / "started"
    seen = set()
    for value in values:
        def strangle(value=value):
            resource.setrlimit(limit, (value, value))
        result = t.run(["/usr/bin/touch", marker], write=[marker.parent], preexec_fn=strangle)
        seen.add(result.code)
        if result.code in (125, 126, 127):
            check.true(not marker.exists(), f"with {value} the program was started")
            check.contains(result.complaint, ("kastellan: ", "shared libraries"))
        else:
            check.one_of(result.code, {0, -9, -11}, f"exit code with {value}")
        marker.unlink(missing_ok=True)
    return seen


def needs_plain_build(t):
    """AddressSanitizer reserves terabytes of addresses, and looks for leaks with ptrace."""
    if b"libasan" in pathlib.Path(t.options.kastellan).read_bytes():
        t.cannot("the program is built with a sanitizer that needs what is refused here")


@test("a caller with little address space is refused in words or served", 120)
def address_space(t):
    needs_plain_build(t)
    seen = strangled(t, resource.RLIMIT_AS, [kib << 10 for kib in (500, 1000, 2000, 2500, 3000, 3500,
                                                          4000, 5000, 6000, 8000, 10000, 64000)])
    check.true(len(seen) > 1, f"control: the limits make no difference: {seen}")


@test("a caller with few descriptors is refused in words or served, at every number", 120)
def descriptor_sweep(t):
    seen = strangled(t, resource.RLIMIT_NOFILE, range(4, 34, 2))
    check.true(seen & {125, 126, 127}, f"control: the limits make no difference: {seen}")


@test("a caller that may write no file is served: limits on files do not hit the worker's pipes")
def file_size(t):
    def none():
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    line = t.jail.command(["/bin/echo", "here"])
    result = t.control.run(line, preexec_fn=none)
    check.one_of(result.code, {0, 125}, f"exit code, {result.complaint}")
    if result.code == 0:
        check.equal(result.text, "here\n", "output")


@test("a grant that is removed while the worker runs does not keep the jail from ending")
def grant_removed(t):
    top = t.directory("granted", 0o777)
    process, path = t.jail.start(["/bin/sh", "-c", "echo ready; read -r x; ls; exit 5"],
                                 write=[top], flags=["--cwd", top], stdin=-1, stdout=-1,
                                 stderr=subprocess.DEVNULL)
    t.later(t.finish, process)
    check.equal(process.stdout.readline(), b"ready\n", "the worker")
    top.rmdir()
    process.stdin.close()
    check.equal(process.wait(10 * t.options.pace), 5, "exit code")
    check.equal(t.jail.read_status(path)["outcome"]["type"], "exit", "outcome")


@test("a grant that is mounted over while the worker runs still shows what was granted", root=True)
def grant_covered(t):
    top = t.directory("granted", 0o777)
    t.file("granted/file", "granted\n", 0o666)
    process, _ = t.jail.start(["/bin/sh", "-c", f"echo ready; read -r x; cat {top}/file"],
                              read=[top], stdin=-1, stdout=-1)
    t.later(t.finish, process)
    check.equal(process.stdout.readline(), b"ready\n", "the worker")
    subprocess.run(["/bin/mount", "-t", "tmpfs", "none", top], check=True)
    t.later(lambda: subprocess.run(["/bin/umount", top], check=True))
    pathlib.Path(top / "file").write_text("covered\n")
    process.stdin.close()
    check.equal(process.stdout.read(), b"granted\n", "what the worker read")
    process.wait(10 * t.options.pace)


@test("a mount that the host makes beneath a grant while the worker runs does not show in it", root=True)
def mount_propagated(t):
    top = t.directory("granted", 0o777)
    inner = t.directory("granted/inner", 0o777)
    process, _ = t.jail.start(["/bin/sh", "-c", f"echo ready; read -r x; ls {inner}"], read=[top],
                              stdin=-1, stdout=-1)
    t.later(t.finish, process)
    check.equal(process.stdout.readline(), b"ready\n", "the worker")
    subprocess.run(["/bin/mount", "-t", "tmpfs", "none", inner], check=True)
    t.later(lambda: subprocess.run(["/bin/umount", inner], check=True))
    (inner / "late").write_text("x")
    process.stdin.close()
    check.equal(process.stdout.read(), b"", "what the worker saw")
    process.wait(10 * t.options.pace)


@test("the mounts of a jail do not show on the host")
def mounts_stay(t):
    before = pathlib.Path("/proc/self/mountinfo").read_text()
    process, _ = t.jail.start(["/bin/sh", "-c", "echo ready; read -r x"], stdin=-1, stdout=-1,
                              read=[t.directory("granted")])
    t.later(t.finish, process)
    check.equal(process.stdout.readline(), b"ready\n", "the worker")
    if t.options.alone:
        check.equal(pathlib.Path("/proc/self/mountinfo").read_text(), before, "mounts")


@test("a jail inside of a jail is refused with the reason, and starts nothing")
def nested(t):
    needs_plain_build(t)
    here = pathlib.Path(t.options.kastellan).parent
    grants = [here, *([pathlib.Path(t.options.init).parent] if t.options.init else [])]
    host = {"KASTELLAN_INIT": t.options.init} if t.options.init else {}
    marker = t.directory("granted", 0o777) / "started"
    argv = [t.options.kastellan, "run", "--allow-degraded", ALL_FIELDS, "-w", marker.parent, "--",
            "/usr/bin/touch", marker]
    result = t.run(argv, read=grants, write=[marker.parent], env=host,
                   policy={"cpu_ms": 10000, "mem_mb": 256})
    check.equal((result.type, result.code), ("exit", 125), f"outcome, {result.complaint}")
    check.true(not marker.exists(), "the inner program was started")
    check.contains(result.complaint, "kastellan: ", "remedy")


@test("a supervisor that is stopped for a while and goes on has lost nothing")
def stopped(t):
    process, path = t.jail.start(["/bin/sh", "-c", "echo ready; sleep 0.2; exit 4"], stdout=-1)
    t.later(t.finish, process)
    check.equal(process.stdout.readline(), b"ready\n", "the worker")
    process.send_signal(signal.SIGSTOP)
    time.sleep(0.5)
    check.equal(process.poll(), None, "control: it does not end while it is stopped")
    process.send_signal(signal.SIGCONT)
    check.equal(process.wait(10 * t.options.pace), 4, "exit code")
    check.equal(t.jail.read_status(path)["outcome"]["exit_code"], 4, "status")


@test("jails in pid namespaces of their own, with the same pids, do not take each other's groups",
      120, root=True)
def same_pids(t):
    """Containers that share a cgroup file system: the names of their groups are made of pids."""
    script = ('for i in 1 2 3 4 5 6; do "$@"; code=$?; [ $code = 7 ] || echo "code $code"; done')
    line = t.jail.command(["/bin/sh", "-c", "sleep 0.0$(($$ % 10)); exit 7"])
    spaces = ["/usr/bin/unshare", "-pf", "--mount-proc", "--kill-child", "/bin/sh", "-c", script,
              "sh", *line]
    several = [subprocess.Popen(list(map(os.fsencode, spaces)), stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT) for _ in range(4)]
    said = [process.communicate(timeout=60 * t.options.pace)[0] for process in several]
    check.equal(said, [b""] * 4, "what went wrong")


@test("the smallest limits are kept, and end in words")
def smallest(t):
    t.needs_held("cpu_ms", "mem_mb", "tasks_max", "cpu_quota_pct")
    script = ["/bin/sh", "-c", "sleep 0.02; exit 7"]
    # One that does not end by itself while a busy machine keeps kastellan from its clock.
    long_script = ["/bin/sh", "-c", "sleep 600; exit 7"]
    for flags, ends in ((["--mem", "1M"], {"exit", "oom"}), (["--tasks", "1"], {"tasks"}),
                        (["--tasks", "2"], {"exit"}), (["--cpu", "1ms"], {"cpu", "exit"}),
                        (["--cpu-quota", "1"], {"exit"}), (["--timeout", "1ms"], {"timeout"})):
        result = t.run(long_script if "--timeout" in flags else script, flags=flags)
        check.one_of(result.type, ends, f"outcome with {flags}")


@test("a long command line is passed on whole, or refused with the number")
def long_command_line(t):
    policy = {"mem_mb": 256, "cpu_ms": 20000}
    for count, size in ((1, 131000), (15, 131000), (1000, 1000), (4000, 100), (100000, 1)):
        argv = ["/bin/sh", "-c", "echo $#", "sh", *["x" * size] * count]
        check.equal(t.control.run(argv).text, f"{count}\n", "control")
        result = t.run(argv, policy=policy)
        t.results.clear()
        if result.code == 125:
            check.contains(result.complaint, "argument", "remedy")
        else:
            check.equal((result.text, result.code), (f"{count}\n", 0),
                        f"{count} of {size}, {result.complaint[:300]}")


@test("a program with an empty name is refused as bad usage or as not found")
def empty_program(t):
    result = t.run([""])
    check.one_of(result.code, {125, 127}, "exit code")
    check.equal(result.type, "setup", "outcome")
