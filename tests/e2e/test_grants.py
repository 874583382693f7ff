# SPDX-License-Identifier: Apache-2.0
"""How grants fit together: nested, single files, optional, absent, oddly named, swapped."""

import os
import shutil
import subprocess
import sys
import threading

from harness import check
from harness.discover import add, test
from harness.jail import end

FIXED = {"EROFS", "EACCES", "EPERM"}


def files(t, act, *paths):
    return t.probe("files", act, *paths)


@test("a read-only directory inside of a writable one, in any order of the policy")
def read_in_write(t):
    top = t.directory("top", 0o777)
    inner = t.directory("top/inner", 0o777)
    victim = t.file("top/inner/file", mode=0o666)
    for policy in ({"fs_read": [str(inner)], "fs_write": [str(top)]},
                   {"fs_write": [str(top)], "fs_read": [str(inner)]}):
        t.denied(files(t, "write", victim), by=FIXED, policy=policy)
        t.denied(files(t, "create", inner / "new"), by=FIXED, policy=policy)
        t.allowed(files(t, "create", top / "new"), policy=policy)
        (top / "new").unlink(missing_ok=True)
    t.possible(files(t, "write", victim))


@test("a writable directory inside of a read-only one")
def write_in_read(t):
    top = t.directory("top", 0o777)
    inner = t.directory("top/inner", 0o777)
    outer_file = t.file("top/file", mode=0o666)
    grants = {"read": [top], "write": [inner]}
    t.denied(files(t, "write", outer_file), by=FIXED, **grants)
    t.denied(files(t, "create", top / "new"), by=FIXED, **grants)
    t.allowed(files(t, "create", inner / "new"), **grants)
    t.allowed(files(t, "read", outer_file), **grants)
    t.possible(files(t, "write", outer_file))


@test("three levels of nesting, each with its own right")
def three_levels(t):
    top, middle = t.directory("a", 0o777), t.directory("a/b", 0o777)
    deep = t.directory("a/b/c", 0o777)
    t.directory("a/b/c/d", 0o777)
    grants = {"write": [top, deep], "read": [middle]}
    t.allowed(files(t, "create", top / "new"), **grants)
    t.denied(files(t, "create", middle / "new"), by=FIXED, **grants)
    t.allowed(files(t, "create", deep / "new"), **grants)
    t.allowed(files(t, "create", deep / "d/new"), **grants)
    t.possible(files(t, "create", middle / "new"))


@test("a protected directory cannot be moved, removed or replaced by way of its parent")
def parent_moved(t):
    top = t.directory("top", 0o777)
    inner = t.directory("top/parent/inner", 0o777)
    (top / "parent").chmod(0o777)
    precious = t.file("top/parent/inner/file", "precious\n", 0o666)
    grants = {"write": [top], "read": [inner]}
    busy = FIXED | {"EBUSY", "EXDEV", "ENOTEMPTY"}
    for argv in (files(t, "rename", inner, top / "moved"), files(t, "rmdir", inner),
                 files(t, "rename", top / "parent", top / "elsewhere")):
        t.denied(argv, by=busy, **grants)
        check.equal(precious.read_text(), "precious\n", "the protected file, from outside")
    t.possible(files(t, "rename", top / "parent", top / "elsewhere"))


@test("a single writable file in a directory that is not granted")
def single_file(t):
    path = t.file("top/file", mode=0o666)
    sibling = t.file("top/sibling", mode=0o666)
    path.parent.chmod(0o777)
    t.allowed(files(t, "write", path), write=[path])
    for act, target in (("read", sibling), ("create", path.parent / "new")):
        argv = files(t, act, target)
        t.denied(argv, by=FIXED | {"ENOENT"}, write=[path])
    for argv in (files(t, "unlink", path), files(t, "rename", path, path.parent / "other")):
        t.denied(argv, by=FIXED | {"EBUSY"}, write=[path])
    check.equal(sorted(os.listdir(path.parent)), ["file", "sibling"], "the directory, from outside")
    t.possible(files(t, "read", sibling))
    t.possible(files(t, "unlink", path))


@test("a single read-only file in a writable directory")
def file_in_write(t):
    top = t.directory("top", 0o777)
    path = t.file("top/file", "precious\n", 0o666)
    grants = {"write": [top], "read": [path]}
    for act in ("write", "truncate", "chmod", "unlink"):
        t.denied(files(t, act, path), by=FIXED | {"EBUSY"}, **grants)
    t.denied(files(t, "rename", path, top / "other"), by=FIXED | {"EBUSY"}, **grants)
    t.allowed(files(t, "create", top / "new"), **grants)
    check.equal(path.read_text(), "precious\n", "the file, from outside")
    for act in ("write", "unlink"):
        t.possible(files(t, act, path))


@test("a single writable file in a read-only directory")
def file_in_read(t):
    top = t.directory("top", 0o777)
    path = t.file("top/file", mode=0o666)
    grants = {"read": [top], "write": [path]}
    t.allowed(files(t, "write", path), **grants)
    t.denied(files(t, "create", top / "new"), by=FIXED, **grants)
    t.denied(files(t, "rename", path, top / "other"), by=FIXED | {"EBUSY", "EXDEV"}, **grants)


@test("the same path for reading and for writing is writable, whatever comes first")
def both(t):
    top = t.directory("top", 0o777)
    for number, policy in enumerate(({"fs_read": [str(top)], "fs_write": [str(top)]},
                                     {"fs_write": [str(top)], "fs_read": [str(top)]})):
        result = t.run(files(t, "create", top / f"new{number}"), policy=policy)
        check.equal(result.verdict, "allowed: opened", "in the jail")
    check.equal(sorted(os.listdir(top)), ["new0", "new1"], "the directory, from outside")


@test("a grant that does not exist is an error, and nothing is started")
def absent(t):
    marker = t.directory("granted", 0o777) / "started"
    for option in ("-r", "-w"):
        result = t.run(["/usr/bin/touch", marker], write=[marker.parent],
                       flags=[option, t.work / "absent"])
        check.equal((result.code, result.type), (125, "setup"), "outcome")
        check.contains(result.complaint, str(t.work / "absent"), "No such file", ("create", "?"))
        field = "fs_read" if option == "-r" else "fs_write"
        check.equal(result.error.get("field"), field, "field of the error")
        check.equal(result.error.get("path"), str(t.work / "absent"), "path of the error")
    check.true(not marker.exists(), "something was started")
    check.true(not (t.work / "absent").exists(), "the absent path was made")


@test("an optional grant may be absent, and leaves no trace on the host")
def optional(t):
    top = t.directory("granted", 0o777)
    before = sorted(os.listdir(top))
    missing = top / "missing"
    for grants in ({"read": [f"?{missing}"], "write": [top]},
                   {"write": [f"?{missing}/deeper", top]},
                   {"policy": {"fs_read": [f"?{missing}"], "fs_write": [str(top)]}}):
        result = t.run(["/bin/ls", "-A", top], **grants)
        check.equal((result.type, result.code, result.text), ("exit", 0, ""), "outcome")
        check.equal(sorted(os.listdir(top)), before, "the directory, from outside")


@test("an optional grant that is there is a grant")
def optional_there(t):
    top = t.directory("top", 0o777)
    key = t.file("top/key")
    t.contained(files(t, "read", key), by={"ENOENT", "EACCES"}, granted={"read": [f"?{top}"]})
    t.allowed(files(t, "create", top / "new"),
              policy={"fs_write": [f"?{top}"]})


@test("a symbolic link as a grant shows what it leads to")
def link_grant(t):
    real = t.directory("real", 0o777)
    key = t.file("real/key")
    (t.work / "link").symlink_to(real)
    t.contained(files(t, "read", key), by={"ENOENT", "EACCES"},
                granted={"read": [t.work / "link"]})


def planted(t, grants, plant, secret, wanted):
    """Twice the same policy; what the first worker plants is no grant of the second."""
    first = t.run(["/bin/sh", "-c", plant], **grants)
    check.equal(first.code, 0, f"control: the link is made, {first.complaint}")
    second = t.run(files(t, "read", secret), **grants)
    check.equal((second.code, second.type), (125, "setup"), "outcome of the second")
    check.contains(second.complaint, wanted, "link in a writable grant", "remedy: ")


@test("a link that a worker leaves where an optional grant may be is not followed later")
def planted_optional(t):
    top, secret = t.directory("top", 0o777), t.file("secret/file")
    for field in ("read", "write"):
        link = top / f"data-{field}"
        grants = {"write": [top]}
        grants[field] = [*grants.get(field, []), f"?{link}"]
        planted(t, grants, f"ln -s '{secret.parent}' '{link}'", link / "file", str(secret.parent))
        link.unlink()


@test("nor one in the place of a writable grant within a writable grant, nor behind another link")
def planted_nested(t):
    top, secret = t.directory("top", 0o777), t.file("secret/file")
    t.directory("top/a", 0o777)
    t.directory("top/a/out", 0o777)
    (t.work / "hop").symlink_to(top / "a/out")
    for name in (top / "a/out", t.work / "hop"):
        plant = (f"cd '{top}'; test -h a/out || {{ mv a b; mkdir a; ln -s '{secret.parent}' a/out; }}")
        planted(t, {"write": [top, name]}, plant, name / "file", str(secret.parent))
        (top / "a/out").unlink()
        shutil.rmtree(top / "b", ignore_errors=True)
        (top / "a/out").mkdir(mode=0o777)
        (top / "a/out").chmod(0o777)


@test("links of a writable grant that stay in it are grants, and so are links elsewhere")
def links_within(t):
    top = t.directory("top", 0o777)
    key = t.file("top/real/key")
    (top / "inner").symlink_to("real")
    (t.work / "outer").symlink_to(top / "real/../inner")
    for name in (top / "inner", t.work / "outer"):
        t.allowed(files(t, "read", name / "key"), write=[top], policy={"fs_read": [str(name)]})
    t.denied(files(t, "write", top / "inner/key"), by=FIXED, write=[top],
             policy={"fs_read": [str(top / "inner")]})
    check.equal(key.read_text(), "content\n", "the file")


@test("after a jail the granted trees hold what the worker made, and nothing else")
def no_phantoms(t):
    top = t.directory("top", 0o777)
    t.directory("top/a/b", 0o777)
    t.file("top/a/file")
    grants = {"write": [top], "read": [top / "a/b", top / "a/file", f"?{top}/c/d"]}
    t.run(["/bin/true"], **grants)
    found = sorted(str(path.relative_to(top)) for path in top.rglob("*"))
    check.equal(found, ["a", "a/b", "a/file"], "the tree, from outside")


# Names that a shell, an option parser, a list separator or a formatter could take for its own.
NAMES = [
    "with space", " leading", "trailing ", "quo'te", 'dou"ble', "back\\slash", "$HOME", "`id`",
    "%s%n", ";touch x", "*", "[a]", "{a,b}", "~", "-rf", "--bind", "--", "a:b", "a,b", "a=b",
    "?", "??a", "#", "!", "&", "|", "<>", "(a)", "...", "été", "日本語", "🏰", "a" * 255,
    "\\040", "a\\x41", "@", "+", ".hidden",
]


def named(t, name):
    top = t.directory("top", 0o777)
    directory = os.path.join(os.fsencode(top), name)
    os.mkdir(directory)
    os.chmod(directory, 0o777)
    inner = os.path.join(directory, b"file")
    argv = files(t, "create", inner)
    result = t.run(argv, write=[directory])
    check.equal(result.verdict, "allowed: opened", "write grant")
    t.denied(files(t, "write", inner), by=FIXED, read=[directory])
    t.possible(files(t, "write", inner))


for odd in NAMES:
    shown = odd if len(odd) < 20 else f"{odd[:4]}… of {len(odd)} bytes"
    add(f"a grant called {shown!r}", lambda t, odd=odd: named(t, os.fsencode(odd)), __name__)


@test("a grant whose name is not UTF-8 is taken from the command line, or refused with the reason")
def not_utf8(t):
    name = os.path.join(os.fsencode(t.directory("top", 0o777)), b"caf\xe9")
    os.mkdir(name)
    result = t.run(files(t, "create", os.path.join(name, b"new")), write=[name])
    if result.code == 125:
        check.contains(result.complaint, "UTF-8")
        check.equal(os.listdir(name), [], "nothing was started")
    else:
        check.equal(result.verdict, "allowed: opened", "in the jail")


@test("a grant with a control character in its name is refused")
def control_characters(t):
    marker = t.directory("granted", 0o777) / "started"
    for name in ("new\nline", "tab\there", "escape\x1b[31m"):
        path = t.directory(name)
        result = t.run(["/usr/bin/touch", marker], write=[marker.parent], flags=["-r", path])
        check.equal((result.code, result.type), (125, "setup"), "outcome")
        check.contains(result.complaint, "fs_read", "control character")
        check.true("\x1b" not in result.complaint, "the message carries the escape sequence")
    check.true(not marker.exists(), "something was started")


@test("files inside of a grant may be called anything")
def files_named(t):
    top = t.directory("top", 0o777)
    script = r"""import os, sys
os.chdir(os.fsencode(sys.argv[1]))
for name in (b'new\nline', b'caf\xe9', b'\x1b[31m', b' ', b'a' * 255):
    open(name, 'wb').write(name)
print(len(os.listdir('.')))"""
    result = t.run(["/usr/bin/python3", "-I", "-c", script, top], write=[top])
    check.equal(result.text, "5\n", "files made")
    for name in os.listdir(os.fsencode(top)):
        with open(os.path.join(os.fsencode(top), name), "rb") as file:
            check.equal(file.read(), name, "content")


@test("devices and sockets of the host cannot be granted")
def special(t):
    for path in ("/dev/null", "/dev/ptmx"):
        result = t.run(["/bin/true"], flags=["-w", path])
        check.equal((result.code, result.type), (125, "setup"), "outcome")
        check.contains(result.complaint, path, "device")


# The swap: a name that leads to the good directory and to the bad one in turn.

SWAP = """import ctypes, os, sys
libc, (one, two) = ctypes.CDLL(None), map(os.fsencode, sys.argv[1:])
while True:
    libc.renameat2(-100, one, -100, two, 2)
"""


def swapping(t, one, two):
    """A process that exchanges the two names until the test ends."""
    process = subprocess.Popen([sys.executable, "-I", "-c", SWAP, one, two])
    t.later(end, process)


def swap_tree(t):
    for name in ("good", "bad"):
        t.file(f"{name}/sub/file", name, 0o666)
        for place in (name, f"{name}/sub"):
            (t.work / place).chmod(0o777)
    os.rename(t.work / "good", t.work / "name")
    (t.work / "other").symlink_to("bad")
    return t.work / "name", t.work / "other"


SHOW = """real=$(readlink -f "$1") || exit 9
echo "$(basename "$(dirname "$real")") $(cat "$1/file")"; echo x > "$1/new" 2>/dev/null; true"""
# The name that the object has in the jail, and what is in it. The link may be what was granted;
# what may not be is the link's target under the good directory's name.
CONSISTENT = {"name good", "other good", "bad bad"}


def swapped(t, option):
    """What sixty starts show while the names change places."""
    name, other = swap_tree(t)
    swapping(t, name, other)
    argv = ["/bin/sh", "-c", SHOW, "sh", name / "sub"]
    seen = {t.control.run(argv).text.strip() for _ in range(300)}
    check.true(seen - CONSISTENT, f"control: a program that looks twice is not misled: {seen}")
    for place in (name, other, t.work / "bad"):
        (place / "sub/new").unlink(missing_ok=True)
    found = set()
    for _ in range(60):
        result = t.run(argv, **{option: [name / "sub"]})
        found.add("refused" if result.code == 125 else result.text.strip())
        if result.text.strip().endswith("good"):
            check.true(not (t.work / "bad/sub/new").exists(), "written behind the link")
        (t.work / "bad/sub/new").unlink(missing_ok=True)
    check.true(found <= CONSISTENT | {"refused"}, f"misled: {found}")
    check.true(len(found) > 1, f"control: the swap was never noticed: {found}")


@test("a read grant that is swapped for a link during the start: what was opened is what is shown",
      120)
def swapped_read(t):
    swapped(t, "read")


@test("a write grant that is swapped for a link during the start: what was opened is what is written",
      120)
def swapped_write(t):
    swapped(t, "write")


@test("a link that a worker planted in its grant is not followed when the next jail is built")
def planted_link(t):
    outside = t.directory("outside", 0o777)
    top = t.directory("top", 0o777)
    t.run(["/bin/ln", "-s", outside, top / "data"], write=[top])
    check.true((top / "data").is_symlink(), "the link was not made")
    before = sorted(os.listdir(outside))
    result = t.run(["/usr/bin/touch", top / "data/new"], write=[top],
                   flags=["-r", f"?{top}/data/absent"])
    check.true(result.code != 0, "the link led outside")
    check.equal(sorted(os.listdir(outside)), before, "the directory outside")
    t.control.run(["/usr/bin/touch", top / "data/new"])
    check.equal(sorted(os.listdir(outside)), ["new"], "control: a trusting program follows it")


@test("eight jails with the same grants at once, each with its own view")
def at_once(t):
    t.needs_jail()
    top = t.directory("top", 0o777)
    problems = []

    def one(number):
        own = top / str(number)
        own.mkdir()
        own.chmod(0o777)
        result = t.run(["/bin/sh", "-c", f"echo {number} > '{own}/file'; ls '{top}'"], write=[own])
        if result.text.split() != [str(number)]:
            problems.append(result.text + result.complaint)
    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check.equal(problems, [], "what others saw")
    check.equal(sorted(path.read_text() for path in top.glob("*/file")),
                [f"{number}\n" for number in range(8)], "what was written")
