# SPDX-License-Identifier: Apache-2.0
"""What the jail looks like from inside: little of the host, and enough to work with."""

import os
import re
import socket
import subprocess

from harness import check
from harness.discover import add, test

SYSTEM = {"bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "sbin", "tmp", "usr",
          "var", "run", "home", "root", "nix"}
UNREAD = {"ENOENT", "EACCES", "EPERM", "ENOTDIR", "ENODATA"}


def shell(t, script, **options):
    return t.run(["/bin/sh", "-c", script], **options)


# Facts about the host that a worker needs none of; all readable by root outside, where they exist.
HOST_FACTS = [
    "/proc/cmdline", "/proc/kcore", "/proc/keys", "/proc/key-users", "/proc/kallsyms",
    "/proc/kmsg", "/proc/iomem", "/proc/ioports", "/proc/modules", "/proc/config.gz",
    "/proc/sched_debug", "/proc/timer_list", "/proc/slabinfo", "/proc/vmallocinfo",
    "/proc/pagetypeinfo", "/proc/interrupts", "/proc/softirqs", "/proc/diskstats",
    "/proc/partitions", "/proc/swaps", "/proc/mtrr", "/proc/fb", "/proc/crypto", "/proc/consoles",
    "/proc/devices", "/proc/misc", "/proc/dma", "/proc/zoneinfo", "/proc/buddyinfo",
    "/proc/execdomains", "/proc/locks", "/proc/latency_stats", "/proc/kpagecount",
    "/proc/kpageflags", "/proc/sysrq-trigger", "/sys/kernel/uevent_seqnum", "/sys/class/net",
    "/sys/devices/system/cpu/vulnerabilities", "/sys/kernel/security", "/sys/fs/cgroup",
    "/sys/class/dmi/id/product_name", "/etc/shadow", "/etc/gshadow", "/etc/sudoers",
    "/etc/ssh", "/etc/machine-id", "/etc/resolv.conf", "/etc/fstab",
    "/etc/crontab", "/var/log", "/var/lib", "/boot", "/home", "/root", "/mnt", "/media",
    "/srv", "/opt", "/run/systemd", "/run/dbus", "/run/docker.sock", "/dev/kvm", "/dev/vda",
    "/dev/sda", "/dev/mem", "/dev/kmsg", "/dev/tty0", "/dev/console", "/dev/ttyS0", "/dev/vsock",
    "/dev/fuse", "/dev/loop0", "/dev/userfaultfd", "/dev/net/tun",
]


def hidden(t, path):
    act = "list" if os.path.isdir(path) else "read"
    argv = t.probe("files", act, path)
    by = UNREAD | ({"EIO", "EINVAL", "EISDIR"} if act == "read" else set())
    t.denied(argv, by=by)
    if not os.path.exists(path):
        t.cannot("this host has none")
    if path in ("/proc/kmsg", "/dev/kmsg", "/dev/console", "/dev/ttyS0", "/dev/tty0",
                "/proc/sysrq-trigger", "/proc/kcore", "/dev/net/tun", "/dev/vsock", "/dev/fuse",
                "/dev/kvm", "/dev/userfaultfd", "/dev/vda", "/dev/loop0"):
        argv = t.probe("files", "stat", path)  # to read would block, or means nothing
    outside = t.control.run(argv)
    if outside.verdict == "denied: ENODATA" or \
            outside.verdict.startswith("denied") and (not t.root or act == "list"):
        t.cannot("tells nothing outside either")
    check.true(outside.verdict.startswith("allowed"), f"control: {outside.verdict}")


for path in HOST_FACTS:
    add(f"{path} is hidden", lambda t, path=path: hidden(t, path), __name__)


# Switches of the kernel, which the kernel asks root's uid for and not its capabilities.
SWITCHES = [
    "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/sys/kernel/panic",
    "/proc/sys/vm/overcommit_memory", "/proc/sys/net/ipv4/ip_forward", "/proc/sysrq-trigger",
    "/proc/sys/kernel/modprobe", "/proc/sys/fs/binfmt_misc/register",
    "/proc/sys/kernel/ns_last_pid", "/proc/sys/user/max_user_namespaces", "/proc/irq/default_smp_affinity",
    "/proc/acpi/wakeup", "/proc/bus/pci/00/00.0", "/proc/mtrr",
]


def switch(t, path):
    argv = ["/usr/bin/python3", "-I", "-c",
            "import errno, os, sys\n"
            "try: found = os.fstat(os.open(sys.argv[1], os.O_WRONLY)).st_rdev\n"
            "except OSError as error: sys.exit(print('denied:', errno.errorcode[error.errno]))\n"
            "print('denied: ENODATA' if found == os.makedev(1, 3) else 'allowed: opened')", path]
    t.denied(argv, by=UNREAD | {"EROFS", "EISDIR"})
    if not os.path.exists(path):
        t.cannot("this host has none")
    outside = t.control.run(argv)
    if not t.root or outside.verdict in ("denied: EROFS", "denied: EACCES"):
        t.cannot("not writable outside either")
    check.true(outside.verdict.startswith("allowed"), f"control: {outside.verdict}")


for path in SWITCHES:
    add(f"{path} cannot be opened for writing", lambda t, path=path: switch(t, path), __name__)


@test("the root directory shows the system's directories and the way to the grants, nothing else")
def root_directory(t):
    result = shell(t, "ls -A /")
    grants = {t.probes.directory.parts[1]}
    extra = set(result.lines) - SYSTEM - grants
    check.equal(extra, set(), "further entries")
    check.true({"usr", "dev", "proc", "tmp"} <= set(result.lines), f"too little: {result.lines}")
    outside = set(t.control.run(["/bin/ls", "-A", "/"]).lines)
    check.true("sys" in outside and "sys" not in result.lines, "control: outside there is more")


@test("the way to a grant shows nothing beside it")
def way(t):
    top = t.directory("a/b/granted")
    t.directory("a/other")
    t.file("a/b/file")
    check.equal(shell(t, f"ls -A '{t.work}/a' '{t.work}/a/b'", read=[top]).lines,
                [f"{t.work}/a:", "b", "", f"{t.work}/a/b:", "granted"], "in the jail")
    check.equal(t.control.run(["/bin/ls", "-A", t.work / "a"]).lines, ["b", "other"], "control")


@test("the host's name does not show")
def host_name(t):
    name = socket.gethostname()
    script = "cat /proc/sys/kernel/hostname /etc/hostname 2>/dev/null; uname -n; cat /etc/hosts 2>&1"
    found = shell(t, script).text
    check.true(not re.search(rf"\b{re.escape(name)}\b", found) or name == "localhost",
               f"{name!r} shows: {found!r}")
    check.contains(t.control.run(["/bin/sh", "-c", script]).text, name)


@test("no user of the host but the worker shows in /etc/passwd")
def accounts(t):
    found = shell(t, "cat /etc/passwd /etc/group 2>/dev/null; id -un").text
    others = [line.rstrip("\n") for line in open("/etc/passwd", encoding="utf-8")
              if 1000 <= int(line.split(":")[2]) < 60000 and int(line.split(":")[2]) != os.getuid()]
    for line in others:
        name = line.split(":")[0]
        # The worker is called worker, which a user of the host may be, too.
        shows = line if name == "worker" else f"{name}:"
        check.true(not re.search(rf"^{re.escape(shows)}", found, re.M), f"{name} shows")


@test("/dev holds what every program may expect, and nothing more")
def devices(t):
    expected = {"null", "zero", "full", "random", "urandom", "tty", "fd", "stdin", "stdout",
                "stderr", "shm", "pts", "ptmx", "core", "console"}
    found = set(shell(t, "ls -A /dev").lines)
    check.equal(found - expected, set(), "further devices")
    check.equal({"null", "zero", "random", "urandom", "shm"} - found, set(), "missing devices")
    script = ("set -e; echo x > /dev/null; head -c 4 /dev/zero | od -An -tx1; "
              "test $(head -c 8 /dev/urandom | wc -c) = 8; ls -l /dev/fd/0 > /dev/null; "
              "echo out > /dev/stdout; echo err > /dev/stderr; echo x > /dev/full")
    result = shell(t, script)
    check.equal(result.lines, [" 00 00 00 00", "out"], "what the devices gave")
    check.contains(result.complaint, "err\n", ("No space left", "I/O error"))


@test("a pipe is opened again in its own direction only: others read and write it too", root=True)
def shared_pipe(t):
    # without it the worker's ids are the caller's, who owns the pipe
    loop = 'read -r first; "$@"; cat'
    script = "echo injected > /dev/stdin; chmod 666 /dev/stdin; echo injected > /proc/self/fd/0"
    line = t.jail.command(["/bin/sh", "-c", script])
    for argv, wanted in ((line, "two\n"), (["/bin/sh", "-c", script], "two\ninjected\n")):
        result = t.control.run(["/bin/sh", "-c", loop, "sh", *argv], stdin=b"one\ntwo\n")
        check.true(result.text.startswith(wanted), f"what the loop read: {result.text!r}")
        check.equal("injected" in result.text, argv is not line, "injected")


@test("/proc/mounts and mountinfo do not tell where on the host a grant lies")
def mount_sources(t):
    real = t.directory("hidden-source-name")
    link = t.work / "link"
    link.symlink_to(real)
    found = shell(t, "cat /proc/self/mountinfo /proc/self/mounts 2>/dev/null; true").text
    check.true("hidden-source-name" not in found, "an ungranted path shows")


@test("every mount of the jail is nosuid, and all but grants and system are nodev, noexec or small")
def mount_flags(t):
    top = t.directory("granted")
    found = shell(t, "cat /proc/self/mountinfo", read=[top])
    if found.code != 0 or not found.lines:
        t.cannot("mountinfo is not visible")
    for line in found.lines:
        fields = line.split(" ")
        options = set(fields[5].split(","))
        check.true("nosuid" in options, f"not nosuid: {line}")
        if fields[3] == "/null":  # a mask
            continue
        if fields[4] == "/" and "kastellan" in fields[-3:]:
            continue  # of a machine: all that the file server shows, which keeps it read-only itself
        if fields[4] not in ("/tmp", "/dev/shm", "/dev", "/dev/pts", "/proc") and \
                not fields[4].startswith("/dev/"):
            check.true("ro" in options, f"writable: {line}")


@test("/tmp and /dev/shm take files, empty at the start, private and bounded")
def scratch(t):
    for place in ("/tmp", "/dev/shm"):
        result = shell(t, f"ls -A {place}; stat -c %a {place}; echo x > {place}/f && cat {place}/f; "
                          f"df -P -k {place} | tail -1", policy={"mem_mb": 256})
        check.equal(result.lines[:2], ["1777", "x"], place)
        check.within(int(result.lines[2].split()[1]), 1, 512 * 1024, f"KiB of {place}")


@test("filling /tmp or /dev/shm ends with ENOSPC or oom, not with the host's memory")
def fill(t):
    t.needs_held("mem_mb")
    for place in ("/tmp", "/dev/shm"):
        result = shell(t, f"dd if=/dev/zero of={place}/f bs=1M count=600; echo $?",
                       policy={"mem_mb": 64, "cpu_ms": 10000})
        if result.type == "oom":
            continue
        check.contains(result.complaint, ("No space left", "Cannot allocate", "Killed"))


@test("the clock, the locale, the CPU count and the time zone are there for programs")
def useful(t):
    script = ("import os, time, locale, tempfile, multiprocessing\n"
              "assert os.cpu_count() >= 1 and time.time() > 1e9\n"
              "tempfile.TemporaryFile().write(b'x')\n"
              "multiprocessing.Lock()\n"
              "print(os.path.expanduser('~') or '?')\n")
    result = t.run(["/usr/bin/python3", "-I", "-c", script])
    check.equal((result.type, result.code, result.complaint), ("exit", 0, ""), "outcome")


@test("subprocess, threads and pipes work as anywhere")
def ordinary(t):
    script = ("import subprocess, threading, multiprocessing as m\n"
              "print(subprocess.run(['/bin/sh', '-c', 'echo a | cat'], capture_output=True).stdout)\n"
              "x = []; t = threading.Thread(target=lambda: x.append(1)); t.start(); t.join()\n"
              "with m.get_context('fork').Pool(2) as pool: print(pool.map(abs, [-1, -2]), x)\n")
    result = t.run(["/usr/bin/python3", "-I", "-c", script])
    check.equal(result.lines, ["b'a\\n'", "[1, 2] [1]"], result.complaint)


@test("a directory of a grant's file system that is mounted over does not show what lies beneath", root=True)
def submount(t):
    top = t.directory("granted", 0o777)
    inner = t.directory("granted/inner", 0o777)
    t.file("granted/inner/beneath")
    subprocess.run(["/bin/mount", "-t", "tmpfs", "none", inner], check=True)
    t.later(lambda: subprocess.run(["/bin/umount", inner], check=True))
    (inner / "above").write_text("x")
    (inner / "above").chmod(0o666)
    found = shell(t, f"ls -A '{inner}'; echo x > '{inner}/above'", read=[top])
    check.true("beneath" not in found.text, "what is mounted over shows")
    check.equal((inner / "above").read_text(), "x", "the submount of a read-only grant was written")
