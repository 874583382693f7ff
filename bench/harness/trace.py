# SPDX-License-Identifier: Apache-2.0
"""The kernel's own record of a spawn: who starts, executes and ends when, and what the system calls
of each process take. Needs root. Nothing of it is left when it is closed."""
import ctypes
import os
import re

CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 1 << 18
TRACING = "/sys/kernel/tracing"
INSTANCE = f"{TRACING}/instances/kastellan-bench-{os.getpid()}"
PROCESSES = ("sched/sched_process_fork", "sched/sched_process_exec", "sched/sched_process_exit")
CALLS = ("raw_syscalls/sys_enter", "raw_syscalls/sys_exit")
LINE = re.compile(r"^\s*.+-(\d+)\s+\[\d+\] \S+\s+([\d.]+): (\w+): (.*)$")


class Unavailable(Exception):
    pass


def mount_tracing():
    """In a mount namespace of this process's own, where nobody else has it mounted."""
    libc = ctypes.CDLL(None, use_errno=True)
    if os.path.isdir(f"{TRACING}/instances"):
        return
    if (libc.unshare(CLONE_NEWNS) < 0 or libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None) < 0
            or libc.mount(b"tracefs", TRACING.encode(), b"tracefs", 0, None) < 0):
        raise Unavailable(f"{TRACING} cannot be mounted: {os.strerror(ctypes.get_errno())}")


class Trace:
    def __init__(self, pid, events):
        mount_tracing()
        self.pid = pid
        try:
            os.mkdir(INSTANCE)
        except OSError as error:
            raise Unavailable(str(error)) from error
        self.write("trace_clock", "mono")
        self.write("buffer_size_kb", "8192")
        self.write("options/event-fork", "1")
        self.write("tracing_on", "0")
        for event in events:
            self.write(f"events/{event}/enable", "1")

    def write(self, file, text):
        with open(f"{INSTANCE}/{file}", "w") as out:
            out.write(text)

    def record(self, act):
        """What happened in the process and its descendants: [(microseconds, pid, event, rest)]."""
        self.write("trace", "")
        self.write("set_event_pid", str(self.pid))
        self.write("tracing_on", "1")
        result = act()
        self.write("tracing_on", "0")
        with open(f"{INSTANCE}/trace") as file:
            lines = [LINE.match(line) for line in file]
        return result, [(float(found[2]) * 1e6, int(found[1]), found[3], found[4])
                        for found in lines if found]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.rmdir(INSTANCE)
