# SPDX-License-Identifier: Apache-2.0
"""HTTP CONNECT and SOCKS5, over TCP and a unix socket, for programs that know of proxies."""

import os
import socket
import tempfile

from harness import check
from harness.discover import add, test
from stage import proxy, servers
from stage.servers import read_exactly


class Door:
    """A listener in the jail, or at a path; connect() gives a stream to it."""

    def __init__(self, t, unix):
        self.t = t
        if unix:
            self.path = os.path.join(tempfile.mkdtemp(dir="/tmp"), "door")
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(self.path)
            self.listener.listen(64)
        else:
            self.path, self.listener = None, t.listen(3128, "127.0.0.1")
        t.later(self.listener.close)

    def connect(self):
        if self.path is None:
            return self.t.connect("127.0.0.1", 3128)
        stream = socket.socket(socket.AF_UNIX)
        self.t.later(stream.close)
        stream.settimeout(10)
        stream.connect(self.path)
        return stream


def head(stream):
    got = b""
    while not got.endswith(b"\r\n\r\n"):
        got += read_exactly(stream, 1)
    return got.decode()


def refusal(stream):
    """Status and text, up to the end of the connection: an end, not a reset."""
    got = b"".join(servers.read_all(stream)).decode()
    return int(got.split()[1]), got


def tunnel(door, target, after=b""):
    stream = door.connect()
    stream.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode() + after)
    return stream


def socks(door, host, port, pieces=False):
    """The reply's code, and the stream."""
    stream = door.connect()
    name = host.encode()
    message = b"\x05\x01\x00" + b"\x05\x01\x00\x03" + bytes([len(name)]) + name + \
        port.to_bytes(2, "big")
    for piece in [bytes([byte]) for byte in message] if pieces else [message]:
        stream.sendall(piece)
    check.equal(read_exactly(stream, 2), b"\x05\x00", "the method")
    reply = read_exactly(stream, 10)
    return reply[1], stream


def connect_door(t, unix):
    t.names["api.example.com"] = ["9.9.9.10"]
    t.serve("9.9.9.10", 443, servers.echo)
    door = Door(t, unix)
    started = t.start(["api.example.com:443", "9.9.9.10:443"], [(proxy.DOOR, door.listener)])
    stream = tunnel(door, "api.example.com:443", b"early")
    check.true(" 200 " in head(stream), "the answer")
    check.equal(read_exactly(stream, 5), b"early", "bytes that came with the request")
    t.speaks(stream)
    stream = tunnel(door, "9.9.9.10:443")
    check.true(" 200 " in head(stream), "the answer for an address")
    t.speaks(stream)
    line = started.audit.wait(ev="connect", host="api.example.com")
    check.equal((line["via"], line["ip"]), ("connect", "9.9.9.10"), "the audit")


def connect_refused(t, unix):
    t.names["evil.example"] = ["10.77.0.5"]
    door = Door(t, unix)
    started = t.start(["api.example.com:443", "evil.example:443"], [(proxy.DOOR, door.listener)])
    status, text = refusal(tunnel(door, "other.example.com:443", b"x" * 100000))
    check.equal(status, 403, "an unlisted host")
    check.contains(text, '"other.example.com:443"', "host_not_allowed")
    status, text = refusal(tunnel(door, "api.example.com:80"))
    check.contains(text, "port_not_allowed", '"api.example.com:80"')
    status, text = refusal(tunnel(door, "evil.example:443"))
    check.contains(text, "address_forbidden", '"10.77.0.5:443"')
    for target in ("127.1:443", "0x7f.1:443", "user@api.example.com:443", "api..example.com:443",
                   "api.example.com:65616", "2130706433:443"):
        check.equal(refusal(tunnel(door, target))[0], 400, target)
    stream = door.connect()
    stream.sendall(b"GET http://api.example.com/ HTTP/1.1\r\n\r\n")
    check.equal(refusal(stream)[0], 405, "GET")
    stream = door.connect()
    stream.sendall(b"CONNECT api.example.com:443 HTTP/1.1\r\nX: " + b"y" * 9000)
    check.equal(refusal(stream)[0], 431, "a long head")
    stream = door.connect()
    stream.sendall(b"CONNECT api.exam")
    stream.shutdown(socket.SHUT_WR)
    check.equal(refusal(stream)[0], 400, "half a request")
    started.audit.wait(ev="connect", verdict="deny", count=12)
    check.equal({line["reason"] for line in started.audit.find(verdict="deny")},
                {"host_not_allowed", "port_not_allowed", "address_forbidden", "bad_name",
                 "bad_request"}, "the audit")
    check.equal(started.audit.find(verdict="allow"), [], "what is allowed")


def socks_door(t, unix):
    t.names["api.example.com"] = ["9.9.9.10"]
    t.serve("9.9.9.10", 443, servers.echo)
    door = Door(t, unix)
    started = t.start(["api.example.com:443"], [(proxy.DOOR, door.listener)])
    for pieces in (False, True):
        code, stream = socks(door, "api.example.com", 443, pieces)
        check.equal(code, 0, "the reply")
        t.speaks(stream)
    check.equal(socks(door, "other.example.com", 443)[0], 2, "an unlisted host")
    check.equal(socks(door, "api.example.com", 80)[0], 2, "another port")
    stream = door.connect()
    stream.sendall(b"\x05\x01\x02")
    check.equal(b"".join(servers.read_all(stream)), b"\x05\xff", "authentication alone")
    stream = door.connect()
    stream.sendall(b"\x05\x01\x00\x05\x03\x00\x01\x09\x09\x09\x09\x00\x50")
    check.equal(b"".join(servers.read_all(stream))[2:4], b"\x05\x07", "UDP ASSOCIATE")
    check.equal(started.audit.wait(ev="connect", verdict="allow")["via"], "socks5", "the audit")


def dead_target(t, unix):
    t.names["closed.example"] = ["9.9.9.12"]
    t.names["hole.example"] = ["9.9.8.1"]
    door = Door(t, unix)
    t.start(["closed.example:80", "hole.example:80", "nowhere.example:80"],
            [(proxy.DOOR, door.listener)], connect_ms=700)
    for name in ("closed.example", "hole.example", "nowhere.example"):
        check.equal(refusal(tunnel(door, f"{name}:80"))[0], 502, name)
        check.equal(socks(door, name, 80)[0], 4, name)


for kind, is_unix in (("TCP", False), ("unix", True)):
    for what, function in (("CONNECT to what is allowed", connect_door),
                           ("CONNECT to what is not says why", connect_refused),
                           ("SOCKS5", socks_door),
                           ("a target that does not answer is told apart", dead_target)):
        add(f"{what}, {kind} door",
            lambda t, function=function, is_unix=is_unix: function(t, is_unix), __name__)


@test("the guard looks into a tunnel, too")
def guarded_door(t):
    from stage.tls import hello  # pylint: disable=import-outside-toplevel
    t.names["api.example.com"] = ["9.9.9.10"]
    server = t.serve("9.9.9.10", 443, servers.echo)
    door = Door(t, False)
    started = t.start(["api.example.com:443"], [(proxy.DOOR, door.listener)],
                      flags=proxy.FLAG_SNI)
    stream = tunnel(door, "api.example.com:443")
    check.true(" 200 " in head(stream), "the answer")
    t.speaks(stream, hello("api.example.com"))
    stream = tunnel(door, "api.example.com:443")
    head(stream)
    stream.sendall(hello("other.example.com"))
    t.is_reset(stream)
    started.audit.wait(ev="connect", verdict="deny", reason="sni_mismatch")
    t.until(lambda: server.accepted == 2, "the server was dialled twice")
