# SPDX-License-Identifier: Apache-2.0
"""The same random acts in the served tree and in a plain directory: results, errors and what is
left have to be the same."""

import ctypes
import errno
import hashlib
import mmap
import os
import random
import stat
import time

from harness import check
from harness.discover import add
from place import call, libc

NAMES = ["a", "b", "c", "d", "e"]
MODES = [0o644, 0o600, 0o444, 0o755, 0o200]
ACCESS = [os.O_RDONLY, os.O_WRONLY, os.O_RDWR]
EXTRA = [0, 0, 0, os.O_CREAT, os.O_CREAT, os.O_CREAT | os.O_EXCL, os.O_CREAT | os.O_TRUNC, os.O_TRUNC,
         os.O_APPEND, os.O_APPEND | os.O_CREAT, os.O_NOFOLLOW, os.O_DIRECTORY]
LARGEST = 1 << 20


def view(status):
    kind = stat.S_IFMT(status.st_mode)
    # The size of a directory is its file system's own affair; it is the same one here.
    return (status.st_mode, status.st_nlink, status.st_uid, status.st_size,
            status.st_rdev if kind in (stat.S_IFBLK, stat.S_IFCHR) else 0)


class Side:
    """One of the two trees. Every act returns what can be compared."""

    def __init__(self, root):
        self.root, self.files = str(root), {}

    def at(self, path):
        return os.path.join(self.root, path)

    def open(self, key, path, flags, mode):
        self.files[key] = os.open(self.at(path), flags, mode)
        return view(os.fstat(self.files[key]))

    def close(self, key):
        os.close(self.files.pop(key))

    def write(self, key, offset, data):
        written = os.pwrite(self.files[key], data, offset)
        return written, os.fstat(self.files[key]).st_size

    def add(self, key, data):
        return os.write(self.files[key], data), os.lseek(self.files[key], 0, os.SEEK_CUR)

    def read(self, key, offset, size):
        return os.pread(self.files[key], size, offset)

    def shorten(self, key, size):
        os.ftruncate(self.files[key], size)
        return os.fstat(self.files[key]).st_size

    def allocate(self, key, mode, offset, size):
        call(libc.fallocate, self.files[key], mode, ctypes.c_long(offset), ctypes.c_long(size))
        return os.fstat(self.files[key]).st_size

    def map(self, key, offset, data):
        size = os.fstat(self.files[key]).st_size
        if not size:
            return None
        with mmap.mmap(self.files[key], size) as mapped:
            offset %= size
            data = data[:size - offset]
            before = bytes(mapped[offset:offset + len(data)])
            mapped[offset:offset + len(data)] = data
        return before

    def copy(self, key, other, size, source, target):
        return os.copy_file_range(self.files[key], self.files[other], size, source, target)

    def look(self, key):
        return view(os.fstat(self.files[key]))

    def truncate(self, path, size):
        os.truncate(self.at(path), size)

    def stat(self, path):
        return view(os.lstat(self.at(path)))

    def follow(self, path):
        return view(os.stat(self.at(path)))

    def content(self, path):
        # Opening a FIFO would wait for its other end.
        if stat.S_ISFIFO(os.stat(self.at(path)).st_mode):
            return None
        with open(self.at(path), "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()

    def rename(self, old, new, flags):
        call(libc.renameat2, -100, os.fsencode(self.at(old)), -100, os.fsencode(self.at(new)),
             ctypes.c_uint(flags))

    def link(self, old, new):
        os.link(self.at(old), self.at(new), follow_symlinks=False)

    def symlink(self, text, path):
        os.symlink(text, self.at(path))

    def readlink(self, path):
        return os.readlink(self.at(path))

    def unlink(self, path):
        os.unlink(self.at(path))

    def mkdir(self, path, mode):
        os.mkdir(self.at(path), mode)

    def mkfifo(self, path, mode):
        os.mkfifo(self.at(path), mode)

    def rmdir(self, path):
        os.rmdir(self.at(path))

    def list(self, path):
        with os.scandir(self.at(path)) as entries:
            return sorted((entry.name, entry.is_dir(follow_symlinks=False), entry.is_symlink())
                          for entry in entries)

    def chmod(self, path, mode):
        # Names that a guest knows stay reachable for a second after their directory is closed.
        # A FIFO is the guest's own, and its kernel asks nobody who may open it.
        kind = stat.S_IFMT(os.stat(self.at(path)).st_mode)
        mode |= {stat.S_IFDIR: 0o700, stat.S_IFIFO: 0o600}.get(kind, 0)
        os.chmod(self.at(path), mode)

    def utime(self, path, times):
        os.utime(self.at(path), ns=times, follow_symlinks=False)
        status = os.lstat(self.at(path))
        return status.st_atime_ns, status.st_mtime_ns

    def access(self, path, mode):
        return os.access(self.at(path), mode)

    def setxattr(self, path, name, value, flags):
        os.setxattr(self.at(path), name, value, flags)

    def getxattr(self, path, name):
        return os.getxattr(self.at(path), name)

    def listxattr(self, path):
        return sorted(os.listxattr(self.at(path)))

    def removexattr(self, path, name):
        os.removexattr(self.at(path), name)


class Acts:
    """Chooses them. A path is one to three names, so that they meet often."""

    def __init__(self, seed):
        self.rng, self.keys, self.next = random.Random(seed), [], 0

    def path(self):
        return "/".join(self.rng.choice(NAMES) for _ in range(self.rng.choice((1, 1, 1, 2, 2, 3))))

    def data(self):
        return self.rng.randbytes(self.rng.choice((1, 10, 300, 5000, 70000)))

    def of_file(self):
        rng, key = self.rng, self.rng.choice(self.keys)
        offset = rng.randrange(rng.choice((100, 10000, LARGEST)))
        return rng.choice([
            ("write", key, offset, self.data()), ("write", key, offset, self.data()),
            ("add", key, self.data()), ("read", key, offset, rng.randrange(200000)),
            ("read", key, 0, LARGEST), ("shorten", key, offset), ("look", key),
            ("allocate", key, rng.choice((0, 1, 3, 16)), offset, rng.randrange(1, 50000)),
            ("map", key, offset, self.data()), ("close", key),
            ("copy", key, rng.choice(self.keys), rng.randrange(1, 100000), offset,
             rng.randrange(LARGEST))])

    def of_path(self):
        rng, path = self.rng, self.path()
        name = rng.choice(("user.a", "user.b"))
        return rng.choice([
            ("stat", path), ("follow", path), ("content", path), ("list", path), ("list", "."),
            ("rename", path, self.path(), rng.choice((0, 0, 1, 2))), ("link", path, self.path()),
            ("symlink", rng.choice((self.path(), "../" + self.path(), "none")), path),
            ("readlink", path), ("unlink", path), ("mkdir", path, rng.choice((0o755, 0o700))),
            ("mkdir", path, 0o777), ("rmdir", path), ("mkfifo", path, 0o600),
            ("chmod", path, rng.choice(MODES)), ("truncate", path, rng.randrange(LARGEST)),
            ("utime", path, (rng.randrange(1 << 60), rng.randrange(1 << 60))),
            ("access", path, rng.choice((os.F_OK, os.R_OK, os.W_OK, os.X_OK))),
            ("setxattr", path, name, self.data()[:500], rng.choice((0, 1, 2))),
            ("getxattr", path, name), ("listxattr", path), ("removexattr", path, name)])

    def one(self):
        roll = self.rng.random()
        if roll < 0.2 and len(self.keys) < 12:
            self.next += 1
            flags = self.rng.choice(ACCESS) | self.rng.choice(EXTRA) | os.O_NONBLOCK
            return ("open", self.next, self.path(), flags, self.rng.choice(MODES))
        return self.of_file() if roll < 0.55 and self.keys else self.of_path()


def do(side, act):
    try:
        return getattr(side, act[0])(*act[1:])
    except OSError as error:
        return errno.errorcode[error.errno]
    except ValueError as error:  # of mmap
        return str(error)


def short(value):
    text = repr(value)
    return text if len(text) < 300 else f"{text[:100]}... {hashlib.sha256(text.encode()).hexdigest()}"


def snapshot(side, top="."):
    found = []
    for name, directory, _ in side.list(top):
        path = os.path.join(top, name)
        found.append((path, side.stat(path), do(side, ("content", path)) if not directory else None,
                      do(side, ("listxattr", path))))
        if directory:
            found += snapshot(side, path)
    return found


def run_random(place, seed, seconds):
    plain = place.host.parent.parent.parent / f"plain-{seed}"
    plain.mkdir()
    # Without the capabilities that the server has given up: the same rights on both sides.
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            drop_capabilities()
            compare(Side(place.path), Side(plain), seed, seconds)
            status = 0
        except check.Failure as failure:
            os.write(2, str(failure).encode())
            (place.host.parent / f"failed-{seed}").write_text(str(failure))
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    said = place.host.parent / f"failed-{seed}"
    if status:
        check.fail(said.read_text() if said.exists() else f"status {status}")


def drop_capabilities():
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    call(libc.capset, header, (ctypes.c_uint32 * 6)())


def compare(served, plain, seed, seconds):
    acts, end, count, good = Acts(seed), time.monotonic() + seconds, 0, 0
    while time.monotonic() < end:
        act = acts.one()
        # A FIFO that is read to its end never ends.
        results = [do(side, act) for side in (served, plain)]
        count += 1
        if results[0] != results[1]:
            check.fail(f"seed {seed}, act {count}, {short(act)}: served {short(results[0])}, plain "
                       f"{short(results[1])}")
        failed = isinstance(results[1], str) and results[1].startswith("E")
        good += not failed
        if act[0] == "open" and not failed:
            acts.keys.append(act[1])
        if act[0] == "close":
            acts.keys.remove(act[1])
    for key in list(served.files):
        served.close(key)
    check.equal(snapshot(served), snapshot(plain), "what is left")
    check.equal(snapshot(Side(plain.root)), snapshot(plain), "and again")
    check.true(count > 200 and good > count / 5, f"{count} acts, {good} of them possible")


for SEED in (1, 2, 3, int(time.time())):
    add("random acts, seed " + (str(SEED) if SEED < 10 else "of the day"),
        lambda place, seed=SEED: run_random(place, seed, 2), __name__)
