# SPDX-License-Identifier: Apache-2.0
"""The kernel's surface: calls that a worker has no use for, and the other entrances to them."""

import os
import pathlib

from harness import check
from harness.discover import add, test

ANY, ROOT = "any", "root"  # who can do it unconfined
X86_64 = os.uname().machine == "x86_64"

# probe, act, in the jail (None: killed, and the outcome names the call of the act's name), who,
# kernel options without which the control fails too.
ACTS = [
    ("spaces", "unshare_user", "EPERM", ANY, None),
    ("spaces", "unshare_mount", "EPERM", ROOT, None),
    ("spaces", "unshare_net", "EPERM", ROOT, None),
    ("spaces", "clone_user", "EPERM", ANY, None),
    ("spaces", "clone_user_high", "EPERM", ANY, None),
    ("spaces", "clone3_user", "ENOSYS", ANY, None),
    ("spaces", "clone3_plain", "ENOSYS", ANY, None),
    ("spaces", "setns", "killed: setns", ROOT, None),
    ("spaces", "chroot", "EPERM", ROOT, None),
    ("spaces", "pivot_root", "killed: pivot_root", ROOT, None),
    ("spaces", "mount", "killed: mount", ROOT, None),
    ("spaces", "remount", "killed: mount", ROOT, None),
    ("spaces", "umount", "killed: umount2", ROOT, None),
    ("spaces", "fsopen", "killed: fsopen", ROOT, None),
    ("spaces", "open_tree", "killed: open_tree", ROOT, None),
    ("spaces", "open_tree_plain", "killed: open_tree", ANY, None),
    ("spaces", "move_mount", "killed: move_mount", ROOT, None),
    ("spaces", "mount_setattr", "killed: mount_setattr", ROOT, "Linux 5.12"),
    ("spaces", "fspick", "killed: fspick", ROOT, None),
    ("calls", "keyctl", "killed: keyctl", ANY, "CONFIG_KEYS"),
    ("calls", "add_key", "killed: add_key", ANY, "CONFIG_KEYS"),
    ("calls", "request_key", "killed: request_key", ANY, "CONFIG_KEYS"),
    ("calls", "bpf", "killed: bpf", ROOT, "CONFIG_BPF_SYSCALL"),
    ("calls", "perf_event_open", "EPERM", ROOT, "CONFIG_PERF_EVENTS"),
    ("calls", "userfaultfd", "EPERM", ROOT, "CONFIG_USERFAULTFD"),
    ("calls", "io_uring_setup", "ENOSYS", ANY, "CONFIG_IO_URING"),
    ("calls", "open_by_handle_at", "killed: open_by_handle_at", ROOT, "CONFIG_FHANDLE"),
    ("calls", "name_to_handle_at", "EPERM", ANY, "CONFIG_FHANDLE"),
    ("calls", "fanotify", "EPERM", ROOT, "CONFIG_FANOTIFY"),
    ("calls", "kcmp", "EPERM", ANY, "CONFIG_KCMP"),
    ("calls", "ptrace_traceme", "killed: ptrace", ANY, None),
    ("calls", "process_vm_readv", "killed: process_vm_readv", ANY, "CONFIG_CROSS_MEMORY_ATTACH"),
    ("calls", "init_module", "killed: init_module", ROOT, "CONFIG_MODULES"),
    ("calls", "finit_module", "killed: finit_module", ROOT, "CONFIG_MODULES"),
    ("calls", "delete_module", "killed: delete_module", ROOT, "CONFIG_MODULES"),
    ("calls", "kexec_load", "killed: kexec_load", ROOT, "CONFIG_KEXEC"),
    ("calls", "reboot", "killed: reboot", ROOT, None),
    ("calls", "swapon", "killed: swapon", ROOT, "CONFIG_SWAP"),
    ("calls", "acct", "killed: acct", ROOT, "CONFIG_BSD_PROCESS_ACCT"),
    ("calls", "settimeofday", "EPERM", ROOT, None),
    ("calls", "clock_settime", "EPERM", ANY, None),
    ("calls", "adjtimex", "EPERM", ROOT, None),
    ("calls", "sethostname", "EPERM", ROOT, None),
    ("calls", "syslog", "EPERM", ROOT, "CONFIG_PRINTK"),
    ("calls", "iopl", "killed: iopl", ROOT, "CONFIG_X86_IOPL_IOPERM"),
    ("calls", "quotactl", "EPERM", ANY, "CONFIG_QUOTACTL"),
    ("calls", "personality", "EPERM", ANY, None),
    ("calls", "prctl_dispatch", "EINVAL", ANY, None),
]


def control(t, argv, who, option):
    """Unconfined it works; where nobody can do it on this host, it is at least not killed."""
    if option and t.host.configured(option) is False:
        result = t.control.run(argv)
        check.equal(result.verdict, "denied: ENOSYS", f"control, without {option}")
    elif argv[1].endswith(("_user", "_user_high")) and no_user_namespaces():
        check.equal(t.control.run(argv).verdict, "denied: ENOSPC", "control, by the host")
    elif who == ROOT and not t.root:
        result = t.control.run(argv)
        # A newer kernel looks at the paths of pivot_root() first.
        check.one_of(result.verdict, {"denied: EPERM", "denied: EACCES",
                                      "allowed: got as far as the arguments"},
                     "control, an unprivileged caller")
    else:
        t.possible(argv)


def no_user_namespaces():
    """The host makes none: its answer is another one than the jail's."""
    return pathlib.Path("/proc/sys/user/max_user_namespaces").read_text().strip() == "0"


def refused(t, probe, act, how, who, option):
    if act == "iopl" and not X86_64:
        t.cannot("only x86_64 has it")
    place = t.directory("place")
    argv = t.probe(probe, act, place)
    indistinct = (option and t.host.configured(option) is False) or (who == ROOT and not t.root)
    t.denied(argv, by={how}, write=[place])
    if indistinct and not how.startswith("killed"):
        t.cannot("only root can do it here, so that a refusal says nothing")
    # Asked all the same: the others may get it with a later kernel.
    if act == "prctl_dispatch" and (not X86_64 or t.host.kernel() < (5, 11)) \
            and t.control.run(argv).verdict == "denied: EINVAL":
        t.cannot("this kernel does not have it on this processor, so that a refusal says nothing")
    control(t, argv, who, option)


for row in ACTS:
    ending = f"ends it, and the outcome names {row[2][8:]}" if row[2].startswith("killed") \
        else f"is answered with {row[2]}"
    add(f"{row[1]} {ending}", lambda t, row=row: refused(t, *row), __name__,
        root=row[3] == ROOT and not row[2].startswith("killed"))


@test("int 0x80, the 32-bit entrance, ends it as denied")
def int80(t):
    if not X86_64:
        t.cannot("only x86_64 has it")
    argv = t.probe("calls", "int80")
    outside = t.control.run(argv)
    if not t.options.controls_only:
        result = t.run(argv)
        check.equal(result.type, "denied", "outcome")
        check.equal(result.stdout, b"", "output")
    if outside.code < 0:
        t.cannot("this kernel has no 32-bit entrance")
    check.true(outside.verdict.startswith("allowed"), f"control: {outside.verdict}")


@test("a call with the x32 bit ends it as denied")
def x32(t):
    if not X86_64:
        t.cannot("only x86_64 has it")
    argv = t.probe("calls", "x32")
    outside = t.control.run(argv)
    check.one_of(outside.verdict, {"allowed: it worked", "denied: ENOSYS"}, "control")
    result = t.run(argv)
    check.equal(result.type, "denied", "outcome")


@test("a system call of the future is answered with ENOSYS, not with death")
def future(t):
    argv = t.probe("calls", "nonsense")
    check.equal(t.control.run(argv).verdict, "denied: ENOSYS", "control")
    check.equal(t.run(argv).verdict, "denied: ENOSYS", "in the jail")


@test("a child that is denied dies alone, and the status counts it")
def denied_child(t):
    script = ("import subprocess, sys\n"
              "done = subprocess.run([sys.argv[1], 'keyctl'])\n"
              "print('child', done.returncode)\n")
    argv = ["/usr/bin/python3", "-I", "-c", script, t.probe("calls")[0]]
    check.contains(t.control.run(argv).text, "child 0")
    result = t.run(argv)
    check.contains(result.text, ("child -9", "child -31"))
    check.equal((result.type, result.code), ("exit", 0), "outcome")
    check.equal(result.usage.get("calls_denied"), 1, "calls_denied")


@test("seccomp is on and no_new_privs is set; outside they are not")
def modes(t):
    argv = ["/usr/bin/python3", "-I", "-c", "print(open('/proc/self/status').read())"]

    def seen(result):
        rows = dict(line.split(":\t", 1) for line in result.lines if ":\t" in line)
        return rows["NoNewPrivs"], rows["Seccomp"]
    outside = seen(t.control.run(argv))
    inside = seen(t.run(argv))
    check.equal(inside, ("1", "2"), "NoNewPrivs and Seccomp inside")
    check.true(outside != inside, f"control: outside it is {outside} too")


@test("both profiles refuse new user namespaces")
def profiles(t):
    argv = t.probe("spaces", "unshare_user")
    for profile in ("WorkerStrict", "WorkerNetClient"):
        t.denied(argv, by="EPERM", flags=["--profile", profile])
    control(t, argv, ANY, None)


@test("a program may load a filter of its own, which only adds to the jail's")
def own_filter(t):
    """Chromium, OpenSSH and systemd-run's children do; the kernel ends with the stricter answer."""
    script = ("import ctypes\n"
              "libc = ctypes.CDLL(None, use_errno=True)\n"
              "code = ctypes.create_string_buffer(bytes([6, 0, 0, 0, 0, 0, 0xff, 0x7f]))\n"
              "class Program(ctypes.Structure):\n"
              "    _fields_ = [('n', ctypes.c_ushort), ('code', ctypes.c_void_p)]\n"
              "program = Program(1, ctypes.addressof(code))\n"
              "libc.prctl(38, 1, 0, 0, 0)\n"
              "print('loaded', libc.prctl(22, 2, ctypes.byref(program), 0, 0))\n"
              "print('unshare', libc.unshare(0x10000000), ctypes.get_errno())\n")
    argv = ["/usr/bin/python3", "-I", "-c", script]
    possible = "unshare -1 28" if no_user_namespaces() else "unshare 0 0"
    check.equal(t.control.run(argv).lines, ["loaded 0", possible], "control")
    check.equal(t.run(argv).lines, ["loaded 0", "unshare -1 1"], "in the jail")


@test("a storm of denied calls from many children is survived and counted")
def storm(t):
    script = ("import subprocess, sys\n"
              "ended = [subprocess.Popen([sys.argv[1], 'keyctl']) for _ in range(40)]\n"
              "print(sum(p.wait() == -9 or p.wait() == -31 for p in ended))\n")
    argv = ["/usr/bin/python3", "-I", "-c", script, t.probe("calls")[0]]
    result = t.run(argv, policy={"cpu_ms": 20000, "mem_mb": 256})
    check.equal((result.text, result.type), ("40\n", "exit"), "outcome")
    check.equal(result.usage["calls_denied"], 40, "calls_denied")
