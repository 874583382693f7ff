# SPDX-License-Identifier: Apache-2.0
"""What the tests of kastellan-init share: a case with a jail that is ended, and the runner.

Each of them is called with the path of kastellan-init, and then, if wanted, names of tests. As root
everything is run twice: with a worker that has kernel ids of its own, and once more as an
unprivileged user."""

import contextlib
import errno
import os
import select
import shutil
import sys
import tempfile
import time
import unittest

import init_driver as d
from init_driver import Jail

NOBODY = 65534
ROOT = os.geteuid() == 0
INIT = None
SHARED = None  # a directory that every user can reach, and this one write to


def marker():
    """Arguments of a sleep that no other process on the machine has."""
    marker.count += 1
    return f"{100000 + marker.count}.{os.getpid()}"


marker.count = 0


def living(mark):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if mark.encode() in file.read().split(b"\0"):
                    found.append(int(pid))
    return found


def eventually(condition, timeout=10):
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.01)
    return bool(condition())


def gone(pidfd, timeout=10):
    return bool(select.select([pidfd], [], [], timeout)[0])


class Case(unittest.TestCase):
    def jail(self, *args, **kwargs):
        jail = Jail(INIT, *args, **kwargs)
        self.addCleanup(self.end, jail)
        return jail

    def end(self, jail):
        if jail.pid:
            self.assertEqual(jail.wait() & 0x7f, 0)
            jail.pid = 0
        jail.close()

    def run_jail(self, *args, **kwargs):
        jail = self.jail(*args, **kwargs)
        result = jail.run()
        self.end(jail)
        return result

    def sh(self, script, **kwargs):
        return self.run_jail(["sh", "-c", script], **kwargs)

    def fails(self, step, code, argv=("true",), detail=None, fds=(), **kwargs):
        """FAILED, and nothing was executed."""
        jail = self.jail(list(argv), **kwargs)
        message = jail.receive(jail.init)
        if message and message.type == d.READY:
            jail.send(jail.init, d.GO, fds=fds)
            message = jail.receive(jail.init)
        while message and message.type == d.TTY:
            message = jail.receive(jail.init)
        self.assertIsNotNone(message, jail.complaint())
        self.assertEqual(message.type, d.FAILED, jail.messages)
        self.assertEqual(message.failure[0], step)
        self.assertEqual(errno.errorcode[message.value], errno.errorcode[code], message.failure)
        if detail is not None:
            self.assertEqual(message.failure[1], detail)
        self.assertIsNone(jail.receive(jail.init))
        if jail.stdout:
            self.assertEqual(jail.output(), (b"", b""))
        return message


def run_as(uid):
    """The tests of the calling file, in a process of that user; true if they passed."""
    global SHARED
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return os.waitpid(pid, 0)[1] == 0
    if uid != os.geteuid():
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    SHARED = tempfile.mkdtemp(prefix="kastellan-init-")
    os.chmod(SHARED, 0o755)
    print(f"# uid {os.geteuid()}", flush=True)
    program = unittest.main(module="__main__", exit=False, argv=sys.argv[:1] + sys.argv[2:])
    shutil.rmtree(SHARED)
    # Without the atexit handlers of the parent.
    sys.stderr.flush()
    os._exit(0 if program.result.wasSuccessful() and program.result.testsRun else 1)


def main(root_only=False):
    global INIT
    if root_only and not ROOT:
        print("needs root")
        sys.exit(77)
    # The build tree may be one that other users cannot reach.
    with tempfile.TemporaryDirectory(prefix="kastellan-init-exe-") as directory:
        os.chmod(directory, 0o755)
        INIT = shutil.copy(sys.argv[1], directory)
        os.chmod(INIT, 0o755)
        users = [os.geteuid()] + [NOBODY] * (ROOT and not root_only)
        passed = [run_as(uid) for uid in users]
    sys.exit(0 if all(passed) else 1)
