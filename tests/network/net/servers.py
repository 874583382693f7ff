# SPDX-License-Identifier: Apache-2.0
"""The servers: real ones where there is a real one, threads for what is a few lines."""

import ctypes
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time

from net import addresses, things
from stage import servers as simple
from stage.world import CLONE_NEWNET, CLONE_NEWNS, World, ip, libc, must

HERE = pathlib.Path(__file__).resolve().parent
PR_SET_PDEATHSIG = 1
READY = 20  # seconds that a server may take until it listens


class NotReady(Exception):
    pass


def mail(stream):
    """It speaks first, as SMTP does."""
    lines = stream.makefile("rb")
    stream.sendall(b"220 mail.example.com ready\r\n")
    for line in lines:
        word = line.split()[0].upper() if line.split() else b""
        if word == b"DATA":
            stream.sendall(b"354 go on\r\n")
            taken = sum(len(part) for part in iter(lines.readline, b".\r\n"))
            stream.sendall(b"250 taken %d\r\n" % taken)
        elif word == b"QUIT":
            stream.sendall(b"221 bye\r\n")
            return
        else:
            stream.sendall(b"250 fine\r\n")


def reverse(stream):
    """Answers when the other side has ended."""
    said = b"".join(simple.read_all(stream))
    stream.sendall(b"%d bytes: " % len(said) + said[:64].strip()[::-1] + b"\n")


def echo_datagrams(world):
    with World.socket(world.internet, kind=socket.SOCK_DGRAM) as server:
        server.bind((addresses.TALK, 7))
        while True:
            server.sendto(*server.recvfrom(2048))


def process(world, made, name, argv, own_run=None, **options):
    """own_run: a directory below /run that it wants, where it then has nobody else's."""
    def place():
        must(libc.prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0), "prctl")
        must(libc.setns(world.internet, CLONE_NEWNET), "setns")
        if own_run:
            must(libc.unshare(CLONE_NEWNS), "unshare")
            must(libc.mount(b"run", b"/run", b"tmpfs", 0, None), "mount /run")
            os.mkdir(own_run, 0o755)

    with open(made.directory / "logs" / name, "wb") as log:
        return subprocess.Popen(list(map(str, argv)), preexec_fn=place, stdin=subprocess.DEVNULL,
                                stdout=log, stderr=log, **options)


def database(world, made):
    """It wants to be nobody's root, and PDEATHSIG does not outlive a change of the user."""
    home = made.directory / "database"
    settings = {
        "listen_addresses": addresses.DATABASE, "unix_socket_directories": "", "fsync": "off",
        "ssl": "on", "ssl_cert_file": home / "db.pem", "ssl_key_file": home / "db.key",
        "shared_buffers": "1MB", "dynamic_shared_memory_type": "mmap", "autovacuum": "off"}
    flags = [f"--{name}={value}" for name, value in settings.items()]
    return process(world, made, "database", [
        "setpriv", f"--reuid={things.VISITOR}", f"--regid={things.VISITOR}", "--clear-groups",
        "--pdeathsig=KILL", made.database / "postgres", "-D", home / "cluster", *flags], cwd=home)


def wait_for(name, running, address, port, made):
    deadline = time.monotonic() + READY
    while time.monotonic() < deadline and running.poll() is None:
        try:
            socket.create_connection((address, port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    log = (made.directory / "logs" / name).read_text(errors="replace")
    raise NotReady(f"the server {name} does not listen: {log}")


def end(running):
    """Gently: a database ends its own processes then, which otherwise write on for a while."""
    for one in running:
        one.terminate()
    for one in running:
        try:
            one.wait(30)
        except subprocess.TimeoutExpired:
            one.kill()
            one.wait()


def start(world, made):
    """All of them, listening; what has to be ended with the run."""
    ip("".join(f"addr replace {address} dev lo {'nodad' if ':' in address else ''}\n"
               for address in (addresses.WEB6, addresses.ONLY6, *addresses.FORBIDDEN)),
       world.internet)
    for address, port, serve in (
            (addresses.TALK, 7, simple.echo), (addresses.TALK, 9, reverse),
            (addresses.MAIL, 25, mail), *((one, 9, reverse) for one in addresses.FORBIDDEN)):
        simple.Server(world.internet, address, port, serve)
    threading.Thread(target=echo_datagrams, args=(world,), daemon=True).start()
    web = [addresses.WEB, addresses.WEB6, addresses.ONLY6]
    shell = ["/usr/sbin/sshd", "-D", "-e", "-f", made.directory / "sshd.conf"]
    nginx = ["/usr/sbin/nginx", "-p", made.directory, "-c", made.directory / "nginx.conf"]
    keys = made.directory / "keys"
    http3 = ["/usr/sbin/gtlsserver", "-q", "-d", made.directory / "site", addresses.NGINX, 443,
             keys / "nginx.key", keys / "nginx.pem"]
    waiting = [
        ("web", process(world, made, "web", ["node", HERE / "web.js", made.directory, *web]),
         addresses.ONLY6, 80),
        ("shell", process(world, made, "shell", shell, "/run/sshd", env={"PATH": os.defpath}),
         addresses.SHELL, 22),
        ("nginx", process(world, made, "nginx", nginx), addresses.NGINX, 443),
        ("database", database(world, made), addresses.DATABASE, 5432)]
    for name, running, address, port in waiting:
        wait_for(name, running, address, port, made)
    return [process(world, made, "http3", http3), *(running for _, running, _, _ in waiting)]
