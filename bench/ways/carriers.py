# SPDX-License-Identifier: Apache-2.0
"""Ways out for the client of bench/stream.c: each runs it, and says what processor time everybody
took who had a part in it. The server is on the loopback of this host."""
import json
import os
import pathlib
import subprocess
import threading

from stage.world import CLONE_NEWNET, libc, must, new_namespace

CACHE = os.environ.get("KASTELLAN_BENCH_PEERS", os.path.expanduser("~/.cache/kastellan-bench"))
TICK = 1 / os.sysconf("SC_CLK_TCK")
ADDRESS, PORT = "127.0.0.1", 80
PATIENCE = 60  # seconds; a round takes one


class Absent(Exception):
    pass


def cpu(pid):
    """Seconds of a process and of its threads, those that have ended too; not of its children."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * TICK


class Way:
    """namespace: where the client runs; None is the host's. helpers: pids of who carries the bytes.
    address: what the client takes for the server's. door: whom it asks by CONNECT."""

    def __init__(self, name, namespace=None, helpers=(), address=ADDRESS, door=None):
        self.name, self.namespace, self.helpers = name, namespace, list(helpers)
        self.address, self.door = address, door
        self.processes = []

    def prefix(self):
        return []

    def start(self, argv, env):
        def enter():
            if self.namespace is not None:
                must(libc.setns(self.namespace, CLONE_NEWNET), "setns")
        return subprocess.Popen(argv, preexec_fn=enter, stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, text=True, env=env)

    def run(self, program, arguments, server):
        """(what it printed, {party: its seconds of processor time}). Who carries in the client's
        own process, or below it, is counted as the client."""
        env = dict(os.environ)
        if self.door:
            env["STREAM_DOOR"] = self.door
        before = cpu(server), sum(map(cpu, self.helpers))
        process = self.start([*self.prefix(), program, arguments[0], self.address, str(PORT),
                              *arguments[1:]], env)
        # Some way stands still in one round of hundreds; the others go on.
        patience = threading.Timer(PATIENCE, process.kill)
        patience.start()
        said = process.stdout.read().split()
        patience.cancel()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode or not said:
            raise Absent(f"the client ended with {process.returncode}")
        spent = {"client": usage.ru_utime + usage.ru_stime,
                 "carrier": sum(map(cpu, self.helpers)) - before[1],
                 "server": cpu(server) - before[0]}
        return [float(word) for word in said], spent

    def close(self):
        for process in self.processes:
            process.terminate()
            process.wait()


def least(program, namespace):
    """bench/relay.c, out of a jail like the proxy's."""
    way = Way("least", namespace)
    os.set_inheritable(namespace, True)
    process = subprocess.Popen([program, str(namespace), ADDRESS, str(PORT)], close_fds=False,
                               stdout=subprocess.PIPE)
    way.processes.append(process)
    way.helpers = [process.pid]
    if not process.stdout.readline():
        raise Absent("bench/relay does not start")
    return way


def slirp():
    """A stack of TCP in user space behind a tap, as for rootless containers."""
    way = Way("slirp4netns", new_namespace(), address="10.0.2.2")
    ready, told = os.pipe()
    os.set_inheritable(way.namespace, True)
    os.set_inheritable(told, True)
    way.processes.append(subprocess.Popen(
        ["slirp4netns", "--configure", "--mtu=65520", f"--ready-fd={told}", "--netns-type=path",
         f"/proc/self/fd/{way.namespace}", "tap0"], close_fds=False, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL))
    os.close(told)
    if os.read(ready, 1) != b"1":
        raise Absent("slirp4netns does not start")
    os.close(ready)
    # Its parent waits, and the child of it carries.
    way.helpers = [way.processes[0].pid, *children(way.processes[0].pid)]
    return way


def children(pid):
    return [int(word) for word in
            pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class Pasta(Way):
    """Its own process carries; the client is its child, so that both are waited for as one."""

    def prefix(self):
        return ["pasta", "-q", "-f", "--config-net", "--runas", "0", "--"]


def pasta(gateway):
    return Pasta("pasta", address=gateway)


class Srt(Way):
    """Its proxies are asked by CONNECT, at the port that its own bridge listens on in the sandbox,
    and want the credentials of their variable."""

    CREDENTIALS = """user=${HTTP_PROXY#http://}
user=$(printf %s "${user%@*}" | sed 's/%3D/=/g; s/%2B/+/g; s,%2F,/,g' | base64 -w 0)
STREAM_HEADER="Proxy-Authorization: Basic $user" exec "$@"
"""

    def prefix(self):
        return [os.path.join(CACHE, "node_modules", ".bin", "srt"), "-s", self.settings, "--",
                "sh", "-c", self.CREDENTIALS, "sh"]


def srt(directory):
    way = Srt("srt", address="localhost", door="127.0.0.1:3128")
    way.settings = os.path.join(directory, "srt.json")
    with open(way.settings, "w", encoding="utf-8") as file:
        json.dump({"network": {"allowedDomains": ["localhost"], "deniedDomains": []},
                   "filesystem": {"denyRead": [], "allowWrite": [directory], "denyWrite": []}}, file)
    return way
