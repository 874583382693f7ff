# SPDX-License-Identifier: Apache-2.0
"""The process that keeps the internet: its namespaces, names and servers, for as long as the tests
run in a child. The servers are no descendants of the tests, which look for processes that were left
behind among their own."""

import os
import pathlib
import shutil
import signal
import sys
import tempfile

from net import servers, things
from net.addresses import NAMES
from stage import names
from stage.world import (CLONE_NEWNET, CLONE_NEWNS, MS_PRIVATE, MS_REC, NAME_SERVER, World,
                         bind_file, libc, must)

PLACE = "KASTELLAN_NETWORK_PLACE"  # tells the tests where their files are
CLONE_NEWIPC = 0x08000000
RESOLV = f"nameserver {NAME_SERVER}\noptions timeout:1 attempts:2\n"


class NameServer(names.NameServer):
    """Notes the names that it is asked for in a file, a line each."""

    def __init__(self, namespace, path):
        self.log = open(path, "w", encoding="utf-8", buffering=1)
        super().__init__(namespace)

    def _reply(self, message):
        print(repr(names.decode(message, 12)[0]), file=self.log)
        return super()._reply(message)


def is_there():
    return PLACE in os.environ


def place():
    """The directory of what the programs are given: certificates, keys, programs."""
    return pathlib.Path(os.environ[PLACE])


def host(directory):
    """This process is in the host from here on. The servers log in as a user who exists only
    here."""
    must(libc.unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC), "unshare")
    must(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "make / private")
    # ping without privilege, as most hosts allow it: the control of a test.
    pathlib.Path("/proc/sys/net/ipv4/ping_group_range").write_text("0 2147483647")
    passwd = pathlib.Path("/etc/passwd").read_text(encoding="utf-8")
    for path, content in (
            ("/etc/resolv.conf", RESOLV), ("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"),
            ("/etc/nsswitch.conf", "passwd: files\nhosts: files dns\n"),
            ("/etc/passwd", passwd + things.account(directory))):
        bind_file(path, content, directory)


def enter(keep):
    """Returns in a child, with everything there; the parent never does."""
    missing = things.missing()
    if missing:
        sys.exit(f"Bail out! not installed: {', '.join(missing)}; tools/install-packages check")
    directory = pathlib.Path(tempfile.mkdtemp(prefix="kastellan-network-", dir="/var/tmp"))
    directory.chmod(0o755)
    host(directory)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writer)
        if os.read(reader, 1) != b"y":
            os._exit(1)
        os.close(reader)
        os.environ[PLACE] = str(directory / "given")
        return
    os.close(reader)
    sys.exit(attend(child, directory, writer, keep))


def attend(child, directory, writer, keep):
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    running = []
    try:
        world = World()
        NameServer(world.internet, directory / "asked").names.update(NAMES)
        made = things.make(directory)
        running += servers.start(world, made)
        os.write(writer, b"y")
    except servers.NotReady as error:
        print(f"Bail out! {error}", flush=True)
    finally:
        os.close(writer)
        _, status = os.waitpid(child, 0)
        servers.end(running)
        if not keep:
            shutil.rmtree(directory, ignore_errors=True)
    return os.waitstatus_to_exitcode(status) & 0xff
