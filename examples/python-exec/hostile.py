# SPDX-License-Identifier: Apache-2.0
"""What a hostile script tries, one act each: (name, code). The code prints what it got."""

ACTS = [
    ("read a secret", """
print(open("SECRET").read())
"""),
    ("write outside its directory", """
open("OUTSIDE/planted", "w").write("x")
print("written")
"""),
    ("connect out", """
import socket
s = socket.create_connection(("127.0.0.1", PORT), 2)
print("connected")
"""),
    ("list host processes", """
import os
seen = [p for p in os.listdir("/proc") if p.isdigit()]
mark = "HOSTMARK"[::-1]  # reversed, so that it is not in our own command line
if any(mark in open(f"/proc/{p}/cmdline").read() for p in seen):
    print("sees the host's processes")
else:
    raise SystemExit(f"only its own {len(seen)} processes")
"""),
    ("read the host's environment", """
import os
if "DEMO_TOKEN" in os.environ:
    print(os.environ["DEMO_TOKEN"])
else:
    raise SystemExit("only " + ", ".join(sorted(os.environ)))
"""),
    ("fork bomb", """
import os, time
n = 0
try:
    while n < 200:
        if os.fork() == 0:
            os.close(1)
            os.close(2)
            time.sleep(60)
        n += 1
    print(n, "processes")
except OSError as error:
    raise SystemExit(f"stopped after {n}: {error}")
"""),
    ("hog memory", """
hog = []
while len(hog) < 400:
    hog.append(bytearray(1 << 20))
print(len(hog), "MiB")
"""),
    ("burn CPU in many processes", """
import os
for _ in range(3):
    os.fork()
end = sum(os.times()[:2]) + 5
while sum(os.times()[:2]) < end:
    pass
print("burnt")
"""),
    ("ptrace its parent", """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
r = libc.ptrace(16, os.getppid(), 0, 0)
print("attached" if r == 0 else ctypes.get_errno())
raise SystemExit(r != 0)
"""),
    ("mount over /etc", """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
r = libc.mount(b"none", b"/etc", b"tmpfs", 0, None)
print("mounted" if r == 0 else os.strerror(ctypes.get_errno()))
raise SystemExit(r != 0)
"""),
    ("become root by a set-uid file", """
import os, shutil
shutil.copy("/bin/sh", "WORK/sh")
os.chmod("WORK/sh", 0o4755)
print("set-uid shell made")
"""),
    ("push input into the terminal", """
import fcntl, os
fd = os.open("/dev/tty", os.O_RDWR)
fcntl.ioctl(fd, 0x5412, b"x")
print("pushed")
"""),
    ("keep a daemon alive", """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for fd in range(3):
            os.close(fd)
        time.sleep(1.0)
        open("WORK/alive", "w").write("x")
    os._exit(0)
print("daemon started")
"""),
]
