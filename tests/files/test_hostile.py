# SPDX-License-Identifier: Apache-2.0
"""A guest whose kernel is the attacker's. Each trick is refused, and beside each stands the same
request in its honest form, which is answered."""

import errno
import os
import struct

from harness import check
from harness.discover import add, test
from wire import (ACCESS, BATCH_FORGET, COPY, CREATE, FORGET, GETATTR, GETXATTR, Guest, INIT,
                  INTERRUPT, IOCTL, LINK, LOOKUP, LSEEK, MKDIR, MKNOD, OPEN, OPENDIR, READ, READDIR,
                  READDIRPLUS, READLINK, RELEASE, RENAME, RENAME2, RMDIR, ROOT, SETATTR, SETLK,
                  SETLKW, SETXATTR, SYMLINK, UNLINK, WRITE, Gone)

E = errno
# (what, name): none of these is one component of a path.
NAMES = [
    ("the directory above", b"..\0", E.EINVAL),
    ("the directory itself", b".\0", E.EINVAL),
    ("an absolute path", b"/etc/passwd\0", E.EINVAL),
    ("a path", b"read/file\0", E.EINVAL),
    ("a path that goes up", b"read/../..\0", E.EINVAL),
    ("a path behind a NUL", b"x\0/../secret\0", E.EINVAL),
    ("nothing", b"\0", E.EINVAL),
    ("no end", b"read", E.EINVAL),
    ("no name at all", b"", E.EINVAL),
    ("a name of 256 bytes", b"n" * 256 + b"\0", E.ENAMETOOLONG),
    ("a name of a page", b"n" * 4000 + b"\0", E.ENAMETOOLONG),
    ("two names", b"read\0write\0", E.EINVAL),
    ("the root, in slashes", b"//\0", E.EINVAL),
]

TAKING = [  # operations on a name, with what comes before it
    ("lookup", LOOKUP, b""),
    ("mkdir", MKDIR, struct.pack("<II", 0o755, 0)),
    ("mknod", MKNOD, struct.pack("<IIII", 0o100644, 0, 0, 0)),
    ("create", CREATE, struct.pack("<IIII", os.O_RDWR, 0o644, 0, 0)),
    ("unlink", UNLINK, b""),
    ("rmdir", RMDIR, b""),
]


def name_trick(what, bad, code):
    def run(place):
        with Guest(place) as guest:
            work = guest.walk(f"write/{place.path.name}")
            (place.host / "target").touch()
            for operation, opcode, ahead in TAKING:
                guest.refuses(code, opcode, work, ahead + bad, f"{operation} of {what}")
            guest.refuses(code, RENAME, work, struct.pack("<Q", work) + b"target\0" + bad,
                          f"rename to {what}")
            guest.refuses(code, RENAME2, work, struct.pack("<QII", work, 0, 0) + bad + b"free\0",
                          f"rename from {what}")
            target = guest.look(work, "target")
            guest.refuses(code, LINK, work, struct.pack("<Q", target) + bad, f"link to {what}")
            guest.refuses(code, SYMLINK, work, bad + b"text\0", f"symlink at {what}")
            check.equal(os.listdir(place.host), ["target"], "what is there")
            # The same with a name.
            code_ok, _ = guest.ask(LINK, work, struct.pack("<Q", target) + b"good\0")
            check.equal(code_ok, 0, "link to a name")
            check.equal(guest.ask(RENAME, work, struct.pack("<Q", work) + b"good\0better\0")[0], 0,
                        "rename to a name")
            for operation, opcode, ahead in TAKING[1:4]:
                check.equal(guest.ask(opcode, work, ahead + f"{operation}\0".encode())[0], 0,
                            f"{operation} of a name")
    return run


for WHAT, BAD, CODE in NAMES:
    add(f"a name is {WHAT}", name_trick(WHAT, BAD, CODE), __name__)


@test("links are not followed, neither last nor on the way")
def links(place):
    (place.host / "up").symlink_to("../../..")
    (place.host / "etc").symlink_to("/etc")
    (place.host / "secret").symlink_to(place.source.parent / "secret")
    with Guest(place) as guest:
        work = guest.walk(f"write/{place.path.name}")
        for name in ("up", "etc", "secret"):
            node = guest.look(work, name)
            guest.refuses((E.EACCES, E.ELOOP), OPEN, node, struct.pack("<II", 0, 0), f"open {name}")
            guest.refuses((E.ENOTDIR, E.ELOOP), OPENDIR, node, struct.pack("<II", 0, 0), name)
            guest.refuses((E.ENOTDIR, E.ELOOP), LOOKUP, node, b"passwd\0", f"below {name}")
            guest.refuses(E.ENOTDIR, CREATE, node,
                          struct.pack("<IIII", os.O_RDWR, 0o644, 0, 0) + b"new\0", f"in {name}")
            # To create through a link that is there.
            guest.refuses(E.EACCES, CREATE, work, struct.pack("<IIII", os.O_RDWR, 0o644, 0, 0) +
                          name.encode() + b"\0", f"create {name}")
            check.equal(guest.ask(READLINK, node)[0], 0, "its text")
        check.equal(guest.open(guest.walk("read/file")) > 0, True, "a file")
    check.equal((place.source.parent / "secret").read_text(), "not granted\n", "what it leads to")


@test("ids that were never given, or were taken back")
def ids(place):
    with Guest(place) as guest:
        good = guest.walk("read/file")
        for bad in (0, 2 ** 64 - 1, good + 1, good + 1000, good + (1 << 32), ROOT + (1 << 32),
                    1 << 20, 524288, 524289, 0x7fffffff, 0xffffffff):
            for opcode, body in ((GETATTR, bytes(16)), (LOOKUP, b"file\0"), (READLINK, b""),
                                 (OPEN, bytes(8)), (OPENDIR, bytes(8)), (ACCESS, bytes(8)),
                                 (SETATTR, bytes(88)), (UNLINK, b"file\0"),
                                 (GETXATTR, bytes(8) + b"user.a\0"),
                                 (LINK, struct.pack("<Q", ROOT) + b"x\0"),
                                 (RENAME, struct.pack("<Q", ROOT) + b"x\0y\0")):
                guest.refuses(E.ESTALE, opcode, bad, body, f"operation {opcode} of {bad:#x}")
            guest.refuses(E.ESTALE, LINK, ROOT, struct.pack("<Q", bad) + b"x\0", "link of it")
            guest.refuses(E.ESTALE, RENAME, ROOT, struct.pack("<Q", bad) + b"x\0y\0", "rename to it")
        check.equal(guest.ask(GETATTR, good, bytes(16))[0], 0, "one that was given")
        guest.send(FORGET, good, struct.pack("<Q", 1))
        guest.refuses(E.ESTALE, GETATTR, good, bytes(16), "one that was forgotten")
        again = guest.walk("read/file")
        check.true(again != good, "another id, also in the same place")
        # More than was looked up, also of the root, is no more than all.
        guest.send(FORGET, again, struct.pack("<Q", 2 ** 64 - 1))
        guest.send(FORGET, ROOT, struct.pack("<Q", 2 ** 64 - 1))
        guest.send(FORGET, again, struct.pack("<Q", 0))
        guest.well()
        third = guest.walk("read/file")
        guest.send(BATCH_FORGET, 0, struct.pack("<II", 2, 0) +
                   struct.pack("<QQQQ", third, 1, 12345, 1))
        guest.refuses(E.ESTALE, GETATTR, third, bytes(16), "forgotten among others")


@test("handles that were never given, of another file, or closed")
def handles(place):
    (place.host / "one").write_text("one")
    (place.host / "two").write_text("two")
    with Guest(place) as guest:
        work = guest.walk(f"write/{place.path.name}")
        one, two = guest.look(work, "one"), guest.look(work, "two")
        handle, other = guest.open(one, os.O_RDWR), guest.open(two, os.O_RDWR)
        listing = guest.open(work, opcode=OPENDIR)
        check.equal(guest.read(one, handle)[1], b"one", "the handle in its place")
        check.equal(guest.read(work, listing, opcode=READDIR)[0], 0, "the directory's")
        for bad, node in ((other, one), (handle, two), (handle, work), (listing, one), (0, one),
                          (1 << 31, one), (handle + (1 << 32), one), (2 ** 64 - 1, one), (3, one),
                          (handle, ROOT), (handle, 77)):
            if (bad, node) == (3, one):
                continue
            check.equal(guest.read(node, bad)[0], E.EBADF, f"read by {bad:#x} of {node:#x}")
            for opcode, body in ((WRITE, guest.write_body(bad, b"x")),
                                 (RELEASE, struct.pack("<QIIQ", bad, 0, 0, 0)),
                                 (LSEEK, struct.pack("<QQII", bad, 0, 3, 0)),
                                 (SETLK, struct.pack("<QQQQIIII", bad, 1, 0, 1, 1, 0, 0, 0)),
                                 (COPY, struct.pack("<QQQQQQQ", bad, 0, one, handle, 0, 1, 0))):
                guest.refuses(E.EBADF, opcode, node, body, f"operation {opcode} by {bad:#x}")
        for opcode in (READDIR, READDIRPLUS):
            check.equal(guest.read(one, handle, opcode=opcode)[0], E.EBADF, "a file listed")
        check.equal(guest.read(work, listing)[0], E.EBADF, "a directory read")
        check.equal(guest.ask(RELEASE, one, struct.pack("<QIIQ", handle, 0, 0, 0))[0], 0, "closing")
        check.equal(guest.read(one, handle)[0], E.EBADF, "after it was closed")
        again = guest.open(two)
        check.true(again != handle, "another number, also in the same place")
        check.equal(guest.read(two, handle)[0], E.EBADF, "the closed one, of the file there now")
        check.equal((place.host / "two").read_text(), "two", "nothing was written")


@test("what is no regular file is not opened, and nobody waits for it", seconds=20)
def kinds(place):
    os.mkfifo(place.host / "fifo")
    with Guest(place) as guest:
        read = guest.walk("read")
        work = guest.walk(f"write/{place.path.name}")
        for directory, name in ((read, "fifo"), (read, "zero"), (work, "fifo")):
            node = guest.look(directory, name)
            for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR):
                guest.refuses(E.EACCES, OPEN, node, struct.pack("<II", flags, 0), name)
            guest.refuses((E.EACCES, E.EROFS), CREATE, directory, struct.pack(
                "<IIII", os.O_RDWR, 0o644, 0, 0) + name.encode() + b"\0", f"create {name}")
            guest.refuses((E.EINVAL, E.EROFS), SETATTR, node,
                          struct.pack("<II", 1 << 3, 0) + bytes(80), f"truncate {name}")
            guest.refuses(E.EBADF, SETLK, node,
                          struct.pack("<QQQQIIII", 1, 1, 0, 1, 1, 0, 0, 0), f"lock {name}")
            guest.well()
        for mode, what in ((0o020666, "a device"), (0o060666, "a disk"), (0o140666 | 0o4000, "set-id"),
                           (0o104755, "a program with set-id"), (0o040755, "a directory by mknod")):
            guest.refuses(E.EPERM, MKNOD, work,
                          struct.pack("<IIII", mode, os.makedev(1, 3), 0, 0) + b"new\0", what)
        guest.refuses(E.EPERM, CREATE, work,
                      struct.pack("<IIII", os.O_RDWR, 0o6755, 0, 0) + b"new\0", "create with set-id")
        check.equal(os.listdir(place.host), ["fifo"], "what is there")
        check.equal(guest.ask(MKNOD, work, struct.pack("<IIII", 0o100755, 0, 0, 0) + b"ok\0")[0], 0,
                    "a file")


@test("flags of open() that nobody grants")
def flags(place):
    (place.host / "file").write_text("x")
    with Guest(place) as guest:
        work = guest.walk(f"write/{place.path.name}")
        node = guest.look(work, "file")
        read_only = guest.walk("read/file")
        for extra in (os.O_CREAT, os.O_DIRECTORY, os.O_PATH, os.O_TMPFILE, os.O_ASYNC, 0o40000000,
                      1 << 31, os.O_DIRECT, os.O_NOFOLLOW):
            code, body = guest.ask(OPEN, node, struct.pack("<II", extra, 0xffffffff))
            check.equal(code, 0, f"{extra:#o} is left out")
            handle = struct.unpack_from("<Q", body)[0]
            check.equal(guest.read(node, handle), (0, b"x"), f"{extra:#o} is a plain handle")
            guest.refuses(E.EBADF, WRITE, node, guest.write_body(handle, b"y"), "and a reading one")
            guest.refuses(E.EROFS, OPEN, read_only, struct.pack("<II", extra | os.O_RDWR, 0), "ro")
        for access in (os.O_WRONLY, os.O_RDWR, os.O_RDONLY | os.O_TRUNC):
            guest.refuses(E.EROFS, OPEN, read_only, struct.pack("<II", access, 0), "to write")


@test("files of the host's kernel are shown from outside alone")
def kernel_files(place):
    with Guest(place) as guest:
        proc = guest.look(ROOT, "proc")
        check.equal(guest.ask(GETATTR, proc, bytes(16))[0], 0, "its attributes")
        for name in (b"self\0", b"1\0", b"mounts\0", b"sys\0", b"self\0\0"[:5]):
            guest.refuses(E.EACCES, LOOKUP, proc, name, f"lookup of {name!r}")
        guest.refuses(E.EACCES, OPENDIR, proc, bytes(8), "opendir")
        guest.refuses(E.EACCES, OPEN, proc, bytes(8), "open")
        guest.refuses(E.EACCES, LINK, guest.walk(f"write/{place.path.name}"),
                      struct.pack("<Q", proc) + b"proc\0", "link")
        # Another mount is entered, with its own files.
        check.true(guest.look(guest.look(ROOT, "usr"), "bin"), "a mount that is granted")
        body = struct.pack("<QQIIQII", guest.open(ROOT, opcode=OPENDIR), 0, 4096, 0, 0, 0, 0)
        check.contains(guest.ask(READDIRPLUS, ROOT, body)[1].decode("latin-1"), "proc", "usr")


@test("sizes and places beyond all bounds")
def bounds(place):
    (place.host / "file").write_text("x")
    huge = 2 ** 63
    with Guest(place) as guest:
        work = guest.walk(f"write/{place.path.name}")
        node = guest.look(work, "file")
        handle = guest.open(node, os.O_RDWR)
        code, body = guest.read(node, handle, size=2 ** 32 - 1)
        check.equal((code, body), (0, b"x"), "a read of 4 GiB")
        check.equal(guest.read(node, handle, offset=huge)[0], E.EINVAL, "at a negative place")
        guest.refuses(E.EINVAL, WRITE, node, guest.write_body(handle, b"x", offset=huge), "write")
        guest.refuses((E.EFBIG, E.EINVAL), SETATTR, node,
                      struct.pack("<IIQQ", 1 << 3, 0, 0, huge) + bytes(64), "size")
        for size in (0, 2, 2 ** 32 - 1, 262145):
            guest.refuses(E.EINVAL, WRITE, node, guest.write_body(handle, b"x", size=size),
                          f"one byte that is {size}")
            guest.refuses(E.EINVAL, SETXATTR, node, struct.pack("<II", size, 0) + b"user.a\0x",
                          f"a value of one byte that is {size}")
        guest.refuses(E.ENODATA, GETXATTR, node, struct.pack("<II", 2 ** 32 - 1, 0) + b"user.none\0")
        for opcode in (READDIR, READDIRPLUS):
            listing = guest.open(work, opcode=OPENDIR)
            code, body = guest.read(work, listing, size=2 ** 32 - 1, opcode=opcode)
            check.true(code == 0 and 0 < len(body) < 4096, "a listing of 4 GiB")
            check.equal(guest.read(work, listing, size=0, opcode=opcode)[1], b"", "of nothing")
            check.one_of(guest.read(work, listing, offset=2 ** 64 - 1, opcode=opcode)[0],
                         (0, E.EINVAL), "from nowhere")
        guest.refuses(E.EINVAL, RENAME2, work, struct.pack("<QII", work, 4, 0) + b"file\0x\0",
                      "a whiteout")
        guest.refuses(E.EINVAL, RENAME2, work, struct.pack("<QII", work, 1 << 31, 0) + b"file\0x\0",
                      "a flag of the future")
        lock = struct.pack("<QQQQIIII", handle, 1, 5, 1, 1, 0, 0, 0)
        guest.refuses(E.EINVAL, SETLK, node, lock, "a lock that ends before it begins")
        lock = struct.pack("<QQQQIIII", handle, 1, huge, huge, 1, 0, 0, 0)
        guest.refuses(E.EINVAL, SETLK, node, lock, "a lock at a negative place")
        lock = struct.pack("<QQQQIIII", handle, 1, 0, 1, 77, 0, 0, 0)
        guest.refuses(E.EINVAL, SETLK, node, lock, "a lock of no kind")
        lock = struct.pack("<QQQQIIII", handle, 1, 0, huge - 1, 1, 0, 0, 0)
        check.equal(guest.ask(SETLK, node, lock)[0], 0, "a lock of everything")
        for opcode, body in ((IOCTL, bytes(32)), (37, bytes(16)), (40, bytes(24)), (48, bytes(40)),
                             (50, bytes(8)), (4096, bytes(16)), (0, b""), (7, b""), (99999, b"")):
            guest.refuses(E.ENOSYS, opcode, node, body, f"operation {opcode}")
        for opcode, body in ((GETATTR, bytes(15)), (GETATTR, bytes(17)), (OPEN, b""),
                             (READ, bytes(39)), (WRITE, bytes(39)), (COPY, bytes(55)),
                             (BATCH_FORGET, b"")):
            if opcode == BATCH_FORGET:
                guest.send(opcode, 0, struct.pack("<II", 2 ** 32 - 1, 0) + bytes(16))
                continue
            guest.refuses(E.EINVAL, opcode, node, body, f"{len(body)} bytes for {opcode}")
        guest.refuses(E.EINVAL, GETATTR, node, bytes(16), "extensions", extensions=1)
        guest.well()


def ends(send, what, start=True):
    def run(place):
        with Guest(place, start=False) as control:
            control.start()
            control.well()
        with Guest(place, start=start) as guest:
            try:
                send(guest)
                guest.answer()
            except (Gone, ConnectionError):
                status, said = guest.ended()
                check.equal(status, 1, "its status")
                check.contains(said, "kastellan-files: connection: ")
                return
            check.fail(f"{what}: it goes on")
    add(f"the connection ends with {what}", run, __name__, 20)


START = struct.pack("<4I", 7, 38, 0, 0) + bytes(48)
ends(lambda g: g.send(GETATTR, ROOT, bytes(16), length=39), "a message shorter than its head")
ends(lambda g: g.send(GETATTR, ROOT, bytes(16), length=0), "a message of no length")
ends(lambda g: g.send(WRITE, ROOT, bytes(16), length=262144 + 4097), "a message longer than any")
ends(lambda g: g.send(WRITE, ROOT, bytes(16), length=2 ** 32 - 1), "a message of 4 GiB")
ends(lambda g: g.send(GETATTR, ROOT, bytes(16)), "a request before FUSE_INIT", start=False)
ends(lambda g: g.send(INIT, 0, START), "a second FUSE_INIT")
ends(lambda g: g.send(INIT, 0, struct.pack("<4I", 6, 99, 0, 0) + bytes(48)), "an old major version",
     start=False)
ends(lambda g: g.send(INIT, 0, struct.pack("<4I", 7, 20, 0, 0) + bytes(48)), "an old minor version",
     start=False)
ends(lambda g: g.send(INIT, 0, bytes(15)), "a cut FUSE_INIT", start=False)
ends(lambda g: g.socket.sendall(g.header(GETATTR, ROOT, 16, 0) + bytes(16)),
     "a request that nobody wants answered")


@test("the end of the guest in the middle of a message is the end, without complaint")
def cut(place):
    with Guest(place) as guest:
        guest.socket.sendall(guest.header(GETATTR, ROOT, 16, 99) + bytes(3))
        guest.socket.close()
        check.equal(guest.ended(), (0, ""), "status and words")


@test("messages in pieces of any size, and many at once")
def pieces(place):
    with Guest(place) as guest:
        message = guest.header(GETATTR, ROOT, 16, 4711) + bytes(16)
        for byte in message:
            guest.socket.sendall(bytes([byte]))
        check.equal(guest.answer()[:2], (4711, 0), "byte by byte")
        guest.socket.sendall(b"".join(guest.header(GETATTR, ROOT, 16, number) + bytes(16)
                                      for number in range(1, 2000)))
        check.equal([guest.answer()[0] for _ in range(1, 2000)], list(range(1, 2000)), "in order")


@test("more open files and locks than there is room for", seconds=60)
def floods(place):
    for number in range(300):
        (place.host / f"{number}").touch()
    with Guest(place, descriptors=256) as guest:
        work = guest.walk(f"write/{place.path.name}")
        nodes = [guest.look(work, str(number)) for number in range(300)]
        for node in nodes:
            check.equal(guest.ask(GETATTR, node, bytes(16))[0], 0, "every one is found again")
        opened, code = [], 0
        for node in nodes:
            code, body = guest.ask(OPEN, node, struct.pack("<II", os.O_RDWR, 0))
            if code:
                break
            opened.append((node, struct.unpack_from("<Q", body)[0]))
        check.one_of(code, (E.ENFILE, E.EMFILE), "when all are taken")
        check.true(len(opened) > 50, "many could be opened")
        node, handle = opened[0]
        for owner in range(300):
            lock = struct.pack("<QQQQIIII", handle, owner, owner, owner, 1, 0, 0, 0)
            code = guest.ask(SETLK, node, lock)[0]
            if code:
                break
        check.one_of(code, (E.ENFILE, E.EMFILE, E.ENOLCK), "when there is no room for locks")
        for node, handle in opened:
            check.equal(guest.ask(RELEASE, node, struct.pack("<QIIQ", handle, 0, 0, 0))[0], 0,
                        "closing")
        check.true(guest.open(nodes[299]) > 0, "one more, when others are closed")


@test("waiting for locks has an end", seconds=30)
def waiting(place):
    (place.host / "file").touch()
    with Guest(place) as guest:
        node = guest.walk(f"write/{place.path.name}/file")
        handle = guest.open(node, os.O_RDWR)
        lock = "<QQQQIIII"
        check.equal(guest.ask(SETLK, node, struct.pack(lock, handle, 1, 0, 9, 1, 0, 0, 0))[0], 0,
                    "the first")
        sent = [guest.send(SETLKW, node, struct.pack(lock, handle, 2 + number, 0, 9, 1, 0, 0, 0))
                for number in range(257)]
        unique, code, _ = guest.answer()
        check.equal((unique, code), (sent[256], E.ENOLCK), "one more than may wait")
        guest.well()
        guest.send(INTERRUPT, 0, struct.pack("<Q", sent[7]))
        check.equal(guest.answer()[:2], (sent[7], E.EINTR), "one that does not want to any more")
        guest.send(INTERRUPT, 0, struct.pack("<Q", 424242))
        guest.send(SETLK, node, struct.pack(lock, handle, 1, 0, 9, 2, 0, 0, 0))
        answers = [guest.answer()[:2] for _ in range(2)]
        check.equal(sorted(answers), sorted([(guest.unique, 0), (sent[0], 0)]),
                    "who waited first, when it is given back")


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


@test("what the server may do at all")
def confined(place):
    with Guest(place) as guest:
        guest.well()
        status, own = status_of(guest.process.pid), status_of("self")
        for name, wanted in (("CapEff", "0" * 16), ("CapPrm", "0" * 16), ("NoNewPrivs", "1"),
                             ("Seccomp", "2")):
            check.equal(status[name], wanted, name)
            check.true(own[name] != wanted, f"{name} of the test")
        check.equal(len(os.listdir(f"/proc/{guest.process.pid}/fd")), 4,
                    "descriptors: 0, 1 and 2, and the root")
        with open(f"/proc/{guest.process.pid}/limits", encoding="ascii") as file:
            limits = file.read()
        check.contains(limits, "Max address space         268435456")
