#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Who takes whom along: nothing of a jail is left, whoever dies, and at whatever moment."""

import contextlib
import os
import select
import signal
import struct
import subprocess
import time

import init_case
import init_driver as d
from init_case import Case, eventually, gone, living, marker
from init_driver import Jail


class Lifetime(Case):
    def start_sleepers(self, script="", **kwargs):
        mark = marker()
        jail = self.jail(["sh", "-c", f"setsid sh -c 'sleep {mark} & sleep {mark}' & {script}"
                          f"sleep {mark} & echo up; wait"], **kwargs)
        jail.go()
        jail.expect(d.STARTED)
        self.assertEqual(os.read(jail.stdout, 10), b"up\n")
        self.assertTrue(eventually(lambda: len(living(mark)) == 3), living(mark))
        return jail, mark

    def assert_all_gone(self, mark):
        self.assertTrue(eventually(lambda: not living(mark)), living(mark))

    def test_background_processes_end_with_the_program(self):
        mark = marker()
        ours, theirs = os.pipe()
        null = os.open("/dev/null", os.O_RDWR)
        jail = self.jail(["sh", "-c", f"for i in $(seq 100); do (setsid sleep {mark} &) & done; "
                          "read line; exit 5"], stdio=(ours, null, null))
        jail.go()
        jail.expect(d.STARTED)
        self.assertTrue(eventually(lambda: len(living(mark)) == 100))
        # One that is in the middle of its exec can be missed by a look at all of them.
        sleepers = [os.pidfd_open(pid) for pid in living(mark)]
        self.assertGreater(len(sleepers), 90)
        os.close(theirs)
        self.assertEqual(os.WEXITSTATUS(jail.expect(d.EXIT).value), 5)
        # Before the news of it, not some time after.
        self.assertEqual(len(select.select(sleepers, [], [], 0)[0]), len(sleepers))
        for fd in sleepers + [ours, null]:
            os.close(fd)

    def test_orphans_are_reaped(self):
        _, out, _ = self.sh("for i in 1 2 3 4 5 6 7 8; do (sleep 0 &) ; done; sleep 0.3; "
                            "ps -e -o stat= | grep -c Z; exit 0")
        self.assertEqual(out, b"0\n")

    def test_hang_up_of_init_ends_all(self):
        jail, mark = self.start_sleepers()
        jail.init.close()
        self.assert_all_gone(mark)
        self.assertEqual(jail.receive(jail.monitor).type, d.HELPER_EXIT)

    def test_hang_up_of_the_monitor_ends_all(self):
        jail, mark = self.start_sleepers()
        jail.monitor.close()
        self.assertTrue(gone(jail.pidfd))
        self.assertEqual(living(mark), [])

    def test_end_of_the_supervisor_ends_all_even_if_sockets_stay_open(self):
        other = subprocess.Popen(["sleep", "1000"])
        fd = os.pidfd_open(other.pid)
        jail, mark = self.start_sleepers(supervisor=fd)
        time.sleep(0.1)
        self.assertEqual(len(living(mark)), 3)
        other.kill()
        other.wait()
        self.assertTrue(gone(jail.pidfd))
        self.assertEqual(living(mark), [])

    def test_death_of_the_monitor_ends_all(self):
        self.kill_monitor()

    def test_death_of_the_monitor_ends_all_though_the_helper_does_not_ask_for_it(self):
        self.kill_monitor(root=[word for word in d.plain_root() if word != "--die-with-parent"])

    def kill_monitor(self, **kwargs):
        jail, mark = self.start_sleepers(**kwargs)
        os.kill(jail.pid, signal.SIGKILL)
        self.assert_all_gone(mark)
        self.assertIsNone(jail.receive(jail.init))
        os.waitpid(jail.pid, 0)
        jail.pid = 0

    def test_death_of_the_helper_ends_all(self):
        jail, mark = self.start_sleepers()
        with open(f"/proc/{jail.pid}/task/{jail.pid}/children") as file:
            helper, = map(int, file.read().split())
        os.kill(helper, signal.SIGKILL)
        message = jail.receive(jail.monitor)
        self.assertEqual((message.type, message.value), (d.HELPER_EXIT, signal.SIGKILL))
        self.assertEqual(living(mark), [])

    def test_kill_ends_all_and_is_reported(self):
        jail, mark = self.start_sleepers("trap '' TERM INT HUP; ")
        jail.send(jail.init, d.KILL)
        self.assertEqual(os.WTERMSIG(jail.expect(d.EXIT).value), signal.SIGKILL)
        self.assertEqual(living(mark), [])

    def test_kill_before_the_start(self):
        jail = self.jail(["true"])
        jail.expect(d.READY)
        jail.send(jail.init, d.KILL)
        self.assertIsNone(jail.receive(jail.init))
        self.assertEqual(jail.receive(jail.monitor).type, d.HELPER_EXIT)

    def test_signals_go_to_the_group_of_the_program(self):
        mark = marker()
        jail = self.jail(["sh", "-c", f"trap 'echo term; exit 9' TERM; sh -c "
                          f"'trap \"echo child\" TERM; echo up; while :; do sleep 0.05; done' & wait"])
        jail.go()
        jail.expect(d.STARTED)
        self.assertEqual(os.read(jail.stdout, 10), b"up\n")
        jail.send(jail.init, d.SIGNAL, signal.SIGTERM)
        status, out, _ = jail.finish()
        self.assertEqual(os.WEXITSTATUS(status), 9)
        self.assertIn(b"term\n", out)
        self.assertEqual(living(mark), [])

    def test_the_program_cannot_reach_init(self):
        status, out, _ = self.sh(
            "for s in KILL TERM INT HUP STOP SEGV; do kill -$s 1 2>/dev/null; done; kill -KILL -1; "
            "cat /proc/1/environ 2>/dev/null && echo read; ls /proc/1/fd 2>/dev/null && echo listed; "
            "readlink /proc/1/exe && echo linked; (echo > /proc/1/mem) 2>/dev/null && echo written; "
            # The control: of a process of its own it may read all that.
            "cat /proc/$$/environ >/dev/null && ls /proc/$$/fd >/dev/null && echo own; exit 4")
        self.assertEqual((os.WEXITSTATUS(status), out), (4, b"own\n"))

    def test_a_supervisor_that_does_not_read_stops_nobody(self):
        """The end of the supervisor is acted upon though its socket is full."""
        jail, mark = self.start_sleepers()
        for _ in range(1000):
            try:
                jail.init.setblocking(False)
                jail.send(jail.init, d.SIGNAL, 0)
            except BlockingIOError:
                break
        jail.init.close()
        self.assert_all_gone(mark)

    def test_supervisor_killed_at_any_moment(self):
        """Nothing of the jail is left, whenever it happens."""
        for step in range(40):
            mark = marker()
            ours, theirs = os.pipe()
            pid = os.fork()
            if pid == 0:
                with contextlib.suppress(BaseException):
                    jail = Jail(init_case.INIT, ["sh", "-c", f"sleep {mark} & sleep {mark}"])
                    os.write(theirs, struct.pack("=i", jail.pid))
                    jail.go()
                    time.sleep(100)
                os._exit(1)
            os.close(theirs)
            monitor, = struct.unpack("=i", os.read(ours, 4))
            pidfd = os.pidfd_open(monitor)
            time.sleep(step * 0.001)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            self.assertTrue(gone(pidfd), step)
            self.assertEqual(living(mark), [])
            os.close(pidfd)
            os.close(ours)


if __name__ == "__main__":
    init_case.main()
