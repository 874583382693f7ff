# SPDX-License-Identifier: Apache-2.0
"""What a jail costs while its worker does nothing. User side: the proportional set size of all
processes of the jails but the workers. Kernel side: the difference that many jails make to slabs,
kernel stacks, page tables and per-CPU memory of the whole machine, workers included, so that it is
an upper bound and as noisy as the machine."""
import os
import time

KERNEL = ("Slab", "KernelStack", "PageTables", "Percpu")


def meminfo():
    with open("/proc/meminfo") as file:
        lines = dict(line.split(":") for line in file)
    return {name: int(lines[name].split()[0]) for name in KERNEL}


def parents():
    result = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as file:
                    result[int(entry)] = int(file.read().rpartition(")")[2].split()[1])
            except OSError:
                continue
    return result


def descendants(pid):
    known = parents()
    result, front = set(), {pid}
    while front:
        front = {child for child, parent in known.items() if parent in front} - result
        result |= front
    return result


def read(pid, name):
    try:
        with open(f"/proc/{pid}/{name}") as file:
            return file.read()
    except OSError:
        return ""


def pss_kib(pid):
    for line in read(pid, "smaps_rollup").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def measure(spawner, method, count):
    """(KiB of user memory a jail, KiB of kernel memory a jail, processes a jail)"""
    request = f"{method}/idle/2"
    spawner.ask(f"hold 1 {request}")
    spawner.ask("drop")
    time.sleep(0.5)
    before = meminfo()
    spawner.ask(f"hold {count} {request}")
    time.sleep(0.5)
    after = meminfo()
    family = [pid for pid in descendants(spawner.pid) if read(pid, "comm").strip() != "idle"]
    user = sum(pss_kib(pid) for pid in family)
    spawner.ask("drop")
    kernel = {name: (after[name] - before[name]) / count for name in KERNEL}
    return {"user_kib": user / count, "kernel_kib": sum(kernel.values()),
            "kernel_parts_kib": kernel, "processes": len(family) / count, "jails": count}
