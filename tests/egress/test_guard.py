# SPDX-License-Identifier: Apache-2.0
"""TLS to a name has to name it."""

import contextlib
import socket
import time

from harness import check
from harness.discover import test
from stage import proxy, servers
from stage.servers import read_exactly
from stage.tls import EARLY_DATA, hello, names_heard, old_hello, retry, without_key

NAME = "api.example.com"


def begin(t, serve=servers.echo, flags=proxy.FLAG_SNI, entries=(f"{NAME}:443", f"{NAME}:80"),
          **options):
    t.names[NAME] = ["9.9.9.10"]
    server = t.serve("9.9.9.10", 443, serve)
    return server, t.start(list(entries), flags=flags, **options)


@test("the name of the destination passes, in any case, whole and byte by byte")
def match(t):
    _, started = begin(t)
    for name in (NAME, "API.Example.COM"):
        t.speaks(t.reach(NAME, 443), hello(name))
    stream = t.reach(NAME, 443)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    message = hello(NAME)
    for byte in message:
        stream.sendall(bytes([byte]))
    check.equal(read_exactly(stream, len(message)), message, "the echo")
    t.speaks(stream)
    line = started.audit.wait(ev="connect", verdict="allow", count=3)
    check.equal((line["sni"], line["ip"]), (NAME, "9.9.9.10"), "the audit")
    t.until(lambda: len(started.audit.find(ev="connect")) == 3, "decisions")


@test("another name is reset, and no byte of it reaches the server")
def mismatch(t):
    seen = []

    def note(stream):
        for piece in servers.read_all(stream):
            seen.append(piece)

    _, started = begin(t, note)
    for pieces in (1, 7, 100000):
        stream = t.reach(NAME, 443)
        message = hello("evil.example.com")
        for at in range(0, len(message), pieces):
            try:
                stream.sendall(message[at:at + pieces])
            except OSError:
                break
        t.is_reset(stream)
    line = started.audit.wait(ev="connect", verdict="deny", count=3)
    check.equal((line["reason"], line["host"], line["sni"]),
                ("sni_mismatch", NAME, "evil.example.com"), "the audit")
    check.equal(seen, [], "what the server saw")
    check.equal(started.audit.find(ev="connect", verdict="allow"), [], "what was allowed")
    # The control: without the guard it goes through.
    begin_again = t.start([f"{NAME}:443"], t.sockets_again())
    stream = t.reach(NAME, 443)
    stream.sendall(hello("evil.example.com"))
    t.until(lambda: b"".join(seen) == hello_like(seen), "the bytes arrive without the guard")
    begin_again.audit.wait(ev="connect", verdict="allow")


def hello_like(seen):
    return b"".join(seen) if b"evil.example.com" in b"".join(seen) else None


@test("no name, half a hello and garbage in one are reset")
def missing(t):
    server, started = begin(t, servers.silent)
    stream = t.reach(NAME, 443)
    stream.sendall(hello(None))
    t.is_reset(stream)
    stream = t.reach(NAME, 443)
    stream.sendall(hello(NAME)[:60])
    stream.shutdown(socket.SHUT_WR)
    t.is_reset(stream)
    stream = t.reach(NAME, 443)
    stream.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\xff\xff" + b"\xff" * 506)
    t.is_reset(stream)
    started.audit.wait(ev="connect", verdict="deny", reason="sni_missing", count=3)
    t.until(lambda: server.accepted == 3, "the server was dialled meanwhile")


@test("what servers pass over before a hello hides none")
def hidden(t):
    evil, seen = "evil.example.com", []
    # The control: with these a server hears the other name, or is asked for none.
    empty_first = b"\x16\x03\x01\0\0" + hello(evil)
    check.equal(names_heard(hello(evil)), [evil], "a server")
    check.equal(names_heard(empty_first), [evil], "a server, behind an empty record")
    check.equal(names_heard(old_hello()), [None], "a server, of a hello of SSL 2")
    warning_first = b"\x15\x03\x01\0\2\1\x5a" + hello(evil)  # as Go's servers do
    strange_version = b"\x16\x02\x01" + hello(evil)[3:]  # as wolfSSL's do

    def note(stream):
        seen.extend(servers.read_all(stream))

    _, started = begin(t, note)
    for message in (empty_first, old_hello(), warning_first, strange_version):
        stream = t.reach(NAME, 443)
        stream.sendall(message)
        t.is_reset(stream)
    started.audit.wait(ev="connect", verdict="deny", reason="sni_missing", count=4)
    check.equal(seen, [], "what the server saw")


@test("a second hello that the server asks for has to have the same name")
def again(t):
    evil, change = "evil.example.com", b"\x14\3\3\0\1\1"
    first, good, bad = without_key(hello(NAME)), hello(NAME), hello(evil)
    # The control: a server goes by the second one.
    check.equal(names_heard(first + bad), [NAME, evil], "what a server hears")
    heard = []

    def ask_again(stream):
        heard.append([read_exactly(stream, len(first))])
        time.sleep(0.1)
        answer = retry()
        stream.sendall(answer[:20])
        time.sleep(0.1)
        stream.sendall(answer[20:])
        heard[-1] += servers.read_all(stream)

    _, started = begin(t, ask_again)
    for parts in ([first + bad], [first + change + bad], [first, bad], [first, change, bad],
                  [first, change + change + good], [first + b"\x17\3\3\0\1\1" + bad]):
        stream = t.reach(NAME, 443)
        stream.sendall(parts.pop(0))
        try:
            check.equal(read_exactly(stream, len(retry())), retry(), "the answer")
            for part in parts:
                stream.sendall(part)
        except ConnectionResetError:
            check.equal(parts, [], "what was not sent yet")
            continue  # it had said all before the answer came
        t.is_reset(stream)
    check.equal([b"".join(pieces) == first for pieces in heard], [True] * 6, "no server saw more")
    t.until(lambda: len(started.audit.find(ev="connect", verdict="deny")) == 6, "denials")
    for parts in ([first + good], [first, change, good + b"more"]):
        stream = t.reach(NAME, 443)
        for part in parts:
            stream.sendall(part)
        check.equal(read_exactly(stream, len(retry())), retry(), "the answer")
        stream.shutdown(socket.SHUT_WR)
        t.until(lambda parts=parts: b"".join(heard[-1]) == b"".join(parts), "all arrives")


@test("early data that a server did not take does not hide the second hello")
def early_data_again(t):
    change, good, bad = b"\x14\3\3\0\1\1", hello(NAME), hello("evil.example.com")
    plain, first = without_key(hello(NAME)), without_key(hello(NAME), EARLY_DATA)
    data = b"\x17\3\3\x40\x11" + bytes(0x4011) + b"\x17\3\3\0\x20" + bytes(0x20)
    heard = []

    def ask_again(stream):
        size = len(first if len(heard) else plain)
        heard.append([read_exactly(stream, size)])
        stream.sendall(retry())
        heard[-1] += servers.read_all(stream)

    _, started = begin(t, ask_again)
    # Who did not offer any has none: that it would be passed over is nobody's word.
    for number, parts in enumerate(([plain, data + good], [first, change + data + bad],
                                    [first, data, change + bad], [first, data * 8 + good])):
        stream = t.reach(NAME, 443)
        stream.sendall(parts[0])
        check.equal(read_exactly(stream, len(retry())), retry(), "the answer")
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            for part in parts[1:]:
                stream.sendall(part)
        t.is_reset(stream)
        t.until(lambda number=number: len(started.audit.find(ev="connect", verdict="deny")) ==
                number + 1, "the denial")
        check.true(not b"".join(heard[number]).endswith((good, bad)), "no second hello arrives")
    for pieces in (1, 700):
        rest = change + data + good + b"more"
        stream = t.reach(NAME, 443)
        stream.sendall(first)
        check.equal(read_exactly(stream, len(retry())), retry(), "the answer")
        for at in range(0, len(rest), len(rest) // pieces):
            stream.sendall(rest[at:at + len(rest) // pieces])
        stream.shutdown(socket.SHUT_WR)
        t.until(lambda rest=rest: b"".join(heard[-1]) == first + rest, "all arrives")


@test("behind the server's answer nobody looks, and before it nothing passes")
def early(t):
    seen = []

    def answer(stream):
        seen.append(read_exactly(stream, len(hello(NAME))))
        time.sleep(0.2)
        stream.settimeout(0.1)
        try:
            seen.append(stream.recv(100))
        except TimeoutError:
            seen.append(None)
        stream.settimeout(10)
        stream.sendall(b"\x16\3\3\0\x40\2\0\0\x3c\3\3" + bytes(58))
        servers.echo(stream)

    begin(t, answer)
    stream = t.reach(NAME, 443)
    stream.sendall(hello(NAME) + b"early")
    check.equal(read_exactly(stream, 69 + 5)[69:], b"early", "the echo")
    check.equal(seen[1:], [None], "what came before the answer")
    t.speaks(stream, hello("evil.example.com"))


@test("what is no TLS passes, and so does whatever the server says first")
def other_protocols(t):
    begin(t, servers.banner)
    stream = t.reach(NAME, 443)
    check.equal(read_exactly(stream, 11), b"220 ready\r\n", "the server's first line")
    t.speaks(stream, b"SSH-2.0-x\r\n")
    t.speaks(stream, hello("evil.example.com"))  # behind the first bytes nobody looks


@test("a half hello is held back while the server speaks")
def held(t):
    seen = []

    def talk(stream):
        for number in range(5):
            stream.sendall(b"%d" % number)
            time.sleep(0.02)
        seen.append(read_exactly(stream, 1))

    begin(t, talk)
    stream = t.reach(NAME, 443)
    message = hello(NAME)
    stream.sendall(message[:80])
    check.equal(read_exactly(stream, 5), b"01234", "the server's words")
    check.equal(seen, [], "nothing went up")
    stream.sendall(message[80:])
    t.until(lambda: seen == [message[:1]], "the hello arrives when it is whole")


@test("other ports, and addresses that are entries, are not looked at")
def elsewhere(t):
    begin(t, entries=[f"{NAME}:80", "9.9.9.10:443"])
    t.serve("9.9.9.10", 80, servers.echo)
    t.speaks(t.reach(NAME, 80), hello("evil.example.com"))
    t.speaks(t.connect("9.9.9.10", 443), hello("evil.example.com"))


@test("an urgent byte inside of a hello is a part of it, for the guard as for the server")
def urgent_hello(t):
    """Left out by the one and passed on by the other, it would let one hello be two."""
    seen = []

    def note(stream):
        for piece in servers.read_all(stream):
            seen.append(piece)

    _, started = begin(t, note)
    message = hello(NAME)
    for cut in (5, 60, len(message) - 20):
        stream = t.reach(NAME, 443)
        stream.sendall(message[:cut])
        stream.send(b"!", socket.MSG_OOB)
        try:
            stream.sendall(message[cut:])
            stream.send(b"!", socket.MSG_OOB)
            stream.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # found out already
    # In its place the byte breaks the hello, or is one of its bytes: never is it missing.
    t.until(lambda: len(started.audit.find(ev="connect")) == 3, "three decisions")
    time.sleep(0.2)
    check.true(message not in b"".join(seen), "the hello without the byte reached nobody")
    # The control: without it the hello passes.
    stream = t.reach(NAME, 443)
    stream.sendall(message)
    t.until(lambda: message in b"".join(seen), "the hello arrives")
