# SPDX-License-Identifier: Apache-2.0
"""The name server of the internet, which answers as a test likes; and the worker's questions."""

import socket
import struct
import threading

from stage.servers import Server, read_exactly
from stage.world import NAME_SERVER, World

A, NS, CNAME, SOA, PTR, TXT, AAAA, HTTPS, ANY = 1, 2, 5, 6, 12, 16, 28, 65, 255
NOERROR, SERVFAIL, NXDOMAIN = 0, 2, 3
MOST_ALIASES = 20  # in one answer, of names that lead to each other


def encode(name):
    labels = [label for label in name.split(".") if label]
    return b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"


def decode(message, at):
    labels = []
    while message[at]:
        if message[at] & 0xc0:
            rest, _ = decode(message, struct.unpack_from("!H", message, at)[0] & 0x3fff)
            return ".".join([*labels, rest] if rest else labels), at + 2
        labels.append(message[at + 1:at + 1 + message[at]].decode("latin-1"))
        at += 1 + message[at]
    return ".".join(labels), at + 1


def pack(found):
    """Type and data: of an address, or of the name that an address stands for."""
    if ":" in found:
        return AAAA, socket.inet_pton(socket.AF_INET6, found)
    if found[-1].isdigit():
        return A, socket.inet_pton(socket.AF_INET, found)
    return PTR, encode(found)


def alias(name):
    """Instead of a list of addresses: the name is another one's."""
    return [name + "."]


class NameServer:
    """names: name to list of what pack() takes, to an alias(), or to a function that is asked each
    time; None: no answer."""

    def __init__(self, namespace):
        self.names, self.asked = {}, []
        self._socket = World.socket(namespace, kind=socket.SOCK_DGRAM)
        self._socket.bind((NAME_SERVER, 53))
        threading.Thread(target=self._serve, daemon=True).start()
        Server(namespace, NAME_SERVER, 53, self._converse)

    def _converse(self, stream):
        """Over TCP, each message behind its size."""
        while size := stream.recv(2, socket.MSG_WAITALL):
            reply = self._reply(read_exactly(stream, int.from_bytes(size, "big")))
            if reply:
                stream.sendall(len(reply).to_bytes(2, "big") + reply)

    def _serve(self):
        while True:
            message, peer = self._socket.recvfrom(4096)
            reply = self._reply(message)
            if reply:
                self._socket.sendto(reply, peer)

    def _reply(self, message):
        name, end = decode(message, 12)
        kind, = struct.unpack_from("!H", message, end)
        self.asked.append((name.lower(), kind))
        found, records = self._follow(name.lower(), kind)
        if found is None:
            return None
        flags = 0x8180 | (NOERROR if found or records else NXDOMAIN)
        head = message[:2] + struct.pack("!HHHHH", flags, 1, len(records), 0, 0)
        answers = b"".join(encode(owner) + struct.pack("!HHIH", of_kind, 1, 0, len(data)) + data
                           for owner, of_kind, data in records)
        return head + message[12:end + 4] + answers

    def _follow(self, name, kind):
        """What the name has in the end, and the records on the way there and of it."""
        records = []
        found = self.names.get(name, ())
        while isinstance(found, list) and found and found[0].endswith(".") and \
                len(records) < MOST_ALIASES:
            records.append((name, CNAME, encode(found[0])))
            name = found[0].rstrip(".")
            found = self.names.get(name, ())
        if callable(found):
            found = found(kind)
        for one in () if found is None or found and found[0].endswith(".") else found:
            of_kind, data = pack(one)
            if of_kind == kind:
                records.append((name, kind, data))
        return found, records


def question(name, kind, identity=0x1234):
    return struct.pack("!HHHHHH", identity, 0x0100, 1, 0, 0, 0) + encode(name) + \
        struct.pack("!HH", kind, 1)


class Reply:
    def __init__(self, message):
        self.identity, flags, n_questions, n_answers, _, _ = struct.unpack_from("!HHHHHH", message)
        self.code, self.addresses = flags & 15, []
        at = 12
        for _ in range(n_questions):
            at = decode(message, at)[1] + 4
        for _ in range(n_answers):
            at = decode(message, at)[1]
            kind, _, _, size = struct.unpack_from("!HHIH", message, at)
            data = message[at + 10:at + 10 + size]
            if kind in (A, AAAA):
                family = socket.AF_INET if kind == A else socket.AF_INET6
                self.addresses.append(socket.inet_ntop(family, data))
            elif kind == PTR:
                self.addresses.append(decode(message, at + 10)[0])
            at += 10 + size


def ask(namespace, name, kind=A, server="8.8.8.8", tcp=False):
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with World.socket(namespace, family,
                      socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as asking:
        asking.settimeout(5)
        # A connected datagram socket hears of no other address than the one it asked.
        asking.connect((server, 53))
        message = question(name, kind)
        if not tcp:
            asking.send(message)
            return Reply(asking.recv(4096))
        asking.sendall(struct.pack("!H", len(message)) + message)
        size, = struct.unpack("!H", read_exactly(asking, 2))
        return Reply(read_exactly(asking, size))
