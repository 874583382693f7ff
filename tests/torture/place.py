# SPDX-License-Identifier: Apache-2.0
"""Views of the machine in which nobody else does anything: processes, mounts, temporary files and
control groups of one sweep, so that several go on side by side and whatever is found is their own."""

import contextlib
import ctypes
import glob
import os
import pathlib
import signal
import sys
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from harness import groups  # noqa: E402

NEWNS, NEWIPC, NEWPID = 0x00020000, 0x08000000, 0x20000000
REC, PRIVATE = 0x4000, 1 << 18
DEATH_SIGNAL, SUBREAPER = 1, 36
# A number of a process that a jail tells about has at least three figures outside of it.
FIRST_PID = 1000
libc = ctypes.CDLL(None, use_errno=True)


def must(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


def own_mounts():
    must(libc.mount(None, b"/", None, REC | PRIVATE, None), "mounts of its own")
    for path in (b"/tmp", b"/dev/shm"):
        must(libc.mount(b"tmpfs", path, b"tmpfs", 0, b"mode=1777"), "an empty /tmp")
    must(libc.mount(b"proc", b"/proc", b"proc", 0, None), "a /proc of its own")


def in_child(act):
    """The child that does it and ends with its status, or with its parent."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            libc.prctl(DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
            code = act() or 0
        except SystemExit as ending:
            code = ending.code if isinstance(ending.code, int) else 1
            if not isinstance(ending.code, int):
                print(ending.code, file=sys.stderr, flush=True)
        except BaseException:  # whatever it is, it must not come to the parent's code
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(code)
    return pid


def status_of(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def end(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def take_back(handed, seconds=30):
    """What was killed may take a moment to leave its groups."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and (
            remove_groups(handed.directories) or in_use(handed.directories)):
        time.sleep(0.05)
    handed.take_back()


def in_use(directories):
    return any(pathlib.Path(place, "cgroup.procs").read_text(encoding="utf-8").strip()
               for place in directories)


def remove_groups(directories):
    """Of jails whose processes were all ended at once, so that nobody else could; those that stay."""
    found = {path for place in directories
             for path in glob.glob(f"{place}/**/kastellan-*", recursive=True)}
    for path in sorted(found, reverse=True):
        with contextlib.suppress(OSError):
            os.rmdir(path)
    return [path for path in found if os.path.exists(path)]


def first_process(act):
    """Not the sweep itself: for a jail, the first process of a machine is no parent like others."""
    own_mounts()
    pathlib.Path("/proc/sys/kernel/ns_last_pid").write_text(str(FIRST_PID))
    sweep = in_child(act)
    while True:
        pid, status = os.wait()
        if pid == sweep:
            return os.waitstatus_to_exitcode(status) & 0xFF


def alone(act):
    """Starts act(directories of its own control groups) where it is alone; the process to wait for.
    With its end, whatever is in there ends."""

    def enter():
        libc.prctl(SUBREAPER, 1, 0, 0, 0)
        if os.geteuid() != 0:
            return act(None)
        handed = groups.delegate(0, 0)
        child = in_child(lambda: inside(handed))
        signal.signal(signal.SIGTERM, lambda *_: end(child))
        code = status_of(child)
        take_back(handed)
        return code & 0xFF

    def inside(handed):
        handed.join()
        must(libc.unshare(NEWNS | NEWIPC | NEWPID), "namespaces of its own")
        return status_of(in_child(lambda: first_process(lambda: sweep(handed)))) & 0xFF

    def sweep(handed):
        libc.prctl(SUBREAPER, 1, 0, 0, 0)
        return act(handed.directories)

    return in_child(enter)
