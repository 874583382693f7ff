# SPDX-License-Identifier: Apache-2.0
"""Files of /proc that the kernel keeps for root: by their modes alone where that is enough, covered
up where a mapping makes the worker their owner."""

import os

from harness import check
from harness.discover import test

# As src/linux/system_paths.c lists them.
PRIVATE = ("kcore", "kmsg", "kpagecgroup", "kpagecount", "kpageflags", "pagetypeinfo", "slabinfo",
           "sysrq-trigger", "timer_list", "vmallocinfo")
ALL_FIELDS = "fs_read,fs_write,net,cpu_ms,mem_mb,profile,cpu_quota_pct,tasks_max,env"


def present():
    return [f"/proc/{name}" for name in PRIVATE if os.path.exists(f"/proc/{name}")]


@test("what the kernel keeps for root is not opened by a worker")
def private_files(t):
    check.true(len(present()) >= 3, f"too few of them on this host: {present()}")
    for path in present():
        for act in ("read", "write"):
            t.denied(t.probe("files", act, path), by={"EACCES"})


@test("what the kernel keeps for root can be read by root", root=True)
def private_to_root(t):
    for path in present():
        # Waiting for the next message is no reading of this one; the other is written alone.
        if path not in ("/proc/kmsg", "/proc/sysrq-trigger"):
            result = t.control.run(["/usr/bin/head", "-c", "8", path])
            check.equal(result.code, 0, f"control, {result.complaint}")


def in_namespace(t, mapping, argv):
    return t.control.run(["/usr/bin/unshare", "-U", *mapping, *argv])


@test("a worker that is root to the kernel finds the files of root covered up",
      root=True, backends=("bwrap", "native"))
def mapped_root(t):
    """The caller is root of the host under another number, or in a namespace of its own."""
    t.needs_jail()
    count = ["/bin/sh", "-c", "cat /proc/slabinfo /proc/vmallocinfo | wc -c"]
    line = t.jail.command(count, flags=["--allow-degraded", ALL_FIELDS])
    for mapping in (["--map-user=1000", "--map-group=1000"], ["--map-root-user"]):
        result = in_namespace(t, mapping, count)
        check.true(int(result.text) > 100, f"control: {result.text!r}, {result.complaint}")
        result = in_namespace(t, mapping, line)
        check.equal((result.code, result.text), (0, "0\n"), f"{mapping}, {result.complaint}")
