# SPDX-License-Identifier: Apache-2.0
"""What a TLS client sends first."""

import ssl
import struct


def hello(name):
    """A ClientHello of the system's library; name None: without a server name."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def names_heard(message):
    """What the system's library, as a server, takes the bytes of a client for: the names that it
    finds, None for a greeting without one. It has no certificate, which it looks for only after
    that."""
    heard = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = lambda _socket, name, _context: heard.append(name)
    incoming = ssl.MemoryBIO()
    incoming.write(message)
    try:
        context.wrap_bio(incoming, ssl.MemoryBIO(), server_side=True).do_handshake()
    except ssl.SSLError:
        pass
    return heard


def old_hello():
    """In the form of SSL 2, which has no room for a name."""
    ciphers = b"".join(b"\0" + code for code in (b"\xc0\x2f", b"\xc0\x30", b"\x00\x9c"))
    body = b"\x01\x03\x03" + struct.pack(">HHH", len(ciphers), 0, 32) + ciphers + bytes(32)
    return struct.pack(">H", 0x8000 | len(body)) + body
