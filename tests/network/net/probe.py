# SPDX-License-Identifier: Apache-2.0
"""What a worker may try: probe.py ACT ARGUMENT... One word of what became of it."""

import errno
import socket
import ssl
import struct
import sys

MSG_FASTOPEN = 0x20000000
DOOR = ("127.0.0.1", 1080)


def refuse(number, text):
    raise OSError(number, text)


def talk(stream):
    """The server answers what it was told, when this side has ended."""
    stream.settimeout(8)
    stream.sendall(b"probe")
    stream.shutdown(socket.SHUT_WR)
    answer = b"".join(iter(lambda: stream.recv(64), b""))
    if answer != b"5 bytes: eborp\n":
        refuse(errno.EPROTO, f"answered {answer!r}")


def connect(host, port):
    with socket.create_connection((host, int(port)), 8) as stream:
        talk(stream)


def fastopen(address, port):
    """Connects by sending. Python's own timeout would make the socket one that does not block."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as stream:
        for side in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            stream.setsockopt(socket.SOL_SOCKET, side, struct.pack("ll", 8, 0))
        stream.sendto(b"probe", MSG_FASTOPEN, (address, int(port)))
        stream.shutdown(socket.SHUT_WR)
        if stream.recv(64) != b"5 bytes: eborp\n":
            refuse(errno.EPROTO, "another answer")


def over(protocol, address, port):
    """A connection by another protocol than TCP, which it is like; the address by its number."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, int(protocol)) as stream:
        stream.settimeout(8)
        stream.connect((address, int(port)))
        stream.sendall(b"probe")
        if stream.recv(64) != b"5 bytes: eborp\n":
            refuse(errno.EPROTO, "another answer")


def datagram(host, port):
    family, kind, protocol, _, where = socket.getaddrinfo(host, int(port), socket.AF_INET,
                                                          socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, protocol) as sender:
        sender.settimeout(2)
        sender.connect(where)
        sender.send(b"ping")
        if sender.recv(16) != b"ping":
            refuse(errno.EPROTO, "another answer")


def ping(address):
    """An echo of ICMP, by the socket that needs no privilege."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as sender:
        sender.settimeout(2)
        sender.sendto(struct.pack("!BBHHH", 8, 0, 0, 0, 1) + b"probe", (address, 0))
        if sender.recv(64)[0] != 0:
            refuse(errno.EPROTO, "no echo")


def question(name, kind):
    """name: \\xNN for any byte, and "/" between the labels where one has a dot in it."""
    text = name.encode().decode("unicode_escape").encode("latin-1")
    labels = text.split(b"/" if b"/" in text else b".")
    wire = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    return struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + wire + struct.pack("!HH", kind, 1)


def ask(name, kind="1", server="9.9.9.53", way="udp"):
    """A question of its own making; an answer with no address in it is a refusal."""
    message = question(name, int(kind))
    with socket.socket(type=socket.SOCK_DGRAM if way == "udp" else socket.SOCK_STREAM) as asking:
        asking.settimeout(3)
        asking.connect((server, 53))
        asking.send(message if way == "udp" else struct.pack("!H", len(message)) + message)
        reply = asking.recv(4096)
    code, answers = reply[3 if way == "udp" else 5] & 15, struct.unpack_from(
        "!H", reply, 6 if way == "udp" else 8)[0]
    if code or not answers:
        refuse(errno.ENOENT, f"code {code}, {answers} answers")


def lookup(name):
    socket.getaddrinfo(name, 1)


def read_head(stream):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        part = stream.recv(1)
        if not part:
            refuse(errno.ECONNRESET, "no answer")
        head += part
    return head


def through_connect(target, extra=""):
    """target and further lines with \\xNN for any byte."""
    request = f"CONNECT {target} HTTP/1.1\\r\\n{extra}\\r\\n"
    with socket.create_connection(DOOR, 8) as stream:
        stream.settimeout(8)
        stream.sendall(request.encode().decode("unicode_escape").encode("latin-1"))
        status = read_head(stream).split()[1]
        if status != b"200":
            refuse(errno.EACCES, status.decode())
        talk(stream)


def through_socks(host, port):
    name = host.encode().decode("unicode_escape").encode("latin-1")
    with socket.create_connection(DOOR, 8) as stream:
        stream.settimeout(8)
        stream.sendall(b"\5\1\0\5\1\0\3" + bytes([len(name)]) + name + struct.pack("!H", int(port)))
        if stream.recv(2, socket.MSG_WAITALL) != b"\5\0":
            refuse(errno.EPROTO, "no method")
        reply = stream.recv(10, socket.MSG_WAITALL)
        if reply[1:2] != b"\0":
            refuse(errno.EACCES, f"reply {reply!r}")
        talk(stream)


def second_request(target, other):
    """What comes after the first request is the server's, whatever it looks like."""
    with socket.create_connection(DOOR, 8) as stream:
        stream.settimeout(8)
        smuggled = f"CONNECT {other} HTTP/1.1\r\n\r\n".encode()
        stream.sendall(f"CONNECT {target} HTTP/1.1\r\n\r\n".encode() + smuggled)
        read_head(stream)
        back = stream.recv(len(smuggled), socket.MSG_WAITALL)
        if back != smuggled:
            refuse(errno.EPROTO, f"not the echo: {back!r}")


def greet(host, name, trusted):
    """TLS with another name than the host's; name "": with none."""
    context = ssl.create_default_context(cafile=trusted)
    context.check_hostname = False
    with socket.create_connection((host, 443), 8) as stream:
        with context.wrap_socket(stream, server_hostname=name or None) as secure:
            secure.sendall(b"GET / HTTP/1.0\r\nHost: x\r\n\r\n")
            print(secure.recv(4096).decode().splitlines()[-1])


ACTS = (connect, fastopen, over, datagram, ping, ask, lookup, through_connect, through_socks,
        second_request, greet)


def main():
    try:
        {act.__name__: act for act in ACTS}[sys.argv[1]](*sys.argv[2:])
    except socket.gaierror as error:
        print("denied: no such name", error)
    except TimeoutError:
        print("denied: ETIMEDOUT")
    except OSError as error:
        print("denied:", errno.errorcode.get(error.errno, error), error)
    else:
        print("allowed")


main()
