# SPDX-License-Identifier: Apache-2.0
"""The tree that is served, where it is mounted, and what a test gets of both."""

import ctypes
import os
import pathlib
import shutil
import subprocess
import sys
import time

from harness import check
from harness.runner import Report, attempt

CLONE_NEWNS = 0x20000
libc = ctypes.CDLL(None, use_errno=True)


def call(function, *args):
    result = function(*args)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def unshare():
    call(libc.unshare, CLONE_NEWNS)
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


def bind(source, target, read_only=False):
    target.mkdir(exist_ok=True)
    subprocess.run(["mount", "--bind", source, target], check=True)
    if read_only:
        subprocess.run(["mount", "-o", "remount,bind,ro", target], check=True)


def make(top):
    """A root as a jail has it: the system read-only, a grant to read, one to write."""
    source, mount = top / "tree", top / "mount"
    (top / "data").mkdir()
    (top / "data" / "file").write_text("content\n")
    (top / "data" / "link").symlink_to("file")
    (top / "data" / "directory").mkdir()
    (top / "data" / "directory" / "inside").write_text("inside\n")
    os.mkfifo(top / "data" / "fifo")
    os.mknod(top / "data" / "zero", 0o20666, os.makedev(1, 5))
    (top / "secret").write_text("not granted\n")
    for path in (source, mount):
        path.mkdir()
    for name in ("proc", "write", "tmp"):
        (source / name).mkdir()
    bind("/usr", source / "usr", read_only=True)
    bind(top / "data", source / "read", read_only=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", source / "tmp"], check=True)
    for name in ("bin", "lib", "lib64", "sbin"):
        (source / name).symlink_to(f"usr/{name}")
    # Out of the tree, for whoever follows links.
    (source / "write" / "out").symlink_to(top / "secret")
    return str(source), str(mount)


def unmake(top):
    for name in ("usr", "read", "tmp"):
        subprocess.run(["umount", "-l", top / "tree" / name], check=False)


class Place:
    """path: where the test works; host: the same directory as the host sees it."""

    def __init__(self, options, name, served):
        source, mount = map(pathlib.Path, options.inner)
        self.options, self.served = options, served
        self.source = source
        self.root = mount if served else source
        self.host = source / "write" / name
        self.path = self.root / "write" / name
        self.host.mkdir()

    def run(self, *command, cwd=None, env=None, timeout=60, **more):
        """What the command wrote; it has to succeed."""
        done = subprocess.run(list(map(str, command)), cwd=cwd or self.path, timeout=timeout,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", check=False,
                              env=dict({"PATH": "/usr/bin:/bin", "HOME": str(self.path),
                                        "LC_ALL": "C.UTF-8"}, **(env or {})), **more)
        if done.returncode:
            check.fail(f"{' '.join(map(str, command))[:200]}: status {done.returncode}: "
                       f"{done.stdout[-2000:]}")
        return done.stdout

    def python(self, code, *args, **more):
        return self.run(sys.executable, "-I", "-S", "-c", code, *args, **more)

    def close(self):
        shutil.rmtree(self.host, ignore_errors=True)


def refused(expected, function, *args, **keywords):
    """The call fails with one of these errors."""
    expected = expected if isinstance(expected, tuple) else (expected,)
    try:
        function(*args, **keywords)
    except OSError as error:
        check.one_of(error.errno, expected, f"{function.__name__}{args}")
        return
    check.fail(f"{function.__name__}{args} was not refused")


# What these try cannot be asked of a plain directory; each act has its control beside it.
ALONE = ("test_hostile", "test_random", "test_refused")


def one(case, options, number):
    for served in (True,) if case.module in ALONE else (False, True):
        place = Place(options, f"{number}-{'served' if served else 'plain'}", served)
        try:
            problem = attempt(case, place)
        finally:
            place.close()
        if problem:
            return problem if served else f"in a plain directory, too: {problem}"
    return None


def run(options, cases):
    began = time.monotonic()
    report = Report(os.environ.get("CI") == "true")
    for number, case in enumerate(cases):
        try:
            report.add(case, one(case, options, number), [])
        except check.Skip as skip:
            report.add(case, None, [], skip)
    print(f"# {time.monotonic() - began:.0f} s", flush=True)
    return report.end()
