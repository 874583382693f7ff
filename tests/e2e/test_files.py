# SPDX-License-Identifier: Apache-2.0
"""Files outside of the grants, and what a read-only grant withholds.

Everything outside is open to everybody in the eyes of the file system, so that it is the jail that
denies, not a mode or an owner.
"""

import os

from harness import check
from harness.discover import add, test

HIDDEN = {"ENOENT", "EACCES"}
FIXED = {"EROFS", "EACCES", "EPERM"}


# A worker has no sockets, so it makes none of their files either, not even where it may write.
NOWHERE = {"bind_socket"}
BY_NAME = {"truncate", "open_truncate"}


def grantable(t, act):
    """Whether a grant allows it. Without mounts, truncation by name is refused to everybody by a
    kernel whose Landlock does not know it, and the receipt says so."""
    if act in BY_NAME and t.options.backend == "landlock" and t.host.landlock_abi() < 3:
        check.contains(t.host.receipt()["profile"]["detail"], "truncating a file by its name")
        return False
    return act not in NOWHERE


def secret(t):
    t.directory("outside", 0o777)
    return t.file("outside/key", "a secret\n", 0o666)


# What can be done to a file or directory that no grant shows.
OUTSIDE = [
    ("read", "key"), ("stat", "key"), ("access", "key"), ("write", "key"), ("truncate", "key"),
    ("open_truncate", "key"), ("chmod", "key"), ("utime", "key"), ("map_shared", "key"),
    ("unlink", "key"), ("list", "."), ("chdir", "."), ("create", "new"), ("mkdir", "new"),
    ("fifo", "new"), ("bind_socket", "new"), ("tmpfile", "."), ("stat", "."),
]


def outside(t, act, name):
    key = secret(t)
    target = key.parent / name if name != "." else key.parent
    before = sorted(os.listdir(key.parent))
    argv = t.probe("files", act, target)
    t.denied(argv, by=HIDDEN | FIXED, write=[t.directory("granted")])
    check.equal(sorted(os.listdir(key.parent)), before, "the directory outside")
    check.equal(key.read_text(), "a secret\n", "the file outside")
    t.possible(argv)
    for path in key.parent.iterdir():
        path.rmdir() if path.is_dir() else path.unlink()
    key.write_text("a secret\n")
    if grantable(t, act):
        t.allowed(argv, write=[key.parent])


for act, name in OUTSIDE:
    what = {"key": "a file", ".": "a directory", "new": "a new name"}[name]
    add(f"{act} of {what} outside of the grants",
        lambda t, act=act, name=name: outside(t, act, name), __name__)


# What changes a file or directory that is granted for reading.
CHANGES = [
    ("write", ["file"]), ("truncate", ["file"]), ("open_truncate", ["file"]), ("chmod", ["file"]),
    ("utime", ["file"]), ("setxattr", ["file"]), ("reopen", ["file"]), ("map_shared", ["file"]),
    ("unlink", ["file"]), ("rmdir", ["empty"]), ("create", ["new"]), ("mkdir", ["new"]),
    ("fifo", ["new"]), ("bind_socket", ["new"]), ("tmpfile", ["."]), ("link", ["file", "new"]),
    ("rename", ["file", "new"]), ("exchange", ["file", "empty"]), ("symlink", ["file", "new"]),
    ("chmod", ["."]), ("utime", ["."]),
]


def tree(t, name="granted"):
    top = t.directory(name, 0o777)
    t.file(f"{name}/file", "content\n", 0o666)
    t.directory(f"{name}/empty", 0o777)
    return top


def look(top):
    """Everything about a tree that an act could change, atime left out."""
    seen = []
    for place, directories, files in os.walk(top):
        for entry in [".", *sorted(directories), *sorted(files)]:
            path = os.path.join(place, entry)
            st = os.lstat(path)
            data = open(path, "rb").read() if os.path.isfile(path) else b""
            seen.append((path, st.st_mode, st.st_mtime_ns, st.st_nlink, data, os.listxattr(path)))
    return seen


def change(t, act, names):
    top = tree(t)
    writable = tree(t, "writable")

    def argv(place):
        return t.probe("files", act, *(os.path.normpath(place / name) for name in names))
    before = look(top)
    t.denied(argv(top), by=FIXED, read=[top])
    check.equal(look(top), before, "the read-only tree")
    if grantable(t, act):
        t.allowed(argv(writable), write=[writable])
    t.possible(argv(top))


for act, names in CHANGES:
    add(f"{act} {' '.join(names)} in a read-only grant",
        lambda t, act=act, names=names: change(t, act, names), __name__)


@test("a granted file can be read, and comes out whole")
def readable(t):
    data = bytes(range(256)) * 4096
    path = t.file("granted/data", data)
    result = t.run(["/usr/bin/cat", path], read=[path.parent])
    check.true(result.stdout == data, "the content differs")


@test("a written file is on the host, and belongs to the caller")
def written(t):
    top = t.directory("granted")
    result = t.run(["/bin/sh", "-c", f"echo text > '{top}/new' && mkdir '{top}/sub'"], write=[top])
    check.equal((result.type, result.code), ("exit", 0), "outcome")
    check.equal((top / "new").read_text(), "text\n", "content")
    for name in ("new", "sub"):
        st = (top / name).stat()
        check.equal((st.st_uid, st.st_gid), (os.geteuid(), os.getegid()), f"owner of {name}")


@test("a write grant lets its files be read, replaced, renamed, linked and removed")
def all_of_writing(t):
    top = tree(t)
    script = f"""set -e; cd '{top}'
grep -q content file; echo more >> file; cp file copy; mv copy moved; ln file hard; ln -s file soft
mkdir -p a/b/c; mv a d; chmod 700 d; touch -d @1 file; rm hard soft moved; rm -r d; mkfifo pipe
rm pipe; test "$(cat file)" = "$(printf 'content\\nmore')"; echo fine"""
    result = t.run(["/bin/sh", "-c", script], write=[top])
    check.equal((result.text, result.complaint), ("fine\n", ""), "what the script said")


@test("links and names lead nowhere outside")
def detours(t):
    key = secret(t)
    granted = t.directory("granted", 0o777)
    (granted / "link").symlink_to(key)
    (granted / "up").symlink_to("../outside")
    (granted / "root").symlink_to("/proc/self/root")
    for path in (granted / "link", granted / "up/key", f"{granted}/../outside/key",
                 f"{granted}/root{key}", f"/proc/self/root{key}", f"/proc/thread-self/root{key}",
                 f"/proc/self/cwd/../outside/key", f"/proc/self/fd/0/../../{key}"):
        argv = t.probe("files", "read", path)
        t.denied(argv, by=HIDDEN | {"ENOTDIR", "ELOOP"}, write=[granted], cwd=granted)
        if "/fd/0" not in str(path):
            t.possible(argv, cwd=granted)


@test("other processes' roots and working directories lead nowhere outside")
def other_roots(t):
    key = secret(t)
    victim = t.victim(cwd=key.parent)
    for path in (f"/proc/{victim}/root{key}", f"/proc/{victim}/cwd/key"):
        t.contained(t.probe("files", "read", path), by=HIDDEN)
    for path in (f"/proc/1/root{key}", "/proc/1/cwd/etc/hostname", f"/proc/2/root{key}"):
        t.denied(t.probe("files", "read", path), by=HIDDEN | {"EPERM"})


@test("a directory descriptor and forty times .. lead nowhere outside")
def beneath(t):
    key = secret(t)
    granted = t.directory("granted")
    t.contained(t.probe("files", "beneath", granted, key), by=HIDDEN, read=[granted])


@test("neither a hard link nor a rename takes a file out of a read-only grant")
def taken_out(t):
    source, target = tree(t, "source"), t.directory("target", 0o777)
    for act in ("link", "rename"):
        argv = t.probe("files", act, source / "file", target / "taken")
        t.contained(argv, by=FIXED | {"EXDEV"}, read=[source], write=[target])
        os.replace(target / "taken", source / "file")


@test("nor does either put a file in")
def put_in(t):
    source, target = tree(t, "source"), t.directory("target", 0o777)
    for act in ("link", "rename"):
        argv = t.probe("files", act, source / "file", target / "put")
        t.contained(argv, by=FIXED | {"EXDEV"}, write=[source], read=[target])
        os.replace(target / "put", source / "file")


@test("a file that the worker cannot name stays hidden behind a link that it plants")
def planted(t):
    key = secret(t)
    granted = t.directory("granted", 0o777)
    script = "ln -s '%s' link && cat link" % key
    check.equal(t.control.run(["/bin/sh", "-c", script], cwd=granted).text, "a secret\n", "control")
    (granted / "link").unlink()
    result = t.run(["/bin/sh", "-c", script], write=[granted], cwd=granted)
    check.equal((result.stdout, result.type, result.code), (b"", "exit", 1), "in the jail")


@test("nothing of the root file system can be written but the write grants and the scratch space", 300)
def writable_places(t):
    granted = t.directory("granted", 0o777)
    t.directory("granted/sub", 0o777)
    shown = tree(t, "shown")
    argv = t.probe("writable.py")
    outside_run = t.control.run([*argv, str(t.work)])
    check.true({str(granted), str(shown)} <= set(outside_run.json), "control: it finds places")
    result = t.run([*argv, "/"], read=[shown], write=[granted],
                   policy={"cpu_ms": 10000, "mem_mb": 128}, timeout=100)
    check.equal(result.json, sorted(["/dev/shm", "/tmp", str(granted), f"{granted}/sub"]),
                "places where a file can be made")


@test("a working directory outside of the grants is not shown")
def working_directory(t):
    key = secret(t)
    argv = t.probe("files", "read", "key")
    t.contained_in(argv, key.parent)
    result = t.run(["/bin/pwd"], cwd=key.parent)
    check.equal(result.text, "/\n", "where it starts instead")


@test("a working directory inside of a grant is where the program starts; --cwd wins")
def working_directory_granted(t):
    granted = t.directory("granted/sub").parent
    check.equal(t.run(["/bin/pwd"], read=[granted], cwd=granted / "sub").text,
                f"{granted}/sub\n", "inherited")
    check.equal(t.run(["/bin/pwd"], read=[granted], flags=["--cwd", granted / "sub"]).text,
                f"{granted}/sub\n", "--cwd")
    check.equal(t.run(["/bin/pwd"], read=[granted], flags=["--cwd", "/tmp"],
                      cwd=granted / "sub").text, "/tmp\n", "--cwd /tmp")


@test("what is executed from memory or through the loader is confined as well")
def executed(t):
    script = ("import os; fd = os.memfd_create('program'); "
              "os.write(fd, open('/usr/bin/grep', 'rb').read()); "
              "os.execve(fd, ['grep', '-E', '^(NoNewPrivs|Seccomp):', '/proc/self/status'], {})")
    argv = ["/usr/bin/python3", "-I", "-c", script]
    check.equal(t.control.run(argv).text.split(), ["NoNewPrivs:", "0", "Seccomp:", "0"], "control")
    result = t.run(argv)
    if result.code == 0:
        check.equal(result.text.split(), ["NoNewPrivs:", "1", "Seccomp:", "2"], "from memory")
    else:
        check.contains(result.complaint, "Permission")
