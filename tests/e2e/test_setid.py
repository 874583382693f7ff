# SPDX-License-Identifier: Apache-2.0
"""Privileges that outlive the worker: set-id bits, device nodes, owners, capabilities."""

import os
import shutil
import stat

from harness import check
from harness.discover import add, test

REFUSED = {"EPERM", "EACCES", "ENOSYS"}
# act, whether the file has to be there before
SET_ID = [
    ("chmod_uid", True), ("chmod_gid", True), ("chmod_high", True), ("fchmod", True),
    ("fchmodat", True), ("fchmodat2", True), ("open", False), ("openat", False),
    ("openat2", False), ("creat", False), ("tmpfile", False), ("mknod", False),
    ("mknodat", False), ("mkdir", False),
]


def set_id(t, act, before):
    top = t.directory("granted", 0o777)
    path = t.file("granted/file", mode=0o755) if before else top / "file"
    argv = t.probe("setid", act, path, top)
    if act == "fchmodat2" and t.control.run(argv).verdict == "denied: ENOSYS":
        t.cannot("this kernel lacks fchmodat2")
    if before:
        path.chmod(0o755)
    elif path.exists():
        path.rmdir() if path.is_dir() else path.unlink()
    t.denied(argv, by=REFUSED, write=[top])
    for entry in top.rglob("*"):
        check.equal(entry.lstat().st_mode & 0o6000, 0, f"set-id bits of {entry}")
        if not before:
            entry.rmdir() if entry.is_dir() else entry.unlink()
    t.possible(argv)


for act, before in SET_ID:
    add(f"no set-id bit by {act}", lambda t, row=(act, before): set_id(t, *row), __name__)


@test("no set-id bit in the jail's own /tmp either")
def set_id_scratch(t):
    for act in ("open", "mknod"):
        t.denied(t.probe("setid", act, "/tmp/file"), by=REFUSED)
    t.allowed(t.probe("files", "create", "/tmp/file"))


@test("modes without set-id bits can still be set: sticky, none at all, all of rwx")
def plain_modes(t):
    top = t.directory("granted", 0o777)
    result = t.run(["/bin/sh", "-c", "cd '%s' && mkdir a && chmod 1777 a && touch b && chmod 0 b && "
                    "touch c && chmod 777 c && install -m 640 c d && stat -c %%a a b c d" % top],
                   write=[top])
    check.equal(result.text.split(), ["1777", "0", "777", "640"], "modes")


@test("device nodes cannot be made")
def devices(t):
    top = t.directory("granted", 0o777)
    for act in ("char_device", "block_device"):
        argv = t.probe("files", act, top / act)
        t.denied(argv, by={"EPERM", "EACCES"}, write=[top])
        t.denied(t.probe("files", act, "/tmp/node"), by={"EPERM", "EACCES"})
        check.true(not (top / act).exists(), "a node is there")
        if t.root:
            t.possible(argv)
    t.allowed(t.probe("files", "fifo", top / "fifo"), write=[top])


@test("a device node that lies in a grant cannot be opened", root=True)
def device_in_grant(t):
    top = t.directory("granted", 0o777)
    node = top / "zero"
    os.mknod(node, 0o666 | stat.S_IFCHR, os.makedev(1, 5))
    os.chmod(node, 0o666)
    if t.control.run(t.probe("files", "read", node)).verdict == "denied: EACCES":
        t.cannot("the work directory's file system has no devices")
    t.contained(t.probe("files", "read", node), by={"EACCES", "EPERM"}, write=[top])


@test("what the worker makes belongs to nobody privileged: seen from outside, by kernel ids")
def owner(t):
    """In /proc of the host a worker shows with its kernel uid, whatever it says inside."""
    process, _ = t.jail.start(["/bin/sh", "-c", "echo ready; read -r x"], stdin=-1, stdout=-1)
    t.later(t.finish, process)
    check.equal(process.stdout.readline(), b"ready\n", "the jail")
    uids = {}
    for pid in t.beneath(process.pid):
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            rows = dict(line.split(":", 1) for line in file)
        uids[pid] = (rows["Name"].strip(), set(map(int, rows["Uid"].split())))
    worker = [ids for name, ids in uids.values() if name == "sh"]
    check.equal(len(worker), 1, f"workers among {uids}")
    if t.root:
        check.true(0 not in worker[0], f"kernel uid 0 among {worker}")
    else:
        check.equal(worker[0], {os.geteuid()}, "kernel uid")


@test("a set-uid program in a grant gives nothing", root=True)
def set_uid_program(t):
    top = t.directory("granted")
    program = top / "id"
    shutil.copy("/usr/bin/id", program)
    os.chmod(program, 0o4755)
    drop = {"user": 65534, "group": 65534, "extra_groups": []}
    os.chmod(t.work, 0o755)
    outside = t.control.run([program, "-u"], **drop)
    if outside.text != "0\n":
        t.cannot("the work directory's file system takes no set-uid bit")
    for grant in ("read", "write"):
        result = t.run(["/bin/sh", "-c", f"/usr/bin/id -u; '{program}' -u"], **{grant: [top]})
        check.equal(result.lines[1:], result.lines[:1], f"uid in a {grant} grant")
        check.true(result.lines[0] != "0", "the worker is root")
        raised = t.run(["/bin/sh", "-c", f"'{program}' -u; while read -r line; do case $line in CapEff*) "
                        "echo \"$line\";; esac; done < /proc/$$/status"],
                       **{grant: [top]})
        check.contains(raised.text, "CapEff:\t0000000000000000")


@test("a file with capabilities gives none", root=True)
def file_capabilities(t):
    top = t.directory("granted")
    program = top / "grep"
    shutil.copy("/usr/bin/grep", program)
    os.chmod(program, 0o755)
    # cap_net_raw+ep, revision 2
    value = bytes.fromhex("01000002" + "00200000" + "00000000" * 3)
    try:
        os.setxattr(program, "security.capability", value)
    except OSError as error:
        t.cannot(f"no file capabilities here: {error}")
    argv = [program, "^CapEff", "/proc/self/status"]
    drop = {"user": 65534, "group": 65534, "extra_groups": []}
    check.equal(t.control.run(argv, **drop).text, "CapEff:\t0000000000002000\n", "control")
    result = t.run(argv, read=[top])
    # Where only the bounding set stands before it, the kernel does not start it at all.
    if result.code != 126 or "not permitted" not in result.complaint:
        check.equal(result.text, "CapEff:\t0000000000000000\n", "in the jail")


@test("a worker cannot give itself a capability by way of a file that it writes")
def own_file_capabilities(t):
    top = t.directory("granted", 0o777)
    script = ("import os; os.setxattr(%r, 'security.capability', "
              "bytes.fromhex('0100000200200000000000000000000000000000'))")
    path = t.file("granted/file", mode=0o666)
    argv = ["/usr/bin/python3", "-I", "-c", script % str(path)]
    result = t.run(argv, write=[top])
    check.contains(result.complaint, ("PermissionError", "Operation not"))
    check.equal(os.listxattr(path), [], "attributes, from outside")
    if t.root:
        check.equal(t.control.run(argv).code, 0, "control")


@test("files of another user stay that user's, whatever the grant", root=True)
def foreign_files(t):
    top = t.directory("granted")
    private = t.file("granted/private", "private\n", 0o600)
    os.chown(private, 1234, 1234)
    argv = t.probe("files", "write", private)
    t.denied(argv, by={"EACCES", "EPERM"}, write=[top])
    t.possible(argv)


@test("a worker cannot give its files away")
def chown(t):
    top = t.directory("granted", 0o777)
    argv = ["/bin/sh", "-c", "cd '%s' && touch mine && chown 1234:1234 mine" % top]
    result = t.run(argv, write=[top])
    check.true(result.code != 0, "chown worked")
    check.equal((top / "mine").stat().st_uid, os.geteuid(), "owner")
    if t.root:
        check.equal(t.control.run(argv).code, 0, "control")
