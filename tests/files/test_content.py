# SPDX-License-Identifier: Apache-2.0
"""What is in files."""

import errno
import hashlib
import os
import random
import time

from harness import check
from harness.discover import test
from place import call, libc, refused

AT_FDCWD, AT_SYMLINK_FOLLOW = -100, 0x400


@test("20 MB there and back, by hash")
def bulk(place):
    data = random.Random(1).randbytes(20 << 20)
    path = place.path / "bulk"
    path.write_bytes(data)
    wanted = hashlib.sha256(data).hexdigest()
    check.equal(hashlib.sha256((place.host / "bulk").read_bytes()).hexdigest(), wanted, "written")
    os.rename(place.host / "bulk", place.host / "other")
    check.equal(hashlib.sha256((place.path / "other").read_bytes()).hexdigest(), wanted, "read")


@test("any piece at any place", seconds=120)
def pieces(place):
    rng = random.Random(2)
    path = place.path / "pieces"
    model = bytearray()
    with open(path, "w+b", buffering=0) as file:
        for _ in range(200):
            at, size = rng.randrange(600000), rng.randrange(1, 40000)
            data = rng.randbytes(size)
            if rng.random() < 0.1:
                file.truncate(at)
                model[at:] = bytes(max(0, at - len(model)))
            check.equal(os.pwrite(file.fileno(), data, at), size, "bytes written")
            model.extend(bytes(max(0, at + size - len(model))))
            model[at:at + size] = data
            at = rng.randrange(600000)
            check.equal(os.pread(file.fileno(), 30000, at), bytes(model[at:at + 30000]), "a piece")
    check.equal((place.host / "pieces").read_bytes(), bytes(model), "the host's view")


@test("appending, from several programs and the host")
def append(place):
    path = place.path / "log"
    path.touch()
    with open(path, "ab", buffering=0) as one, open(place.host / "log", "ab", buffering=0) as two:
        for number in range(50):
            one.write(b"guest %d\n" % number)
            two.write(b"host %d\n" % number)
    lines = (place.host / "log").read_text().splitlines()
    check.equal(len(lines), 100, "no line is lost")
    check.equal([line for line in lines if line.startswith("guest")],
                [f"guest {number}" for number in range(50)], "in order")


@test("what is mapped of a file that is opened to append goes where it belongs")
def append_and_map(place):
    place.python("""
import mmap, os
open("file", "wb").write(bytes(8192))
fd = os.open("file", os.O_RDWR | os.O_APPEND)
with mmap.mmap(fd, 8192) as view:
    view[0:5] = b"front"; view.flush()
os.write(fd, b"end"); os.close(fd)
data = open("file", "rb").read()
assert len(data) == 8195 and data[:5] == b"front" and data[-3:] == b"end", len(data)
""")
    check.equal((place.host / "file").read_bytes()[:5], b"front", "the host's view")


@test("shared mappings, of several programs")
def mapped(place):
    place.python("""
import mmap, os
with open("map", "w+b") as file:
    file.truncate(1 << 20)
    view = mmap.mmap(file.fileno(), 1 << 20)
    pid = os.fork()
    if pid == 0:
        view[100:105] = b"child"; view[(1 << 20) - 1] = 7; view.flush(); os._exit(0)
    os.waitpid(pid, 0)
    assert view[100:105] == b"child"
    assert os.pread(file.fileno(), 5, 100) == b"child"
    os.pwrite(file.fileno(), b"parent", 200)
    assert view[200:206] == b"parent"
    view.close()
""")
    data = (place.host / "map").read_bytes()
    check.equal((data[100:105], data[-1]), (b"child", 7), "the host's view")


@test("holes are found and made")
def holes(place):
    path = place.path / "sparse"
    with open(path, "w+b", buffering=0) as file:
        descriptor = file.fileno()
        os.pwrite(descriptor, b"x" * 4096, 1 << 20)
        check.equal(os.lseek(descriptor, 0, os.SEEK_DATA), 1 << 20, "data")
        check.equal(os.lseek(descriptor, 0, os.SEEK_HOLE), 0, "a hole")
        refused(errno.ENXIO, os.lseek, descriptor, 2 << 20, os.SEEK_DATA)
        os.posix_fallocate(descriptor, 0, 65536)
        check.true(os.fstat(descriptor).st_blocks * 512 >= 65536, "blocks are there")
        os.pwrite(descriptor, b"far", 5 << 30)
        check.equal(os.pread(descriptor, 3, 5 << 30), b"far", "beyond 4 GiB")
    place.run("fallocate", "--punch-hole", "--offset", 1 << 20, "--length", 4096, path)
    with open(path, "rb") as file:
        check.equal(os.pread(file.fileno(), 4096, 1 << 20), bytes(4096), "a hole that was made")
    check.equal(os.stat(place.host / "sparse").st_size, (5 << 30) + 3, "the host's view")


@test("copy_file_range")
def copy(place):
    data = random.Random(3).randbytes(3 << 20)
    (place.path / "from").write_bytes(data)
    with open(place.path / "from", "rb") as source, open(place.path / "to", "wb") as target:
        left = len(data)
        while left:
            left -= os.copy_file_range(source.fileno(), target.fileno(), left)
    check.equal((place.path / "to").read_bytes(), data, "the copy")
    with open(place.path / "from", "rb") as source:
        with open(place.root / "tmp" / "copy", "wb") as target:
            place.run("cp", place.path / "from", place.root / "tmp" / "copied")
            del source, target
    check.equal((place.root / "tmp" / "copied").read_bytes(), data, "into another file system")
    for name in ("copy", "copied"):
        (place.root / "tmp" / name).unlink()


@test("a temporary file without a name, and with one later")
def temporary(place):
    try:
        descriptor = os.open(place.path, os.O_TMPFILE | os.O_RDWR, 0o600)
    except OSError as error:
        # Clean, as of any file system without it.
        check.one_of(error.errno, (errno.EOPNOTSUPP, errno.EISDIR), "O_TMPFILE")
        check.true(place.served, "a plain directory has it")
        return
    os.write(descriptor, b"unnamed")
    check.equal(os.listdir(place.path), [], "no name")
    call(libc.linkat, AT_FDCWD, b"/proc/self/fd/%d" % descriptor, AT_FDCWD,
         os.fsencode(place.path / "named"), AT_SYMLINK_FOLLOW)
    os.close(descriptor)
    check.equal((place.host / "named").read_bytes(), b"unnamed", "with a name")


@test("extended attributes")
def attributes(place):
    path = place.path / "file"
    path.touch()
    refused(errno.ENODATA, os.getxattr, path, "user.none")
    os.setxattr(path, "user.one", b"1\0binary")
    os.setxattr(path, "user.big", b"x" * 1500)
    refused(errno.EEXIST, os.setxattr, path, "user.one", b"2", os.XATTR_CREATE)
    refused(errno.ENODATA, os.setxattr, path, "user.two", b"2", os.XATTR_REPLACE)
    check.equal(os.getxattr(path, "user.one"), b"1\0binary", "a value")
    check.equal(sorted(os.listxattr(path)), ["user.big", "user.one"], "the list")
    check.equal(os.getxattr(place.host / "file", "user.big"), b"x" * 1500, "the host's view")
    os.removexattr(path, "user.one")
    check.equal(os.listxattr(path), ["user.big"], "the list after one was removed")
    os.setxattr(place.path, "user.dir", b"d")
    check.equal(os.getxattr(place.path, "user.dir"), b"d", "of a directory")


@test("size and space of the file system")
def space(place):
    guest, host = os.statvfs(place.path), os.statvfs(place.host)
    check.equal((guest.f_blocks, guest.f_frsize, guest.f_namemax),
                (host.f_blocks, host.f_frsize, host.f_namemax), "of the grant")
    small = os.statvfs(place.root / "tmp")
    check.equal(small.f_blocks * small.f_frsize, 64 << 20, "of the other mount")
    path = place.root / "tmp" / "fill"
    try:
        with open(path, "wb", buffering=0) as file:
            for _ in range(100):
                if file.write(bytes(1 << 20)) < 1 << 20:
                    file.write(bytes(1 << 20))
    except OSError as error:
        check.equal(error.errno, errno.ENOSPC, "when it is full")
    else:
        check.fail("it never was full")
    finally:
        path.unlink()


@test("opening truncates, and sizes change while a file is open")
def truncate(place):
    path = place.path / "file"
    path.write_text("long content")
    with open(path, "r+b", buffering=0) as file:
        path.write_text("short")
        check.equal(file.read(), b"short", "through the other handle")
        os.truncate(path, 2)
        check.equal(os.fstat(file.fileno()).st_size, 2, "size")
        path.chmod(0o000)
        file.truncate(100)
        check.equal(os.fstat(file.fileno()).st_size, 100, "by an open file whose mode forbids it")
    refused(errno.EINVAL, os.truncate, path, -1)


@test("what the host does is seen")
def host_changes(place):
    guest, host = place.path / "shared", place.host / "shared"
    check.true(not guest.exists(), "not there yet")
    host.write_text("first")
    check.equal(guest.read_text(), "first", "a name that was not there")
    host.write_text("second, longer")
    check.equal(guest.read_text(), "second, longer", "another content")
    replacement = place.host / "new"
    replacement.write_text("third")
    guest.read_text()
    os.rename(replacement, host)
    os.stat(guest)
    # A name may be believed for a second.
    for _ in range(30):
        if guest.read_text() == "third":
            break
        time.sleep(0.05)
    check.equal(guest.read_text(), "third", "another file by that name")
    host.unlink()
    for _ in range(30):
        if not guest.exists():
            break
        time.sleep(0.05)
    check.true(not guest.exists(), "a name that is gone")
    guest.write_text("from the guest")
    check.equal(host.read_text(), "from the guest", "and the other way round")
