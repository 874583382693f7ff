# SPDX-License-Identifier: Apache-2.0
"""What a test is given: a jail with the sockets of one, a proxy, servers; all ended with it."""

import os
import pathlib
import socket
import struct
import time

from harness import check
from stage import names, proxy
from stage.servers import Server, family_of, read_exactly
from stage.world import World

PORTS = (80, 443, 5432, 8080)
IPV6_RECVPKTINFO = 49


class Context:
    def __init__(self, options, world, name_server):
        self.options, self.world, self.names = options, world, name_server.names
        self.asked = name_server.asked
        self.jail = world.jail()
        # A build with sanitizers has no filter.
        self.sanitized = b"__asan_init" in pathlib.Path(options.egress).read_bytes()
        self.left_jails, self._later, self._proxies = [], [], []

    # The jail.

    def listen(self, port, address="::", backlog=4096):
        """In the jail, for both families."""
        listener = World.socket(self.jail, family_of(address))
        if address == "::":
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind((address, port))
        listener.listen(backlog)
        self.later(listener.close)
        return listener

    def answer(self):
        """The socket of the responder."""
        responder = World.socket(self.jail, socket.AF_INET6, socket.SOCK_DGRAM)
        responder.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        responder.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
        responder.bind(("::", 53))
        self.later(responder.close)
        return responder

    def sockets(self, ports=PORTS):
        """Those of a jail: the responder's, and a listener for each port."""
        return [(proxy.DNS_UDP, self.answer()), (proxy.DNS_TCP, self.listen(53)),
                *((proxy.TCP, self.listen(port)) for port in ports)]

    def sockets_again(self):
        """For a second proxy, in a jail of its own: the first one is left behind."""
        self.left_jails.append(self.jail)
        self.jail = self.world.jail()
        return self.sockets()

    def another_jail(self):
        made = self.world.jail()
        self.left_jails.append(made)
        return made

    def own(self, made):
        """It ends with the test."""
        self._proxies.append(made)

    def connect(self, address, port, timeout=10):
        """As the worker does it."""
        stream = World.socket(self.jail, family_of(address))
        self.later(stream.close)
        stream.settimeout(timeout)
        stream.connect((address, port))
        return stream

    def ask(self, name, kind=names.A, **options):
        return names.ask(self.jail, name, kind, **options)

    def resolve(self, name, kind=names.A):
        reply = self.ask(name, kind)
        check.equal(reply.code, names.NOERROR, f"code of the answer for {name}")
        check.equal(len(reply.addresses), 1, f"addresses of {name}")
        return reply.addresses[0]

    def reach(self, name, port, timeout=10):
        """By name, as a program does that asks for its address first."""
        return self.connect(self.resolve(name), port, timeout)

    # The host and the internet.

    def serve(self, address, port, function):
        server = Server(self.world.internet, address, port, function)
        self.later(server.close)
        return server

    def serve_host(self, address, port, function):
        server = Server(None, address, port, function)
        self.later(server.close)
        return server

    def start(self, entries, sockets=None, ready=True, **options):
        made = proxy.Proxy(self.options.egress, entries,
                           self.sockets() if sockets is None else sockets,
                           resolver=self.options.names, **options)
        self._proxies.append(made)
        return made.ready() if ready else made

    # Judging.

    def speaks(self, stream, message=b"hello"):
        """There is an echo at the other end."""
        stream.sendall(message)
        check.equal(read_exactly(stream, len(message)), message, "the echo")

    def is_reset(self, stream, seconds=30):
        """Nothing comes but a reset: an end would pass for a whole answer."""
        stream.settimeout(seconds)
        try:
            got = stream.recv(1)
        except ConnectionResetError:
            return
        except TimeoutError:
            check.fail("the connection is still there")
        check.fail(f"expected a reset, received {got!r}")

    def refused(self, address, port):
        """The worker may see it at once, or after an early accept."""
        try:
            stream = self.connect(address, port)
        except ConnectionResetError:
            return
        self.is_reset(stream)

    def until(self, condition, what, seconds=30):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                check.fail(f"not within {seconds} s: {what}")
            time.sleep(0.01)

    # The end.

    def later(self, function, *arguments):
        self._later.append((function, arguments))

    def close(self):
        """What went wrong by the way."""
        problems = []
        for made in self._proxies:
            try:
                made.close()
                made.audit.end()
            except check.Failure as failure:
                problems.append(str(failure))
            problems += [f"not a line of the audit: {line!r}" for line in made.audit.problems]
            if made.process.returncode not in (0, 1, 3):  # 99: a sanitizer's
                problems.append(f"the proxy ended with {made.process.returncode}")
        while self._later:
            function, arguments = self._later.pop()
            try:
                function(*arguments)
            except OSError:
                pass
        for jail in (self.jail, *self.left_jails):
            os.close(jail)
        return problems


def reset(stream):
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.close()
