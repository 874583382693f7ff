# SPDX-License-Identifier: Apache-2.0
"""Names: directories, links, what moves and what goes."""

import ctypes
import errno
import os
import stat

from harness import check
from harness.discover import test
from place import call, libc, refused

NOREPLACE, EXCHANGE, WHITEOUT = 1, 2, 4
AT_FDCWD = -100


def renameat2(old, new, flags):
    call(libc.renameat2, AT_FDCWD, os.fsencode(old), AT_FDCWD, os.fsencode(new),
         ctypes.c_uint(flags))


@test("rename replaces, refuses to, and exchanges")
def rename(place):
    one, two = place.path / "one", place.path / "two"
    one.write_text("1")
    two.write_text("2")
    refused(errno.EEXIST, renameat2, one, two, NOREPLACE)
    check.equal((one.read_text(), two.read_text()), ("1", "2"), "after NOREPLACE")
    renameat2(one, two, EXCHANGE)
    check.equal((one.read_text(), two.read_text()), ("2", "1"), "after EXCHANGE")
    os.rename(one, two)
    check.equal(two.read_text(), "2", "what replaced it")
    check.true(not one.exists(), "the old name is gone")
    check.equal(os.listdir(place.host), ["two"], "the host's view")
    renameat2(two, one, NOREPLACE)
    check.equal((place.host / "one").read_text(), "2", "with NOREPLACE to a free name")


@test("a directory moves with what is below it")
def move_directory(place):
    (place.path / "a" / "b" / "c").mkdir(parents=True)
    (place.path / "a" / "b" / "c" / "file").write_text("x")
    descriptor = os.open(place.path / "a" / "b" / "c", os.O_RDONLY | os.O_DIRECTORY)
    os.rename(place.path / "a" / "b", place.path / "moved")
    check.equal(os.listdir(descriptor), ["file"], "by a descriptor")
    os.close(descriptor)
    check.equal((place.path / "moved" / "c" / "file").read_text(), "x", "by the new path")
    refused(errno.EINVAL, os.rename, place.path / "moved", place.path / "moved" / "c" / "d")
    (place.path / "full" / "x").mkdir(parents=True)
    refused(errno.ENOTEMPTY, os.rename, place.path / "moved", place.path / "full")
    refused(errno.ENOTEMPTY, os.rmdir, place.path / "full")


@test("symbolic links are text, also those that lead out")
def symbolic(place):
    link = place.path / "link"
    link.symlink_to("../..//some where\n/else")
    check.equal(os.readlink(link), "../..//some where\n/else", "the text")
    check.equal(os.readlink(place.host / "link"), os.readlink(link), "the host's view")
    check.true(stat.S_ISLNK(os.lstat(link).st_mode), "a link")
    refused(errno.ENOENT, os.stat, link)
    os.symlink("x" * 4000, place.path / "long")
    check.equal(os.readlink(place.path / "long"), "x" * 4000, "a long one")
    os.link(link, place.path / "again", follow_symlinks=False)
    check.equal(os.lstat(link).st_nlink, 2, "links of the link")
    os.utime(link, ns=(1, 2), follow_symlinks=False)
    check.equal(os.lstat(place.host / "link").st_mtime_ns, 2, "times of the link itself")


@test("hard links are one file")
def hard(place):
    one, two = place.path / "one", place.path / "two"
    one.write_text("same")
    os.link(one, two)
    check.equal(os.stat(one).st_ino, os.stat(two).st_ino, "inode number")
    check.equal(os.stat(one).st_nlink, 2, "links")
    with open(two, "a", encoding="utf-8") as file:
        file.write(" again")
    check.equal(one.read_text(), "same again", "written by the other name")
    one.unlink()
    check.equal((two.read_text(), os.stat(two).st_nlink), ("same again", 1), "the one left")
    refused(errno.EXDEV, os.link, two, place.root / "tmp" / "elsewhere")


@test("a file lives on without a name")
def unlinked(place):
    path = place.path / "gone"
    with open(path, "w+b", buffering=0) as file:
        file.write(b"before ")
        path.unlink()
        check.true(not path.exists(), "the name is gone")
        file.write(b"after")
        file.seek(0)
        check.equal(file.read(), b"before after", "content")
        check.equal(os.fstat(file.fileno()).st_nlink, 0, "links")
        file.truncate(3)
        os.fchmod(file.fileno(), 0o600)
        check.equal(os.fstat(file.fileno()).st_size, 3, "size")
        path.write_text("another")
        check.equal(os.pread(file.fileno(), 9, 0), b"bef", "not the one that took the name")
    check.equal(path.read_text(), "another", "the other one")


@test("a working directory that is removed")
def removed_directory(place):
    (place.path / "here").mkdir()
    place.python("import os, sys\nos.chdir('here')\nos.rmdir('../here')\n"
                 "assert os.listdir('.') == []\n"
                 "try: open('x', 'w')\nexcept FileNotFoundError: sys.exit(0)\nsys.exit(1)")


@test("large directories are listed whole, and while they change", seconds=120)
def large(place):
    names = {f"file-{number:05}-{'x' * (number % 50)}" for number in range(3000)}
    for name in names:
        (place.host / name).touch()
    check.equal(set(os.listdir(place.path)), names, "the names")
    check.equal(len(os.listdir(place.path)), len(names), "each once")
    with os.scandir(place.path) as entries:
        for entry in entries:
            check.true(entry.is_file(follow_symlinks=False), "their kind")
            os.unlink(entry.path)
    check.equal(os.listdir(place.host), [], "removed one by one while listed")


@test("seeking in a directory")
def seek_directory(place):
    for number in range(300):
        (place.path / f"{number}").touch()
    place.python("""
import ctypes, os
libc = ctypes.CDLL(None)
libc.opendir.restype = libc.readdir.restype = ctypes.c_void_p
libc.telldir.restype = ctypes.c_long
d = ctypes.c_void_p(libc.opendir(b"."))
def name():
    entry = libc.readdir(d)
    return ctypes.string_at(entry + 19) if entry else None
first = [name() for _ in range(100)]
at = libc.telldir(d)
rest = []
while (n := name()) is not None: rest.append(n)
libc.seekdir(d, ctypes.c_long(at))
again = []
while (n := name()) is not None: again.append(n)
assert rest == again and len(first + rest) == 302, (len(first), len(rest), len(again))
libc.rewinddir(d)
assert [name() for _ in range(100)] == first
""")


@test("long names and deep directories")
def deep(place):
    name = "n" * 255
    (place.path / name).write_text("long")
    check.equal((place.host / name).read_text(), "long", "255 bytes")
    refused(errno.ENAMETOOLONG, (place.path / (name + "n")).write_text, "x")
    strange = os.fsdecode(b"\xff \n\t'\"\\*$(x)")
    (place.path / strange).write_text("strange")
    check.equal(os.listdir(os.fsencode(place.host)).count(os.fsencode(strange)), 1, "any bytes")
    place.python("""
import os
for number in range(400):
    os.mkdir("deep"); os.chdir("deep")
open("bottom", "w").write("x")
assert open("bottom").read() == "x"
os.unlink("bottom")
for number in range(400):
    os.chdir(".."); os.rmdir("deep")
""")


@test("FIFOs and sockets connect programs of the guest")
def special(place):
    place.python("""
import os, socket
os.mkfifo("fifo")
if os.fork() == 0:
    with open("fifo", "w") as out: out.write("through it")
    os._exit(0)
with open("fifo") as file: assert file.read() == "through it"
os.wait()
server = socket.socket(socket.AF_UNIX); server.bind("socket"); server.listen()
client = socket.socket(socket.AF_UNIX); client.connect("socket")
peer = server.accept()[0]
client.send(b"hello"); assert peer.recv(5) == b"hello"
""")
    check.true(stat.S_ISFIFO(os.stat(place.host / "fifo").st_mode), "a FIFO")
    check.true(stat.S_ISSOCK(os.stat(place.host / "socket").st_mode), "a socket")


@test("modes of new files, by umask and by change")
def modes(place):
    place.python("""
import os, stat
def mode(path): return stat.S_IMODE(os.lstat(path).st_mode)
os.umask(0o027)
os.close(os.open("file", os.O_CREAT | os.O_WRONLY, 0o666)); os.mkdir("dir", 0o777); os.mkfifo("fifo", 0o666)
assert (mode("file"), mode("dir"), mode("fifo")) == (0o640, 0o750, 0o640)
os.umask(0)
os.close(os.open("open", os.O_CREAT | os.O_WRONLY, 0o666))
assert mode("open") == 0o666
os.chmod("open", 0o400); assert mode("open") == 0o400
os.utime("open", ns=(1234567890123456789, 987654321987654321))
s = os.stat("open"); assert (s.st_atime_ns, s.st_mtime_ns) == (1234567890123456789, 987654321987654321)
assert os.access("open", os.R_OK) and not os.access("open", os.X_OK)
try: os.open("open", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
except FileExistsError: pass
else: raise SystemExit("O_EXCL")
""")
