# SPDX-License-Identifier: Apache-2.0
"""Each system call of the proxy fails once, from its start to its end: it says so and ends, or goes
on; it never serves before it is confined, reaches what is not listed, or hangs."""

import collections
import contextlib
import os
import pathlib
import re
import shutil
import tempfile

from harness import check
from harness.discover import test
from stage import proxy, servers
from stage.servers import read_exactly

CALL = re.compile(r"^(\w+)\(", re.M)
FAILED_BY_KERNEL = "ENOMEM"
MOST = 12  # of one call
# Without these it is not confined, so that their failure has to be its end.
VITAL = {"prctl": 2, "seccomp": 1, "landlock_create_ruleset": 2, "landlock_restrict_self": 1,
         "capset": 2, "close_range": 1, "setresuid": 1, "setresgid": 1, "setgroups": 1}
# Of the loader and the C library, before a line of ours runs; and calls that return to nobody.
FOREIGN = {"execve", "exit_group", "arch_prctl", "set_tid_address", "set_robust_list", "rseq"}


def traced(directory, *options):
    """A program in the place of the proxy: strace with the proxy as its child."""
    script = pathlib.Path(directory) / "traced"
    words = " ".join(f"'{word}'" for word in options)
    script.write_text(f"#!/bin/sh\nexec /usr/bin/strace -qq {words} \"$PROGRAM\"\n")
    script.chmod(0o755)
    return str(script)


class Scene:
    """One start, a connection that is allowed and one that is not, an end."""

    def __init__(self, t):
        self.t = t
        self.denied = t.serve("9.9.9.11", 80, servers.echo)
        t.serve("9.9.9.10", 80, servers.echo)
        t.names["good.example"] = ["9.9.9.10"]

    def play(self, program):
        """Whether it became ready, and whether it served."""
        t, served, sockets = self.t, False, self.t.sockets_again()
        os.close(t.left_jails.pop())
        made = proxy.Proxy(program, ["9.9.9.10:80", "good.example:80"], sockets,
                           ids=(12345, 23456), audited=False)
        try:
            message = made.receive(20)
            ready = message is not None and message[0] == proxy.READY
            if ready:
                for address in ("9.9.9.11", "9.9.9.10"):
                    with contextlib.suppress(OSError, EOFError):
                        with t.connect(address, 80, timeout=1) as stream:
                            stream.sendall(b"x")
                            read_exactly(stream, 1)
                            served = True
                with contextlib.suppress(OSError):
                    proxy.send(made.control, proxy.STOP)
            while made.receive(20) is not None:
                pass
            made.process.wait(20)
        finally:
            made.process.kill()
            made.close()
            made.audit.end()
            for _, one in sockets:
                one.close()
        check.equal(self.denied.accepted, 0, "visitors where nobody may go")
        return ready, served


def calls_of(t, scene, directory):
    """How often each is made, once everything works: the control."""
    trace = pathlib.Path(directory) / "trace"
    ready, served = scene.play(traced(directory, "-o", str(trace)))
    check.equal((ready, served), (True, True), "control: without a failure it serves")
    counts = collections.Counter(CALL.findall(trace.read_text()))
    for name, least in VITAL.items():
        check.true(counts[name] >= least, f"control: {name} is called {least} times or more")
    return counts


@test("whichever system call fails, the proxy ends or goes on, and never without its confinement",
      seconds=1800)
def each_call(t):
    if t.sanitized:
        raise check.Skip("a build with sanitizers has no filter, and cannot be traced", cannot=True)
    os.environ["PROGRAM"] = t.options.egress
    proxy.SANITIZERS["PROGRAM"] = t.options.egress
    t.later(proxy.SANITIZERS.pop, "PROGRAM")
    directory = tempfile.mkdtemp(prefix="kastellan-torture-", dir="/var/tmp")
    t.later(shutil.rmtree, directory)
    scene = Scene(t)
    counts = calls_of(t, scene, directory)
    tried = ended = 0
    for name, count in sorted(counts.items()):
        if name in FOREIGN:
            continue
        for number in range(1, min(count, MOST) + 1):
            inject = f"inject={name}:error={FAILED_BY_KERNEL}:when={number}"
            ready, _ = scene.play(traced(directory, "-o", "/dev/null", "-e", f"trace={name}", "-e",
                                         inject))
            tried += 1
            ended += not ready
            # prctl() is also asked what cannot fail for good, from its third time on.
            if name in VITAL and number <= VITAL[name]:
                check.true(not ready, f"it became ready without {name}, the {number}. time")
    print(f"# {tried} failures, {ended} of them before it was ready", flush=True)
    check.within(ended, 20, tried - 10, "starts that came to nothing")
