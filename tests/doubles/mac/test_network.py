# SPDX-License-Identifier: Apache-2.0
"""A worker with an allowlist: over the egress proxy's socket to what is listed, and nowhere else, under
the doubles of sandbox-exec and of container. Servers and proxy are on the loopback of this test."""
import json
import os
import signal
import socket
import struct
import subprocess
import threading

import stage
from stage import equal, python, true
from test_container import DEGRADED as CONTAINER_DEGRADED
from test_container import prepare

OWNER_SLOT = 3
NEVER = "9.9.9.9:443"
LIMITS = {"cpu_ms": 0, "mem_mb": 0}
# Asks the proxy for what its arguments name, each by CONNECT: prints the status, and what the server
# says then.
CLIENT = """
import os, socket, sys
path = os.environ["KASTELLAN_PROXY"].removeprefix("unix:")
assert os.environ["ALL_PROXY"] == "socks5h://localhost" + path
for target in sys.argv[1:]:
    stream = socket.socket(socket.AF_UNIX)
    stream.connect(path)
    stream.sendall(f"CONNECT {target} HTTP/1.1\\r\\n\\r\\n".encode())
    head = b""
    while not head.endswith(b"\\r\\n\\r\\n"):
        head += stream.recv(1) or sys.exit("no answer")
    said = b""
    if head.split()[1] == b"200":
        stream.sendall(b"hello")
        stream.shutdown(socket.SHUT_WR)
        while piece := stream.recv(100):
            said += piece
    print(head.split()[1].decode(), said.decode(), flush=True)
"""
# The same by SOCKS5, and by name.
SOCKS = """
import os, socket, sys
stream = socket.socket(socket.AF_UNIX)
stream.connect(os.environ["KASTELLAN_PROXY"].removeprefix("unix:"))
name, port = sys.argv[1].rsplit(":", 1)
stream.sendall(b"\\5\\1\\0" + b"\\5\\1\\0\\3" + bytes([len(name)]) + name.encode()
               + int(port).to_bytes(2, "big"))
print(*stream.recv(2), *stream.recv(10)[:2], flush=True)
"""
WAITING = "import os, sys, time\nprint(os.environ['KASTELLAN_PROXY'], flush=True)\ntime.sleep(600)"


class Server:
    """Echoes with a word in front of it; knows how often it was reached."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.reached = 0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                stream = self.listener.accept()[0]
            except OSError:
                return
            self.reached += 1
            with stream:
                stream.sendall(b"got " + stream.recv(100))

    @property
    def place(self):
        return f"127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


BACKENDS = {"seatbelt": stage.DEGRADED, "container": CONTAINER_DEGRADED}


def words(backend, program, *options, policy):
    prepare()
    return stage.words(program, *options, policy={**LIMITS, **policy}, backend=backend,
                       degraded=BACKENDS[backend])


def run(backend, program, *options, policy, **more):
    prepare()
    return stage.run(program, *options, policy={**LIMITS, **policy}, backend=backend,
                     degraded=BACKENDS[backend], **more)


def client(*targets):
    return [*python(CLIENT), *targets]


def audit_of(path):
    with open(path) as file:
        return [json.loads(line) for line in file]


def each(function):
    """One test a backend."""
    def both():
        for backend in BACKENDS:
            function(backend)
            stage.nothing_left()
    return both


@each
def test_what_is_listed_is_reached_and_the_rest_is_refused(backend):
    audit = "/Users/audit.json"
    with Server() as listed, Server() as other:
        done = run(backend, client(listed.place, other.place, NEVER), "--egress-audit", audit,
                   policy={"net": {"Allowlist": [listed.place]}})
        equal((done.code, done.out), (0, b"200 got hello\n403 \n403 \n"), done)
        equal((listed.reached, other.reached), (1, 0), "who was reached")
        # Control: without a jail the other one answers.
        with socket.create_connection(("127.0.0.1", other.port)) as stream:
            stream.sendall(b"x")
            equal(stream.recv(100), b"got x", "control")
    network = done.network
    equal((network["connections"], network["denials"], network["proxy_died"]), (1, 2, False), network)
    equal({denied["host"] for denied in network["denied"]}, {"127.0.0.1", "9.9.9.9"}, network)
    equal(done.receipt["net"]["verdict"], "held", done.receipt["net"])
    lines = audit_of(audit)
    os.unlink(audit)
    verdicts = [(line["verdict"], line["port"]) for line in lines if line["ev"] == "connect"]
    equal(verdicts, [("allow", listed.port), ("deny", other.port), ("deny", 443)], lines)
    true(all(line["policy"].startswith("sha256:") and line["worker"] for line in lines), lines)


@each
def test_names_are_resolved_by_the_proxy(backend):
    """The host's own table has localhost, which leads to itself: by that name it is never dialled."""
    with Server() as server:
        done = run(backend, [*python(SOCKS), f"localhost:{server.port}"],
                   policy={"net": {"Allowlist": [f"localhost:{server.port}"]}})
        equal((done.code, done.out), (0, b"5 0 5 2\n"), done)
        equal(server.reached, 0, "the server")
    equal(done.network["denied"][0]["reason"], "address_forbidden", done.network)


@each
def test_the_sockets_place_is_private(backend):
    process = subprocess.Popen(
        words(backend, python(WAITING), policy={"net": {"Allowlist": [NEVER]}}), stdout=subprocess.PIPE)
    said = process.stdout.readline().decode().strip()
    true(said.startswith("unix:"), said)
    doors = [os.path.join(place, "egress") for name in os.listdir(stage.TEMPORARY)
             if os.path.exists(os.path.join(place := os.path.join(stage.TEMPORARY, name), "egress"))]
    equal(len(doors), 1, f"sockets in {stage.TEMPORARY}")
    equal(os.stat(os.path.dirname(doors[0])).st_mode & 0o777, 0o700, "the directory around it")
    equal(os.stat(doors[0]).st_mode & 0o777, 0o600 if backend == "seatbelt" else 0o666, "the socket")
    equal(said == f"unix:{doors[0]}", backend == "seatbelt", "a machine has a path of its own")
    process.terminate()
    process.wait(timeout=20)


def proxies(name="kastellan-egress"):
    return [pid for pid, line in stage.processes().items() if f"libexec/{name}" in line]


@each
def test_the_proxy_is_killed(backend):
    """The worker goes on without a network, and the outcome says so."""
    status = "/Users/status-of-it.json"
    text = ("import os, socket, sys\nprint('ready', flush=True)\nsys.stdin.read()\n"
            "stream = socket.socket(socket.AF_UNIX)\n"
            "path = os.environ['KASTELLAN_PROXY'].removeprefix('unix:')\n"
            "try:\n    stream.connect(path)\n    stream.sendall(b'CONNECT')\n"
            "    print('reached' if stream.recv(1) else 'nobody')\nexcept OSError:\n    print('nobody')")
    process = subprocess.Popen(
        words(backend, python(text), "--status", status, policy={"net": {"Allowlist": [NEVER]}}),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    equal(process.stdout.readline(), b"ready\n", "the worker's word")
    [proxy] = proxies()
    equal(len(proxies("kastellan-names")), 1, "control: a resolver")
    os.kill(proxy, signal.SIGKILL)
    stage.until(lambda: not proxies() and not proxies("kastellan-names"), 10, "the resolver lives")
    out = process.communicate(timeout=20)[0]
    equal((process.returncode, out), (0, b"nobody\n"), "what the worker saw")
    with open(status) as file:
        network = json.load(file)["network"]
    os.unlink(status)
    equal((network["proxy_died"], network["proxy_death"]), (True, "signal"), network)


@each
def test_the_caller_is_killed(backend):
    process = subprocess.Popen(
        words(backend, python(WAITING), policy={"net": {"Allowlist": [NEVER]}}), stdout=subprocess.PIPE)
    process.stdout.readline()
    true(proxies() and proxies("kastellan-names"), "control: a proxy")
    process.kill()
    process.wait()
    stage.until(lambda: not stage.processes(), 20, "somebody lives on")
    stage.until(lambda: not os.listdir(stage.TEMPORARY), 30, "a directory is left")


@each
def test_a_proxy_that_is_in_no_sandbox_serves_nobody(backend):
    """Started by something that is no sandbox-exec: it looks for itself."""
    stub = "/Users/ada/egress"
    with open(stub, "w") as file:
        file.write("#!/usr/bin/sh\nexit 3\n")
    os.chmod(stub, 0o755)
    done = run(backend, ["/usr/bin/true"], policy={"net": {"Allowlist": [NEVER]}},
               env={"KASTELLAN_EGRESS": stub})
    equal((done.code, done.outcome, done.step), (125, "setup", "egress"), done)
    done = run(backend, ["/usr/bin/true"], policy={"net": {"Allowlist": [NEVER]}},
               env={"KASTELLAN_EGRESS": "/no/such"})
    equal((done.code, done.step), (125, "egress"), done)
    true(b"/no/such" in done.err and b"KASTELLAN_EGRESS" in done.err, done)
    alone = subprocess.run([stage.EGRESS], pass_fds=(), capture_output=True, check=False, timeout=20)
    equal(alone.returncode, 1, f"without a sandbox: {alone}")
    os.unlink(stub)


def test_an_owner_that_dies_amid_a_message():
    """The rest of it never comes, and the hang-up must not be waited for again and again."""
    for part in (b"", struct.pack("=III", 3, 0, 2), struct.pack("=IIIIxx", 3, 0, 2, 0)):
        mine, its = socket.socketpair()
        process = subprocess.Popen(["/usr/bin/sandbox-exec", "-D", f"PROGRAM={stage.EGRESS}", "-p",
                                    "(version 1)\n(deny default)", stage.EGRESS],
                                   stderr=subprocess.PIPE, close_fds=False,
                                   preexec_fn=lambda theirs=its: os.dup2(theirs.fileno(), OWNER_SLOT))
        its.close()
        mine.sendall(part)
        mine.close()
        said = process.communicate(timeout=20)[1]
        equal((process.returncode, said), (1, b""), f"{len(part)} bytes")


def test_an_old_container_relays_no_socket():
    for version, code in (("1.0.0", 125), ("1.1.0", 0)):
        prepare(version)
        done = stage.run(["/usr/bin/true"], policy={**LIMITS, "net": {"Allowlist": [NEVER]}},
                         backend="container", degraded=CONTAINER_DEGRADED)
        equal(done.code, code, done)
        true(code == 0 or (b"1.1.0" in done.err and b"net" in done.err), done)


def test_the_proxy_alone():
    path = "/Users/ada/door"
    with Server() as server:
        with open("/Users/policy-of-it.json", "w") as file:
            json.dump({"net": {"Allowlist": [server.place]}}, file)
        process = subprocess.Popen([stage.KASTELLAN, "egress", "-p", "/Users/policy-of-it.json",
                                    "--listen", f"unix:{path}"], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        equal(process.stdout.readline(), f"listening on unix:{path}\n".encode(), "its word")
        done = subprocess.run(client(server.place, NEVER), capture_output=True, check=False, timeout=20,
                              env={"KASTELLAN_PROXY": f"unix:{path}",
                                   "ALL_PROXY": f"socks5h://localhost{path}"})
        equal(done.stdout, b"200 got hello\n403 \n", done)
        process.terminate()
        said = process.communicate(timeout=20)[1]
    equal(process.returncode, 0, said)
    true(b"1 connections" in said and b"1 denied" in said, said)
    true(not os.path.exists(path), "its socket")
