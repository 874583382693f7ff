# SPDX-License-Identifier: Apache-2.0
"""What a TLS client sends first."""

import hashlib
import os
import ssl
import struct
import subprocess
import tempfile

KEY_SHARE = 51
EARLY_DATA = b"\0\x2a\0\0"  # the extension: records of data follow at once


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
    finds, None for a greeting without one."""
    heard = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as both:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=test", "-keyout",
                        both.name, "-out", both.name + ".crt"], check=True, capture_output=True)
        context.load_cert_chain(both.name + ".crt", both.name)
        os.unlink(both.name + ".crt")
    context.sni_callback = lambda _socket, name, _context: heard.append(name)
    incoming = ssl.MemoryBIO()
    incoming.write(message)
    try:
        context.wrap_bio(incoming, ssl.MemoryBIO(), server_side=True).do_handshake()
    except ssl.SSLError:
        pass
    return heard


def without_key(message, more=b""):
    """The hello, so that a server of TLS 1.3 has to ask for another one with a key; and with more
    extensions."""
    body = message[9:]
    at = 35 + body[34]
    at += 2 + int.from_bytes(body[at:at + 2], "big")
    at += 1 + body[at]
    extensions, kept = body[at + 2:], b""
    while extensions:
        kind, size = struct.unpack(">HH", extensions[:4])
        data = b"\0\0" if kind == KEY_SHARE else extensions[4:4 + size]
        kept += struct.pack(">HH", kind, len(data)) + data
        extensions = extensions[4 + size:]
    kept += more
    body = body[:at] + struct.pack(">H", len(kept)) + kept
    body = b"\1" + len(body).to_bytes(3, "big") + body
    return b"\x16\3\1" + struct.pack(">H", len(body)) + body


def retry():
    """A server's answer: say hello once more."""
    body = b"\3\3" + hashlib.sha256(b"HelloRetryRequest").digest() + b"\0\x13\x01\0\0\x0c" + \
        struct.pack(">HHH", 43, 2, 0x304) + struct.pack(">HHH", KEY_SHARE, 2, 23)
    body = b"\2" + len(body).to_bytes(3, "big") + body
    return b"\x16\3\3" + struct.pack(">H", len(body)) + body


def old_hello():
    """In the form of SSL 2, which has no room for a name."""
    ciphers = b"".join(b"\0" + code for code in (b"\xc0\x2f", b"\xc0\x30", b"\x00\x9c"))
    body = b"\x01\x03\x03" + struct.pack(">HHH", len(ciphers), 0, 32) + ciphers + bytes(32)
    return struct.pack(">H", 0x8000 | len(body)) + body
