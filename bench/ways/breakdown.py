# SPDX-License-Identifier: Apache-2.0
"""Which system calls the proxy spends its time in: counted and timed, where there is perf."""
import pathlib
import re
import shutil
import signal
import subprocess
import time

from stage.world import libc

TRACING = "/sys/kernel/tracing"
LINE = re.compile(r"^\s+([a-z]\w*)\s+(\d+)\s+\d+\s+([\d.]+)\s", re.MULTILINE)
GB = 1e9


def trace_of(pid, directory, work):
    """(what work returned, {system call: (count, seconds)}); None in place of the second where
    nobody counts. Tracing is mounted for this run alone, which has a mount namespace of its own."""
    if not shutil.which("perf"):
        return work(), None
    if not pathlib.Path(TRACING, "events").is_dir():
        libc.mount(b"tracefs", TRACING.encode(), b"tracefs", 0, None)
    path = pathlib.Path(directory, "trace")
    perf = subprocess.Popen(["perf", "trace", "-s", "-p", str(pid), "-o", str(path)],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.5)  # nothing tells when it has attached; what it misses is at the beginning
    said = work()
    perf.send_signal(signal.SIGINT)
    perf.wait()
    text = path.read_text() if path.exists() else ""
    calls = {name: (int(count), float(ms) / 1e3) for name, count, ms in LINE.findall(text)}
    return said, calls or None


def calls_per_gb(way, program, server, streams, ms, directory):
    """[(system call, calls a GB, milliseconds a GB)], the longest first; [] where not counted. What
    waits is not work, and is told by its count alone."""
    (said, _), calls = trace_of(
        way.helpers[0], directory,
        lambda: way.run(program, ["bulk", str(streams), str(ms)], server))
    if not calls or not said[1]:
        return []
    rows = [(name, count / said[1] * GB,
             None if name == "epoll_wait" else spent / said[1] * GB * 1e3)
            for name, (count, spent) in calls.items()]
    return sorted(rows, key=lambda row: -(row[2] or 0))[:6]
