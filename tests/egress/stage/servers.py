# SPDX-License-Identifier: Apache-2.0
"""Servers of the internet, a thread for each connection."""

import contextlib
import hashlib
import select
import socket
import struct
import threading

from stage.world import World

FREEBIND = {socket.AF_INET: (socket.SOL_IP, 15), socket.AF_INET6: (socket.IPPROTO_IPV6, 78)}


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def read_all(stream, size=65536):
    while True:
        piece = stream.recv(size)
        if not piece:
            return
        yield piece


def read_exactly(stream, count):
    got = b""
    while len(got) < count:
        piece = stream.recv(count - len(got))
        if not piece:
            raise EOFError(f"{len(got)} of {count} bytes")
        got += piece
    return got


def reset(stream):
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.close()


class Server:
    """Calls serve(stream) for each connection, and closes it then."""

    def __init__(self, namespace, address, port, serve, backlog=1024, protocol=0):
        self.serve, self.accepted, self.problems = serve, 0, []
        self.listener = listener_of(namespace, address, port, backlog, protocol)
        self._streams = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                stream, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            self._streams.add(stream)
            threading.Thread(target=self._one, args=(stream,), daemon=True).start()

    def _one(self, stream):
        try:
            self.serve(stream)
        except OSError as error:
            self.problems.append(error)
        finally:
            self._streams.discard(stream)
            stream.close()

    def close(self):
        # A thread in accept() keeps the socket alive until it is shut down.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for stream in list(self._streams):
            try:
                stream.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def echo(stream):
    for piece in read_all(stream):
        stream.sendall(piece)


def digest(stream):
    """Reads until the other side has ended, and answers then: a client that closes half."""
    seen = hashlib.sha256()
    for piece in read_all(stream):
        seen.update(piece)
    stream.sendall(seen.hexdigest().encode())


def banner(stream):
    """Speaks first."""
    stream.sendall(b"220 ready\r\n")
    echo(stream)


def silent(stream):
    """Neither reads nor writes until the other side is gone."""
    stream.settimeout(30)
    while stream.recv(1, socket.MSG_PEEK):
        threading.Event().wait(0.05)


def digest_many(listener):
    """The digest, a thread for each connection; never returns."""
    while True:
        stream, _ = listener.accept()
        threading.Thread(target=digest_one, args=(stream,), daemon=True).start()


def digest_one(stream):
    with stream, contextlib.suppress(OSError):
        digest(stream)


def echo_many(listener):
    """An echo for more connections than there can be threads; never returns."""
    listener.setblocking(False)
    streams, ready = {}, select.epoll()
    ready.register(listener, select.EPOLLIN)
    while True:
        for fd, _ in ready.poll():
            if fd == listener.fileno():
                stream, _ = listener.accept()
                streams[stream.fileno()] = stream
                ready.register(stream, select.EPOLLIN)
                continue
            piece = streams[fd].recv(65536)
            if piece:
                streams[fd].sendall(piece)
            else:
                streams.pop(fd).close()


def listener_of(namespace, address, port, backlog=1024, protocol=0):
    listener = World.socket(namespace, family_of(address), protocol=protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # A route makes whole ranges local here; bind() of IPv6 wants to hear that it is meant.
    listener.setsockopt(*FREEBIND[listener.family], 1)
    listener.bind((address, port))
    listener.listen(backlog)
    return listener
