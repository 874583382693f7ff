# SPDX-License-Identifier: Apache-2.0
"""The egress proxy is killed, at whatever moment: there is no worker without one, and a worker that loses
its own does not go on unnoticed."""

import json
import os
import signal
import subprocess
import time

from harness import check
from harness.discover import test
from harness.jail import wait_for
from test_egress import Service, listed, proxies

PATIENCE = 200


def proxy_of(process):
    """As early as it bears its name; None: kastellan has ended."""
    found = wait_for(lambda: proxies(process.pid) or (process.poll() is not None and [None]),
                     "the proxy")
    return found[0]


def run(t, service, delay):
    """delay: seconds after which the proxy is killed; None: it is not."""
    # It does not end before the kill, so that the proxy has not been told to end by then.
    process, path = t.jail.start(["/bin/sh", "-c", "echo on; read word; echo $word"],
                                 flags=listed(service.entry), stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    t.later(t.finish, process)
    proxy = proxy_of(process)
    if delay is not None and proxy:
        time.sleep(delay)
        os.kill(proxy, signal.SIGKILL)
    out, err = process.communicate(b"off\n", timeout=PATIENCE)
    status = json.loads(path.read_bytes())
    return process.returncode, out.decode(), err.decode(), status


@test("whenever the proxy is killed, there is no worker, or its end is told", seconds=300)
def killed(t):
    service = Service(t)
    t.needs_jail()
    code, out, err, status = run(t, service, None)
    check.equal((code, out, status["network"]["proxy_died"]), (0, "on\noff\n", False),
                "control: it is not killed")
    moments = (0, 0, 1, 2, 4, 8, 16, 60)
    # A machine takes its time for each.
    for milliseconds in moments if t.options.pace == 1 else moments[::3]:
        code, out, err, status = run(t, service, milliseconds / 1000)
        what = f"killed after {milliseconds} ms"
        if code == 125:
            check.equal((out, status["outcome"]["type"]), ("", "setup"), what)
            check.contains(err, "egress proxy", "remedy")
        else:
            check.equal((code, out, status["network"]["proxy_died"]), (0, "on\noff\n", True), what)
            check.contains(err, "the egress proxy ended before the worker")
