#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An emulator without a machine: hands its end of the channel to the test that waits at a socket,
so that the test itself is the guest.

usage: stand_in.py SOCKET                 waits until it is ended
       stand_in.py SOCKET WORDS N         prints the words and exits with status N
       stand_in.py SOCKET --vsock PATH    hands over the connections that Firecracker would make for
                                          its guest, to the sockets beside PATH, and waits
"""
import os
import socket
import sys

CHANNEL = 8

listed = sorted(map(int, os.listdir("/proc/self/fd")))
# The one that listed them is closed again.
about = [fd for fd in listed if os.path.lexists(f"/proc/self/fd/{fd}")]
connections = []
if sys.argv[2:3] == ["--vsock"]:
    for port in (1024, 1025):
        connections.append(socket.socket(socket.AF_UNIX))
        if connections[-1].connect_ex(f"{sys.argv[3]}_{port}"):
            connections.pop()
with socket.socket(socket.AF_UNIX) as door:
    door.connect(sys.argv[1])
    socket.send_fds(door, [repr((os.getpid(), about, dict(os.environ))).encode()],
                    [one.fileno() for one in connections] or [CHANNEL])
for one in connections:
    one.close()
if not connections:
    os.close(CHANNEL)
elif len(sys.argv) == 4:
    sys.argv[2:] = []
if len(sys.argv) > 2:
    print(sys.argv[2], flush=True)
    os._exit(int(sys.argv[3]))
while True:
    os.read(0, 1) or __import__("time").sleep(1000)
