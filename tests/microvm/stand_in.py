#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An emulator without a machine: the test that waits for its file takes the end of the channel out of
this process, so that the test itself is the guest. It makes no socket, as an emulator may not, but
where it is asked to.

usage: stand_in.py FILE                 waits until it is ended
       stand_in.py FILE WORDS N         prints the words and exits with status N
       stand_in.py FILE --vsock PATH    instead of the channel it has the connections that Firecracker
                                        would make for its guest, to the sockets beside PATH; it tries
                                        sockets of other families, too
"""
import os
import socket
import sys
import time

CHANNEL = 9

listed = sorted(map(int, os.listdir("/proc/self/fd")))
# The one that listed them is closed again.
about = [fd for fd in listed if os.path.lexists(f"/proc/self/fd/{fd}")]
lent = [CHANNEL]
tried = {}


def attempt(family, kind):
    try:
        socket.socket(family, kind).close()
    except OSError as error:
        return error.errno
    return 0


if sys.argv[2:3] == ["--vsock"]:
    lent = []
    for port in (1024, 1025):
        one = socket.socket(socket.AF_UNIX)
        if one.connect_ex(f"{sys.argv[3]}_{port}") == 0:
            lent.append(one.detach())
    tried = {str(family): attempt(family, socket.SOCK_STREAM)
             for family in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_VSOCK)}
    sys.argv[2:] = []
with open(sys.argv[1] + ".new", "w", encoding="utf-8") as file:
    file.write(repr((os.getpid(), about, dict(os.environ), lent, tried)))
os.rename(sys.argv[1] + ".new", sys.argv[1])
while os.path.exists(sys.argv[1]):
    time.sleep(0.002)
for fd in lent:
    os.close(fd)
if len(sys.argv) > 2:
    print(sys.argv[2], flush=True)
    os._exit(int(sys.argv[3]))
while True:
    os.read(0, 1) or time.sleep(1000)
