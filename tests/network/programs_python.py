# SPDX-License-Identifier: Apache-2.0
"""Python: its library, sockets as they are, and the two packages that most use."""

from net.addresses import TALK
from net.table import program

PYTHON = ["/usr/bin/python3", "-I", "-c"]
SITE = ["web.example.com:443"]
TRUST = {"SSL_CERT_FILE": "{given}/ca.pem"}

URLLIB = """
import urllib.request
with urllib.request.urlopen("https://web.example.com/") as answer:
    print(answer.status, answer.read().decode(), end="")
"""
REQUESTS = """
import requests
with requests.Session() as session:
    answer = session.get("https://web.example.com/")
    print(answer.status_code, answer.text, end="")
    print(session.post("https://web.example.com/sum", data=b"0" * 100000).text, end="")
"""
AIOHTTP = """
import asyncio, aiohttp
async def main():
    async with aiohttp.ClientSession() as session:
        async def one():
            async with session.get("https://web.example.com/") as answer:
                return answer.status, await answer.text()
        print(set(await asyncio.gather(*(one() for _ in range(8)))))
asyncio.run(main())
"""
HALF_CLOSE = """
import socket
with socket.create_connection(("talk.example.com", 9)) as stream:
    stream.sendall(b"abc" * 100000)
    stream.shutdown(socket.SHUT_WR)
    print(b"".join(iter(lambda: stream.recv(7), b"")).decode()[:21])
"""
STREAMS = """
import asyncio
async def main():
    reader, writer = await asyncio.open_connection("talk.example.com", 7, happy_eyeballs_delay=0.1)
    for word in (b"one\\n", b"two\\n"):
        writer.write(word)
        print((await reader.readline()).decode(), end="")
    writer.close()
asyncio.run(main())
"""
MAIL = """
import smtplib
with smtplib.SMTP("mail.example.com", local_hostname="client") as server:
    print(server.sendmail("a@example.com", ["b@example.com"], "Subject: one\\r\\n\\r\\ntext"))
    print(server.noop())
"""
# Not blocking, with an address: what libraries of other languages do on their own.
NONBLOCKING = f"""
import select, socket
stream = socket.socket()
stream.setblocking(False)
stream.connect_ex(("{TALK}", 7))
error = stream.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
print(len(select.select([], [stream], [], 5)[1]), error)
stream.send(b"x")
select.select([stream], [], [], 5)
print(stream.recv(9), stream.getpeername()[0])
"""
PEER = """
import socket
with socket.create_connection(("talk.example.com", 7)) as stream:
    stream.sendall(b"x")
    print(stream.recv(9), socket.gethostbyaddr(stream.getpeername()[0])[0],
          socket.getfqdn(stream.getpeername()[0]))
"""
MANY = """
import socket
streams = [socket.create_connection(("talk.example.com", 7)) for _ in range(100)]
for number, stream in enumerate(streams):
    stream.send(bytes([number]))
print(all(stream.recv(9) == bytes([number]) for number, stream in enumerate(streams)))
"""
SENDFILE = """
import socket
with socket.create_connection(("talk.example.com", 9)) as stream, \
        open("/usr/bin/python3", "rb") as file:
    print(stream.sendfile(file, 0, 1000000))
    stream.shutdown(socket.SHUT_WR)
    print(stream.recv(13, socket.MSG_WAITALL).decode())
"""
# What libraries of databases and of queues set before they connect.
OPTIONS = """
import socket, struct
stream = socket.socket(socket.AF_INET6)
for level, option, value in (
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10), (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
        (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 9000),
        (socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1),
        (socket.SOL_SOCKET, socket.SO_RCVBUF, 65536), (socket.IPPROTO_IPV6, socket.IPV6_TCLASS, 16),
        (socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 2))):
    stream.setsockopt(level, option, value)
stream.connect(("::ffff:%s", 7))
stream.send(b"x")
print(stream.recv(9), stream.getpeername()[0],
      len(stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 64)))
""" % TALK
DATABASE = """
import asyncio, struct, ssl
async def main():
    reader, writer = await asyncio.open_connection("db.example.com", 5432)
    writer.write(struct.pack("!II", 8, 80877103))
    print(await reader.readexactly(1))
    await writer.start_tls(ssl.create_default_context(), server_hostname="db.example.com")
    print(writer.get_extra_info("peercert")["subjectAltName"])
asyncio.run(main())
"""

PIP = ("d=$(mktemp -d); trap 'rm -rf $d' EXIT; "
       "/usr/bin/python3 $(echo /usr/share/python-wheels/pip-*.whl)/pip install -q "
       "--no-cache-dir --disable-pip-version-check --retries 0 --cert {given}/ca.pem "
       "--index-url https://web.example.com/pip/ --target $d greet; "
       "PYTHONPATH=$d /usr/bin/python3 -c 'import greet'")
EVENTS = """
import time, urllib.request
began = None
with urllib.request.urlopen("https://web.example.com/events") as answer:
    for line in answer:
        began = began or time.monotonic()
        print(line.decode().strip(), end=" ")
print("apart" if time.monotonic() - began > 0.2 else "at once")
"""

program("python: urllib", [*PYTHON, URLLIB], "200 HTTP/1.1 web.example.com web.example.com\n", SITE,
        env=TRUST)
program("python: a stream of events, each as it comes", [*PYTHON, EVENTS],
        "data: 1  data: 2  data: 3  data: 4  apart\n", SITE, env=TRUST)
program("pip install", ["sh", "-ec", PIP], "hello from pip\n", SITE, needs=["python3"],
        env={"PATH": "/usr/bin:/bin"}, mem_mb=128, cpu_ms=10000)
program("python: requests", ["/usr/bin/python3", "-c", REQUESTS],
        "200 HTTP/1.1 web.example.com web.example.com\n100000 1120a819\n", SITE,
        env={"REQUESTS_CA_BUNDLE": "{given}/ca.pem"}, cpu_ms=3000)
program("python: aiohttp, eight at once", ["/usr/bin/python3", "-c", AIOHTTP],
        "{(200, 'HTTP/1.1 web.example.com web.example.com\\n')}\n", SITE, env=TRUST, cpu_ms=3000)
program("python: a socket that is closed half", [*PYTHON, HALF_CLOSE], "300000 bytes: acbacba\n",
        ["talk.example.com:9"])
program("python: asyncio streams", [*PYTHON, STREAMS], "one\ntwo\n", ["talk.example.com:7"])
program("python: smtplib, where the server speaks first", [*PYTHON, MAIL],
        "{}\n(250, b'fine')\n", ["mail.example.com:25"])
program("python: a socket that does not block, to an address", [*PYTHON, NONBLOCKING],
        f"1 0\nb'x' {TALK}\n", [f"{TALK}:7"])
program("python: the name of a peer", [*PYTHON, PEER], "b'x' talk.example.com talk.example.com\n",
        ["talk.example.com:7"])
program("python: a hundred connections", [*PYTHON, MANY], "True\n", ["talk.example.com:7"])
program("python: sendfile", [*PYTHON, SENDFILE], "1000000\n1000000 bytes\n", ["talk.example.com:9"])
program("python: options of TCP, and an IPv4 address in an IPv6 socket", [*PYTHON, OPTIONS],
        f"b'x' ::ffff:{TALK} 64\n", [f"{TALK}:7"])
program("python: TLS in the middle of a stream", [*PYTHON, DATABASE],
        "b'S'\n(('DNS', 'db.example.com'),)\n", ["db.example.com:5432"], env=TRUST)
