# SPDX-License-Identifier: Apache-2.0
"""What a backend truly cannot hold: in one table, by test, with what its receipt says of it instead.

A test that is named here is not left out. In its place the receipt is asked for the row and the words,
so that nothing is missing in silence; and a run without --allow-degraded has to be refused for it.
"""

import re

from harness import check

ANY, ROOT, USER = "any", "root", "user"

METADATA = ("fs_read", "can be looked at", ())
GRANTS = ("fs_read", "the host's own", ())
NESTED = ("fs_read", "can be written, too", ("-w", "{top}", "-r", "{top}/inner"))
TEMPORARY = ("fs_write", "private directory of the host's /tmp", ())
OWN_USER = ("fs_write", "user id of its own", ("-w", "{top}"))
AMONG = ("profile", "among the host's processes", ())
REFUSED = ("profile", "are refused to it", ())
TMPDIR = ("env", "TMPDIR is added", ())
CALLER = ("profile", "the caller's own user", ())

NO_PROXY = ("net", "nothing makes the worker use the egress", ("--net", "192.0.2.1:1"))

# (who, pattern of "module: name", (field, words of its row, arguments of the plan))
LANDLOCK = [
    # Another view than the host's is made of mounts.
    (ANY, r"differential: .*", METADATA),
    (ANY, r"files: (stat|access) of a file outside of the grants", METADATA),
    (ANY, r"files: (stat|chdir) of a directory outside of the grants", METADATA),
    (ANY, r"host: the root directory shows .*", METADATA),
    (ANY, r"host: the way to a grant shows nothing beside it", METADATA),
    (ANY, r"grants: eight jails with the same grants at once.*", METADATA),
    (ANY, r"input: five hundred and more grants are taken.*", METADATA),
    (ANY, r"outcome: a program of the host that no grant shows is not found.*", METADATA),
    (ANY, r"grants: a (read|write) grant that is swapped for a link .*", GRANTS),
    (ANY, r"surroundings: a grant that is mounted over while .*", GRANTS),
    (ANY, r"surroundings: a mount that the host makes beneath a grant .*", GRANTS),
    (ROOT, r"setid: a device node that lies in a grant cannot be opened", GRANTS),
    # Rights add up along a path.
    (ANY, r"grants: a read-only directory inside of a writable one.*", NESTED),
    (ANY, r"grants: three levels of nesting.*", NESTED),
    (ANY, r"grants: a protected directory cannot be moved.*", NESTED),
    (ANY, r"grants: a single read-only file in a writable directory", NESTED),
    (ANY, r"grants: links of a writable grant that stay in it are grants.*", NESTED),
    (ANY, r"outcome: a policy that the worker could replace is refused, .*", NESTED),
    # No file system of its own.
    (ANY, r"host: /tmp and /dev/shm take files.*", TEMPORARY),
    (ANY, r"host: filling /tmp or /dev/shm ends .*", TEMPORARY),
    (ANY, r"host: /dev holds what every program may expect.*", TEMPORARY),
    (ANY, r"host: (the clock, the locale|subprocess, threads and pipes).*", TEMPORARY),
    (ANY, r"files: nothing of the root file system can be written .*", TEMPORARY),
    (ANY, r"files: a working directory inside of a grant .*", TEMPORARY),
    (ANY, r"limits: mem_mb bounds a file in /(tmp|dev/shm); .*", TEMPORARY),
    (ANY, r"processes: what one jail leaves in /tmp .*", TEMPORARY),
    (ANY, r"setid: no set-id bit in the jail's own /tmp either", TEMPORARY),
    # A root caller's worker is somebody else, and no mount maps him to the owner of a grant.
    (ROOT, r"files: (write|truncate|chmod|utime|map_shared|open_truncate) of a file outside .*", OWN_USER),
    (ROOT, r"files: (chmod|utime) (file|\.) in a read-only grant", OWN_USER),
    (ROOT, r"files: a (written file is on the host|write grant lets its files).*", OWN_USER),
    (ROOT, r"setid: a worker cannot give its files away", OWN_USER),
    (ROOT, r"streams: what a root caller's worker writes belongs to the owner.*", OWN_USER),
    # The host's name, numbers and processes.
    (ANY, r"host: the host's name does not show", AMONG),
    (ANY, r"start: the parent of a worker is pid 1.*", AMONG),
    (USER, r"start: no capability in any of the five sets, an empty bounding set", CALLER),
    (ANY, r"sockets: WorkerStrict has no socket at all; WorkerNetClient has .*", REFUSED),
    (ANY, r"files: setxattr file in a read-only grant", REFUSED),
    # No network of its own that could lead to the proxy alone.
    (ANY, r"egress_(death|group): .*", NO_PROXY),
    (ANY, r"egress: .*", NO_PROXY),
    # One variable more.
    (ANY, r"start: the environment is exactly the policy's", TMPDIR),
    (ANY, r"start: odd values of the environment arrive as they are.*", TMPDIR),
]

MACHINE = "machine"  # no field's row: the plan says by itself how a machine differs

STREAMS = (MACHINE, "pipes of the guest's own", ())
FIFO = (MACHINE, "a FIFO in a grant", ())
ULIMIT = (MACHINE, "limits of the caller's own", ())
KERNEL = (MACHINE, "the kernel, what its /proc tells", ())
REAL = ("net", "not carried into a machine", ("-p", "{real}"))
PROCESSES = (MACHINE, "the worker's processes are the guest's", ())

QEMU = [
    (ANY, r"outcome: writing to a full device is the program.s own affair", STREAMS),
    (ANY, r"streams: a log that is appended to cannot be opened anew for overwriting", STREAMS),
    (ANY, r"terminal: without -t the caller's terminal is there .*", STREAMS),
    (ANY, r"terminal: the caller's terminal cannot be taken over without -t", STREAMS),
    (ANY, r"host: a pipe is opened again in its own direction only: .*", STREAMS),
    (ANY, r"streams: a FIFO in a read-only grant cannot be written to: .*", FIFO),
    (ANY, r"lifetime: .* ends a swarm that is deaf .*", PROCESSES),
    (ANY, r"lifetime: so does SIGKILL to its whole process group, and SIGSEGV", PROCESSES),
    (ANY, r"lifetime: and a SIGKILL that comes while the supervisor is stopped", PROCESSES),
    (ANY, r"lifetime: whichever process of the jail is killed, .*", PROCESSES),
    (ANY, r"setid: what the worker makes belongs to nobody privileged: seen from outside.*", PROCESSES),
    (ANY, r"start: a caller with lower limits of its own is served, .*", ULIMIT),
    (ANY, r"egress: ProxyEgress is the host's network, .*", REAL),
]

# Firecracker is the same machine in another emulator.
TABLES = {"landlock": LANDLOCK, "qemu": QEMU, "firecracker": QEMU}
# Before Linux 5.12 no mount maps ids, whatever the backend.
UNMAPPED = [row for row in LANDLOCK if row[2] is OWN_USER]


def rows(host, backend):
    table = TABLES.get(backend, ())
    if not table and host.root and not host.facts()["idmap"]:
        return UNMAPPED
    return table


def of(case, backend, host):
    """What the receipt says instead, or None."""
    name = f"{case.module.removeprefix('test_')}: {case.name}"
    for who, pattern, said in rows(host, backend):
        if who in (ANY, ROOT if host.root else USER) and re.fullmatch(pattern, name):
            return said
    return None


def ask_receipt(t, said):
    """In the place of a test that the backend cannot pass."""
    field, words, arguments = said
    top = t.directory("granted")
    t.directory("granted/inner")
    real = t.file("real.json", '{"net": "ProxyEgress"}')
    arguments = [part.format(top=top, real=real) for part in arguments]
    result = t.jail.other(["plan", "-b", t.options.backend, "--json", *arguments])
    if field == MACHINE:
        check.contains("; ".join(result.json["machine"]["differs"]), words)
        return
    row = {row["field"]: row for row in result.json["receipt"]}[field]
    check.true(row["verdict"] != "held", f"{field} is said to be held")
    check.contains(row["detail"], words)
    if row["verdict"] in ("degraded", "absent"):
        others = [name for name in t.host.degraded() if name != field]
        flags = ["--allow-degraded", ",".join(others)] if others else []
        refused = t.jail.other(["run", "-b", t.options.backend, *arguments, *flags, "/bin/true"])
        check.equal(refused.code, 125, f"exit code where {field} is not accepted")
        check.contains(refused.complaint, field, "--allow-degraded")


def stale(cases, backend):
    """Rows that name no test any more."""
    names = [f"{case.module.removeprefix('test_')}: {case.name}" for case in cases]
    return [pattern for who, pattern, _ in TABLES.get(backend, ())
            if not any(re.fullmatch(pattern, name) for name in names)]
