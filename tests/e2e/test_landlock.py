# SPDX-License-Identifier: Apache-2.0
"""What only a worker without namespaces has to be kept from, and what is done for it instead."""

import ctypes
import json
import os
import pathlib
import pty
import shutil
import signal
import stat
import subprocess
import tempfile

from harness import check, residue
from harness.discover import add, test
from harness.jail import wait_for

# Without site: what Debian keeps of it in /etc is not for workers, and Python would say so.
PYTHON = ["/usr/bin/python3", "-I", "-S", "-c"]
HIDE_GROUPS = 'mount -t tmpfs none /sys/fs/cgroup && exec "$@"'
LIMITS = "mem_mb,cpu_ms,tasks_max,cpu_quota_pct"
OURS = ("landlock",)


def python(t, script, **options):
    result = t.run([*PYTHON, script], **options)
    check.equal(result.complaint, "", "complaint")
    return result


# Temporary files.

MESS = """
import os
top = os.environ['TMPDIR']
print(top, oct(os.stat(top).st_mode & 0o7777), os.stat(top).st_uid == os.getuid(), os.listdir(top), flush=True)
os.chdir(top)
for depth in range(400):
    try:
        os.mkdir('d' * 200)
    except OSError as error:  # AppArmor, where it confines the caller, takes no path above 8 KiB
        if error.errno != 36 or depth < 30:
            raise
        break
    open('file', 'w').close()
    os.symlink('/etc', 'link')
    os.chdir('d' * 200)
os.chdir(top)
os.makedirs('closed/closed')
open('closed/closed/file', 'w').close()
os.chmod('closed/closed', 0)
os.chmod('closed', 0)
os.mkdir('wide')
for number in range(3000):
    open(f'wide/{number}', 'w').close()
os.mkfifo('fifo')
os.chmod(top, 0)
"""


@test("temporary files go to a private directory that TMPDIR names, and that is gone afterwards",
      backends=OURS)
def temporary(t):
    t.needs_jail()
    result = python(t, MESS, policy={"cpu_ms": 20000, "mem_mb": 128})
    path, mode, own, *content = result.text.split()
    check.true(path.startswith("/tmp/kastellan-"), path)
    check.equal((mode, own, content), ("0o700", "True", ["[]"]), "the directory")
    check.true(not os.path.lexists(path), f"{path} is left")
    check.true(os.path.exists("/etc/passwd"), "a link of it was followed")


@test("a TMPDIR of the policy stays what it is", backends=OURS)
def temporary_named(t):
    t.needs_jail()
    top = t.directory("granted", 0o777)
    result = t.run(["/usr/bin/env"], write=[top], env={"TMPDIR": str(top)})
    check.equal(result.text, f"TMPDIR={top}\n", "environment")
    check.equal(result.rows["env"]["verdict"], "held", "verdict of env")


@test("nothing of /tmp, /var/tmp and /dev/shm but its own directory can be written or listed", backends=OURS)
def no_shared_scratch(t):
    t.needs_jail()
    victim = pathlib.Path(tempfile.mkdtemp(prefix="e2e-", dir="/tmp"))
    t.later(shutil.rmtree, victim)
    victim.chmod(0o777)
    (victim / "file").touch()
    for place in (victim, pathlib.Path("/dev/shm"), pathlib.Path("/var/tmp")):
        argv = t.probe("files", "create", str(place / f"e2e-new-{os.getpid()}"))
        t.denied(argv, by={"EACCES"})
        t.possible(argv)
        t.contained(t.probe("files", "list", str(place)), by={"EACCES"})
        (place / f"e2e-new-{os.getpid()}").unlink()


@test("whoever of the jail is killed, the temporary directory does not stay", 90, backends=OURS)
def temporary_killed(t):
    t.needs_jail()
    script = "import os, time; open(os.environ['TMPDIR'] + '/file', 'w'); print('ready', flush=True); time.sleep(99)"
    for index in range(4):
        before = residue.Snapshot(t.options)
        before.started = t.jail.started
        process, _ = t.jail.start([*PYTHON, script], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        t.later(t.finish, process)
        check.equal(process.stdout.readline(), b"ready\n", "the worker's first word")
        family = [process.pid, *t.beneath(process.pid)]
        os.kill(family[index], signal.SIGKILL)
        wait_for(lambda: process.poll() is not None, f"the end after process {index} was killed")
        check.equal(before.leftovers(3), [], f"left behind after process {index} was killed")


# Metadata of files, which init changes for the worker where it may.

CHANGES = {
    "chmod": "os.chmod(path, 0o640)",
    "chmod through a descriptor": "os.fchmod(os.open(path, os.O_RDONLY), 0o640)",
    "chmod from a directory": "os.chmod(name, 0o640, dir_fd=os.open(directory, os.O_RDONLY))",
    "chmod by a relative name": "os.chdir(directory); os.chmod('./x/../' + name, 0o640)",
    "chmod through a link": "os.chmod(directory + '/link', 0o640)",
    "utime": "os.utime(path, (1, 2))",
    "utime through a descriptor": "os.utime(os.open(path, os.O_RDONLY), (1, 2))",
    "chown to oneself": "os.chown(path, os.getuid(), os.getgid())",
}


TRY = """
import errno, os, sys
directory, name = sys.argv[1:3]
path = directory + '/' + name
if sys.argv[3:]:
    os.makedirs(directory + '/x', exist_ok=True)
    open(path, 'w').close()
    os.symlink(name, directory + '/link')
    os.chmod(path, 0o600)
before = os.stat(path)
try:
    %s
    after = os.stat(path)
    same = (before.st_mode, before.st_mtime) == (after.st_mode, after.st_mtime)
    print('allowed:', 'nothing changed' if same else 'changed')
except OSError as error:
    print('denied:', errno.errorcode[error.errno])
"""


def change(t, name, act):
    """What the worker makes is its own, also where root started it; the rest is the caller's."""
    t.needs_jail()
    top, fixed = t.directory("granted", 0o777), t.directory("fixed", 0o777)
    script = [*PYTHON, TRY % act]
    result = t.run([*script, top, "mine", "make"], write=[top])
    check.equal(result.verdict, "allowed: " + ("nothing changed" if "chown" in name else "changed"),
                "in the grant")
    t.file("fixed/mine", mode=0o644)
    (fixed / "x").mkdir()
    (fixed / "link").symlink_to("mine")
    before = os.stat(fixed / "mine")
    for grants in ({}, {"read": [fixed]}, {"write": [top], "read": [fixed]}):
        t.denied([*script, fixed, "mine"], by={"EPERM", "EACCES"}, **grants)
    after = os.stat(fixed / "mine")
    check.equal((after.st_mode, after.st_mtime), (before.st_mode, before.st_mtime), "outside of the grants")
    t.possible([*script, str(fixed), "mine"])


for name, act in CHANGES.items():
    add(f"{name}: in a writable grant, and nowhere else",
        lambda t, row=(name, act): change(t, *row), __name__, backends=OURS)


@test("a link in a grant does not lead a change of mode out of it", backends=OURS)
def change_by_link(t):
    t.needs_jail()
    top, outside = t.directory("granted", 0o777), t.file("outside/file", mode=0o600)
    (top / "link").symlink_to(outside)
    (top / "way").symlink_to(outside.parent)
    if t.root:
        os.chmod(outside.parent, 0o777)
    for name in ("link", "way/file", "../outside/file"):
        argv = t.probe("files", "chmod", str(top / name))
        t.denied(argv, by={"EPERM"}, write=[top])
        check.equal(stat.S_IMODE(outside.stat().st_mode), 0o600, f"mode through {name}")
        t.possible(argv)
        outside.chmod(0o600)


@test("attributes, watches and the mode for ioctl alone lead past no rule", backends=OURS)
def unruled(t):
    t.needs_jail()
    secret = t.file("secret/file", "text", 0o644)
    try:
        os.setxattr(secret, "user.note", b"hidden")
    except OSError:
        t.cannot("the work directory's file system has no attributes")
    for script in (f"os.getxattr({str(secret)!r}, 'user.note')", f"os.listxattr({str(secret)!r})",
                   f"os.setxattr({str(secret)!r}, 'user.note', b'x')", f"os.open({str(secret)!r}, 3)",
                   "check(ctypes.CDLL(None, use_errno=True).inotify_init1(0))"):
        whole = ("import ctypes, os\ndef check(r):\n    if r < 0: raise OSError(ctypes.get_errno(), '')\n"
                 f"try:\n    {script}\n    print('allowed: done')\n"
                 "except OSError as error:\n    print('denied: ' + __import__('errno').errorcode[error.errno])\n")
        t.contained([*PYTHON, whole], by={"EACCES", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"})


@test("messages of the host are out of reach: System V and POSIX, its own included", backends=OURS)
def messages(t):
    t.needs_jail()
    script = ("import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
              "for name, arguments in (('shmget', (77, 8, 0o1777)), ('semget', (77, 1, 0o1777)),\n"
              "                        ('msgget', (77, 0o1777))):\n"
              "    print(name, getattr(libc, name)(*arguments), ctypes.get_errno())\n")
    # 38 = ENOSYS
    check.equal(t.run([*PYTHON, script]).lines, ["shmget -1 38", "semget -1 38", "msgget -1 38"], "inside")
    script += ("    identity = getattr(libc, name)(*arguments)\n"
               "    if name == 'semget': libc.semctl(identity, 0, 0)\n"
               "    else: getattr(libc, name[:3] + 'ctl')(identity, 0, 0)\n")
    outside = t.control.run([*PYTHON, script])
    check.true(all(int(line.split()[1]) >= 0 for line in outside.lines), f"control: {outside.text}")


# Processes.

@test("monitor, init and supervisor survive whatever the worker sends them", backends=OURS)
def keepers(t):
    t.needs_jail()
    script = ("import os\nfor pid in map(int, input().split()):\n"
              "    for number in (9, 19, 15, 11):\n"
              "        try: os.kill(pid, number); print('sent', pid, number)\n"
              "        except PermissionError: pass\nprint('still here')\n")
    process, path = t.jail.start([*PYTHON, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
    t.later(t.finish, process)
    family = wait_for(lambda: len(t.beneath(process.pid)) >= 3 and t.beneath(process.pid), "monitor, init, worker")
    out, err = process.communicate(" ".join(map(str, [process.pid, *family[:2]])).encode() + b"\n", 20)
    check.equal((out, err, process.returncode), (b"still here\n", b"", 0), "what the worker did")
    victim = t.victim()
    os.kill(victim, 9)  # control: the same user may, outside of the jail


@test("signals within the jail reach whom they are for: processes, groups and oneself", backends=OURS)
def inner_signals(t):
    t.needs_jail()
    script = ("import os, signal, time\n"
              "def own_session():\n    ours, theirs = os.pipe()\n    pid = os.fork()\n"
              "    if pid == 0:\n        os.setsid(); os.write(theirs, b'x'); time.sleep(99)\n"
              "    os.read(ours, 1)\n    return pid\n"
              "got = []\nsignal.signal(signal.SIGUSR1, lambda *_: got.append(1))\n"
              "os.kill(os.getpid(), signal.SIGUSR1); signal.raise_signal(signal.SIGUSR1)\n"
              "pid = own_session()\nos.kill(pid, signal.SIGTERM); print(got, os.waitpid(pid, 0)[1])\n"
              "pid = own_session()\nos.killpg(pid, signal.SIGKILL); print(os.waitpid(pid, 0)[1])\n")
    check.equal(python(t, script).lines, ["[1, 1] 15", "9"], "signals")


def comets_end(t, line):
    before = residue.Snapshot(t.options)
    before.started = t.jail.started
    result = t.control.run([*map(str, line)], timeout=40)
    check.contains(result.text, "ready")
    check.equal(result.code, 0, f"exit code, {result.complaint}")
    check.equal(before.leftovers(3), [], "left behind")


@test("processes that never stay in one place end with the worker", 60, backends=OURS)
def comets(t):
    t.needs_jail()
    comets_end(t, t.jail.command(t.probe("ending", "comets", "200"), read=[t.probes.directory],
                                 policy={"cpu_ms": 60000, "mem_mb": 0}))


@test("they end without a control group, too", 120, root=True, backends=OURS)
def comets_without_group(t):
    t.needs_jail()
    accepted = ",".join([*t.host.degraded(), *LIMITS.split(",")])
    for act in (("comets", "200"), ("comets", "0")):
        line = t.jail.command(t.probe("ending", *act), read=[t.probes.directory],
                              flags=["--allow-degraded", accepted], policy={"cpu_ms": 60000, "mem_mb": 0})
        comets_end(t, ["/usr/bin/unshare", "-m", "/bin/sh", "-c", HIDE_GROUPS, "sh", *line])


# Terminals of the same user.

@test("another terminal of the caller can be neither opened nor listed, its own can", backends=OURS)
def terminals(t):
    t.needs_jail()
    master, slave = pty.openpty()
    t.later(os.close, master)
    t.later(os.close, slave)
    name = os.ttyname(slave)
    os.chmod(name, 0o666)
    argv = t.probe("files", "write", name)
    t.contained(argv, by={"EACCES"})
    t.contained(t.probe("files", "list", "/dev/pts"), by={"EACCES"})


# The receipt.

@test("a run that accepts nothing is refused, and the remedy lists what has to be accepted", backends=OURS)
def refused(t):
    t.needs_jail()
    marker = t.directory("granted", 0o777) / "started"
    result = t.run(["/usr/bin/touch", marker], write=[marker.parent], degrade=False)
    check.equal((result.code, result.type), (125, "setup"), "outcome")
    check.contains(result.complaint, "fs_read", "remedy", "--allow-degraded fs_read,fs_write")
    check.true(not marker.exists(), "the program was started")
    check.equal(t.run(["/usr/bin/touch", marker], write=[marker.parent]).code, 0, "control")


CLAIMS = """
import ctypes, errno, json, os, sys
libc = ctypes.CDLL(None, use_errno=True)
top, outside, alive = sys.argv[1], sys.argv[2], int(sys.argv[3])
found = {}

def said(name, act):
    try:
        answer = act()
        found[name] = 'done' if answer is None else answer
    except OSError as error:
        found[name] = errno.errorcode[error.errno]

def call(name, *arguments):
    answer = getattr(libc, name)(*arguments)
    if answer < 0:
        raise OSError(ctypes.get_errno(), name)
    return answer

said('its size', lambda: os.stat(outside).st_size)
said('its owner', lambda: os.stat(outside).st_uid)
said('its text', lambda: open(outside).read())
said('beside it', lambda: len(os.listdir(os.path.dirname(outside))))
said('host name', lambda: os.uname().nodename)
said('a taken number', lambda: os.kill(alive, 0))
said('a free number', lambda: os.kill(4194303, 0))
said('System V', lambda: call('shmctl', call('shmget', 0, 4096, 0o1600), 0, None) and None)
said('message queue', lambda: call('mq_open', b'/kastellan-claims', 0o102, 0o600, None) and None)
said('inotify', lambda: call('inotify_init1', 0) and None)
said('attribute', lambda: os.setxattr(top + '/open', 'user.claim', b'x'))
said('UDP', lambda: __import__('socket').socket(2, 2).close())
said('TCP', lambda: __import__('socket').socket(2, 1).close())
said('temporary', lambda: os.path.dirname(os.environ.get('TMPDIR', '/none/')))
said('what all may write', lambda: open(top + '/open', 'a').write('x') and None)
said('what its owner may', lambda: open(top + '/closed', 'a').write('x') and None)
said('a new file', lambda: open(top + '/new', 'w').close())
print(json.dumps(found))
"""

REFUSALS = ("EPERM", "EACCES", "ENOSYS", "ENOTSUP", "EAFNOSUPPORT")
# (field, words of its row, {act: what the worker finds}); the names in braces are the host's.
ROWS = [
    ("fs_read", "that other files exist, their size, owner and times can be looked at, not what is in them",
     {"its size": 7, "its owner": "{owner}", "its text": "EACCES", "beside it": "EACCES"}),
    ("fs_write", "temporary files are in a private directory of the host's /tmp", {"temporary": "/tmp"}),
    ("fs_write", "writes in grants only what everybody may",
     {"what all may write": "done", "what its owner may": "EACCES", "a new file": "done"}),
    ("net", "the filter alone", {"UDP": "refused", "TCP": "refused"}),
    ("profile", "it learns the host's name and which process numbers are taken",
     {"host name": "{name}", "a taken number": "EPERM", "a free number": "ESRCH"}),
    ("profile", "System V IPC, message queues, inotify and extended attributes are refused",
     {name: "refused" for name in ("System V", "message queue", "inotify", "attribute")}),
    ("profile", "signals to other processes are held by Landlock", {"a taken number": "EPERM"}),
    ("env", "TMPDIR is added", {"temporary": "/tmp"}),
]


@test("each row of the receipt says what the worker finds: what is not held, and what is all the same",
      backends=OURS, root=True)
def row_by_row(t):
    t.needs_jail()
    top = t.directory("granted", 0o777)
    t.file("granted/open", "", 0o666).chmod(0o666)
    t.file("granted/closed", "", 0o600)
    outside = t.file("outside/key", "secret\n", 0o644)
    alive = subprocess.Popen(["/bin/sleep", "1000"])
    t.later(alive.wait)
    t.later(alive.kill)
    argv = [*PYTHON, CLAIMS, str(top), str(outside), str(alive.pid)]
    unconfined = t.control.run(argv).json
    denied = [name for name, what in unconfined.items() if isinstance(what, str) and what[0] == "E"]
    check.equal(denied, ["a free number"], "control: what is refused outside")
    libc = ctypes.CDLL(None)
    libc.mq_unlink(b"/kastellan-claims")
    (top / "new").unlink()
    inside = t.run(argv, write=[top]).json
    plan = t.jail.other(["plan", "--json", "-b", "landlock", "-w", str(top), "/bin/true"])
    receipt = {row["field"]: row["detail"] or "" for row in json.loads(plan.text)["receipt"]}
    host = {"{owner}": 0, "{name}": os.uname().nodename}
    # An older Landlock holds less, and its rows have other words.
    told = [row for row in ROWS if row[1] in receipt[row[0]]]
    check.true(len(told) >= (len(ROWS) if t.host.landlock_abi() >= 6 else 5), f"rows: {receipt}")
    for field, _, claims in told:
        for act, answer in claims.items():
            if answer == "refused":
                check.true(inside[act] in REFUSALS, f"{field}: {act}: {inside[act]}")
            else:
                check.equal(inside[act], host.get(answer, answer), f"{field}: {act}")
    check.true((top / "new").stat().st_uid not in (0, os.getuid()), "its files belong to the caller")
