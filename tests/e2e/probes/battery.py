# SPDX-License-Identifier: Apache-2.0
"""Tries a list of acts, [[name, argument...]...] as JSON on stdin, one after the other in this one
process, and prints what came of each: ["ok", what was seen] or [the error's name]. What differs from
run to run (times, numbers of inodes) is not looked at."""

import errno
import json
import os
import stat
import sys


def seen(path, follow=True):
    st = os.stat(path, follow_symlinks=follow)
    return [stat.S_IFMT(st.st_mode), stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid, st.st_size
            if stat.S_ISREG(st.st_mode) else 0]


def opened(path, flags, mode=0o644):
    fd = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY, mode)
    try:
        # Beneath /proc and /dev the content is the moment's.
        if flags & os.O_ACCMODE == os.O_RDONLY and stat.S_ISREG(os.fstat(fd).st_mode) \
                and not path.startswith("/proc"):
            return os.read(fd, 64).hex()
        if flags & os.O_ACCMODE != os.O_RDONLY and stat.S_ISREG(os.fstat(fd).st_mode):
            return os.write(fd, b"written")
        return None
    finally:
        os.close(fd)


def mounted(path):
    found = os.statvfs(path).f_flag
    return [name for name in ("RDONLY", "NOSUID", "NODEV") if found & getattr(os, "ST_" + name)]


def execute(path):
    pid = os.fork()
    if pid == 0:
        # What it says is not ours to say.
        null = os.open("/dev/null", os.O_RDWR)
        for stream in range(3):
            os.dup2(null, stream)
        try:
            os.execv(path, [path])
        except OSError as error:
            os._exit(error.errno)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


ACTS = {
    "access": lambda path, mode: os.access(path, mode),
    "append": lambda path: opened(path, os.O_WRONLY | os.O_APPEND),
    "chdir": lambda path: os.chdir(path) or os.chdir("/"),
    "chmod": lambda path, mode: os.chmod(path, mode),
    "chown": lambda path, uid: os.chown(path, uid, uid),
    "create": lambda path: opened(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL),
    "execute": execute,
    "fifo": os.mkfifo,
    "link": os.link,
    "list": lambda path: sorted(os.listdir(path)),
    "lstat": lambda path: seen(path, False),
    "mkdir": os.mkdir,
    "mounted": mounted,
    "node": lambda path: os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3)),
    "read": lambda path: opened(path, os.O_RDONLY),
    "readlink": os.readlink,
    "rename": os.rename,
    "rmdir": os.rmdir,
    "stat": seen,
    "symlink": lambda path, text: os.symlink(text, path),
    "truncate": lambda path: os.truncate(path, 3),
    "unlink": os.unlink,
    "utime": lambda path: os.utime(path),
    "write": lambda path: opened(path, os.O_RDWR),
    "xattr": lambda path: os.setxattr(path, "user.tried", b"1"),
}


def attempt(name, arguments):
    try:
        return ["ok", ACTS[name](*arguments)]
    except OSError as error:
        return [errno.errorcode.get(error.errno, error.errno)]


print(json.dumps([attempt(name, arguments) for name, *arguments in json.load(sys.stdin)]))
