# SPDX-License-Identifier: Apache-2.0
"""The channel's frames, as a guest writes and reads them."""
import select
import socket
import struct

(HELLO, SETUP, SPEC, CONTROL, DATA, EOF, WINDOW, RESET, USAGE, OPEN, CLOSE, ASK,
 ANSWER) = range(1, 14)
SESSION, STDIN, STDOUT, STDERR = range(4)
MORE, CUT = 1, 2
FIRST = 16  # stream of the first connection
WINDOW_OUT, WINDOW_IN, WINDOW_NET = 1 << 20, 1 << 18, 1 << 16
MAX = 65536


def frame(kind, payload=b"", *, stream=SESSION, flags=0, length=None):
    return struct.pack("<IBBH", len(payload) if length is None else length, kind, flags,
                       stream) + payload


def control(kind, value=0, data=b""):
    return frame(CONTROL, struct.pack("=Ii", kind, value) + data)


def hello(version=2):
    return frame(HELLO, struct.pack("<I", version))


def place(address, port, number=0):
    """Where a connection or a question leads to."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    raw = socket.inet_pton(family, address)
    return bytes(16 - len(raw) - 2) + b"\xff\xff" + raw + struct.pack("=HH", port, number) \
        if len(raw) == 4 else raw + struct.pack("=HH", port, number)


class Reader:
    """Frames out of a socket."""

    def __init__(self, channel):
        self.channel = channel
        self.bytes = b""

    def take(self, timeout=10):
        """(type, flags, stream, payload); None at the end."""
        while True:
            if len(self.bytes) >= 8:
                length, kind, flags, stream = struct.unpack_from("<IBBH", self.bytes)
                if len(self.bytes) >= 8 + length:
                    payload = self.bytes[8:8 + length]
                    self.bytes = self.bytes[8 + length:]
                    return kind, flags, stream, payload
            if not select.select([self.channel], [], [], timeout)[0]:
                raise TimeoutError("no frame")
            try:
                more = self.channel.recv(1 << 18)
            except ConnectionResetError:
                more = b""
            if not more:
                return None
            self.bytes += more

    def is_quiet(self, seconds=0.2):
        return len(self.bytes) < 8 and not select.select([self.channel], [], [], seconds)[0]
