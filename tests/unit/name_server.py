# SPDX-License-Identifier: Apache-2.0
"""A name server for tests, over UDP and TCP, that answers as it is told and counts who asked."""

import ipaddress
import socket
import struct
import threading

A, AAAA = 1, 28
SILENT, SERVFAIL, NXDOMAIN, TRUNCATED = "silent", "servfail", "nxdomain", "truncated"


def question_of(packet):
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("ascii", "replace"))
        at += 1 + packet[at]
    return ".".join(labels).lower(), struct.unpack_from("!H", packet, at + 1)[0], packet[12:at + 5]


class NameServer:
    """zone: name -> a list of addresses, or one of the words above; others are NXDOMAIN."""

    def __init__(self, address="127.0.0.1", zone=None):
        self.zone = dict(zone or {})
        self.asked = []
        self.tcp_asked = []
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((address, 53))
        self.tcp = socket.create_server((address, 53))
        for serve in (self.serve_udp, self.serve_tcp):
            threading.Thread(target=serve, daemon=True).start()

    def answer(self, packet, tcp):
        name, kind, question = question_of(packet)
        (self.tcp_asked if tcp else self.asked).append((name, kind))
        found = self.zone.get(name, NXDOMAIN)
        if isinstance(found, tuple):  # TRUNCATED, [addresses]: those by TCP alone
            found = found[1] if tcp else TRUNCATED
        if found == SILENT:
            return None
        code = 2 if found == SERVFAIL else 3 if found == NXDOMAIN else 0
        records = []
        if isinstance(found, list):
            for address in map(ipaddress.ip_address, found):
                if (kind == A) == (address.version == 4) and kind in (A, AAAA):
                    records.append(struct.pack("!HHHIH", 0xc00c, kind, 1, 60,
                                               len(address.packed)) + address.packed)
        flags = 0x8180 | code | (0x0200 if found == TRUNCATED else 0)
        return packet[:2] + struct.pack("!HHHHH", flags, 1, len(records), 0, 0) + question + \
            b"".join(records)

    def serve_udp(self):
        while True:
            packet, sender = self.udp.recvfrom(4096)
            answer = self.answer(packet, False)
            if answer:
                self.udp.sendto(answer, sender)

    def serve_tcp(self):
        while True:
            peer, _ = self.tcp.accept()
            threading.Thread(target=self.serve_peer, args=(peer,), daemon=True).start()

    def serve_peer(self, peer):
        with peer, peer.makefile("rwb") as stream:
            while len(head := stream.read(2)) == 2:
                answer = self.answer(stream.read(struct.unpack("!H", head)[0]), True)
                if answer:
                    stream.write(struct.pack("!H", len(answer)) + answer)
                    stream.flush()
