# SPDX-License-Identifier: Apache-2.0
"""What a worker tries with a network: egress.py ACT ARGUMENT... One word of what became of it."""

import errno
import socket
import sys
import time


def talk(connected):
    """Both directions, and an end of each."""
    with connected:
        connected.settimeout(10)
        connected.sendall(b"ping")
        connected.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connected.recv(64):
            answer += part
    if answer != b"pong ping":
        raise ConnectionError(errno.EPROTO, f"answered {answer!r}")


def connect(host, port):
    talk(socket.create_connection((host, int(port)), 10))


def resolve(name, family="0"):
    began = time.monotonic()
    found = sorted({row[4][0] for row in socket.getaddrinfo(name, 1, int(family))})
    print(f"{' '.join(found)} after {time.monotonic() - began:.1f} s")


def through_connect(host, port, door="127.0.0.1:1080"):
    at, number = door.split(":")
    proxy = socket.create_connection((at, int(number)), 10)
    proxy.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        part = proxy.recv(1)
        if not part:
            raise ConnectionResetError(errno.ECONNRESET, "no answer")
        head += part
    status = head.split(b" ", 2)[1]
    if status != b"200":
        sys.stdout.write(head.decode() + proxy.recv(4096).decode())
        raise PermissionError(errno.EACCES, "refused")
    talk(proxy)


def through_socks(host, port):
    proxy = socket.create_connection(("127.0.0.1", 1080), 10)
    name = host.encode()
    proxy.sendall(b"\x05\x01\x00\x05\x01\x00\x03" + bytes([len(name)]) + name +
                  int(port).to_bytes(2, "big"))
    answer = b""
    while len(answer) < 12:
        part = proxy.recv(12 - len(answer))
        if not part:
            raise ConnectionResetError(errno.ECONNRESET, "no answer")
        answer += part
    if answer[3] != 0:
        raise PermissionError(errno.EACCES, f"refused with {answer[3]}")
    talk(proxy)


def serve(address, port):
    """The worker's own server, and its own client."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as server:
        server.bind((address, int(port)))
        server.listen()
        with socket.create_connection((address, server.getsockname()[1]), 10) as client:
            accepted, _ = server.accept()
            with accepted:
                client.sendall(b"x")
                if accepted.recv(1) != b"x":
                    raise ConnectionError(errno.EPROTO, "another byte")


def datagram(host, port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.settimeout(2)
        sender.connect((host, int(port)))
        sender.send(b"ping")
        if not sender.recv(16):
            raise ConnectionError(errno.EPROTO, "nothing")


def hold(host, port):
    """A connection that stays open until it ends, or standard input does."""
    with socket.create_connection((host, int(port)), 10) as connected:
        connected.sendall(b"hold")
        print("held", flush=True)
        connected.settimeout(20)
        if connected.recv(1):
            raise ConnectionError(errno.EPROTO, "a byte")
    raise ConnectionResetError(errno.ECONNRESET, "ended")


def many(host, port, count):
    """One connection; as many more when standard input ends, until the last one has."""
    connected = [socket.create_connection((host, int(port)), 10)]
    connected[0].sendall(b"hold")
    print("held", flush=True)
    sys.stdin.read()
    for _ in range(int(count)):
        connected.append(socket.create_connection((host, int(port)), 10))
        connected[-1].sendall(b"hold")
    connected[0].settimeout(20)
    if not connected[0].recv(1):
        raise ConnectionResetError(errno.ECONNRESET, "ended")


def stuff(host, port, count):
    """Sends on each of many connections until there is no room, and reads nothing."""
    connected = [socket.create_connection((host, int(port)), 10) for _ in range(int(count))]
    block = bytes(65536)
    for one in connected:
        one.setblocking(False)
    for _ in range(20):
        for one in connected:
            try:
                one.send(block)
            except BlockingIOError:
                pass
        time.sleep(0.02)
    print("stuffed", flush=True)
    sys.stdin.read()


ACTS = {act.__name__: act for act in (connect, resolve, through_connect, through_socks, serve,
                                      datagram, hold, many, stuff)}


def main():
    try:
        ACTS[sys.argv[1]](*sys.argv[2:])
    except socket.gaierror as error:
        print("denied:", {socket.EAI_NONAME: "NONAME", socket.EAI_AGAIN: "AGAIN",
                          socket.EAI_NODATA: "NODATA"}.get(error.errno, error))
        return 1
    except TimeoutError:
        print("denied: ETIMEDOUT")
        return 1
    except OSError as error:
        print("denied:", errno.errorcode.get(error.errno, error))
        return 1
    print("allowed")
    return 0


sys.exit(main())
