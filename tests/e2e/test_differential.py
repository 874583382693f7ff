# SPDX-License-Identifier: Apache-2.0
"""Two backends that promise the same: random policies over random trees, and random acts in both. The
second gets the tree as the first one got it, and must find, be refused and leave behind the same.

The seeds are fixed, so that what is found once is found again; KASTELLAN_E2E_SEED takes others."""

import argparse
import json
import os
import random
import shutil
import stat

from harness import check
from harness.discover import add
from harness.jail import Jail

OTHER = "bwrap"
SEED = int(os.environ.get("KASTELLAN_E2E_SEED", "1"))
ROUNDS = 48
ACTS_A_ROUND = 160

NAMES = ["a", "b", "c", "with space", "d.txt", "e.sh", "\u00e9", "-f"]
MODES = [0o644, 0o600, 0o666, 0o755, 0o444, 0o000, 0o640, 0o777]
SYSTEM = ["/", "/usr", "/usr/bin", "/usr/bin/env", "/usr/new", "/etc", "/etc/passwd", "/etc/group",
          "/etc/hosts", "/etc/shadow", "/etc/new", "/etc/ssl/certs", "/bin", "/lib64", "/tmp",
          "/tmp/new", "/dev", "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/tty",
          "/dev/ptmx", "/dev/pts", "/dev/shm", "/dev/shm/new", "/dev/fd", "/dev/core", "/dev/mem",
          "/dev/console", "/dev/new", "/proc", "/proc/self", "/proc/self/status", "/proc/1",
          "/proc/1/environ", "/proc/1/root", "/proc/1/cwd", "/proc/1/exe", "/proc/1/fd", "/proc/1/mem",
          "/proc/kcore", "/proc/kallsyms", "/proc/keys", "/proc/cmdline", "/proc/meminfo",
          "/proc/bus", "/proc/irq", "/proc/acpi", "/proc/sys", "/proc/sys/kernel/hostname",
          "/proc/sys/user/max_user_namespaces", "/proc/sysrq-trigger", "/proc/new", "/sys", "/var",
          "/var/tmp", "/run", "/root", "/home", "/boot", "/opt", "/mnt", "/srv", "/new", "/newroot",
          "/oldroot", "/.."]
ONE_PATH = ["append", "chdir", "create", "execute", "fifo", "list", "lstat", "mkdir", "mounted", "node",
            "read", "readlink", "rmdir", "stat", "truncate", "unlink", "utime", "write", "xattr"]
CHANGING = {"chmod", "chown", "utime", "xattr"}  # of what is there, devices of the host included
PROBES = [("calls", name) for name in
          ("keyctl", "bpf", "perf_event_open", "io_uring_setup", "open_by_handle_at", "kcmp",
           "ptrace_traceme", "settimeofday", "sethostname", "syslog", "personality", "int80", "nonsense")] + \
         [("spaces", name) for name in
          ("unshare_user", "unshare_mount", "unshare_net", "clone_user", "clone3_user", "clone3_plain",
           "chroot", "pivot_root")] + \
         [("sockets", "pair", "1", "1"), ("sockets", "socket", "2", "1", "0"), ("sockets", "tcp", "9"),
          ("sockets", "udp", "9"), ("sockets", "socket", "16", "3", "0"), ("sockets", "listen"),
          ("reach", "signal", "1"), ("reach", "proc_open", "1", "environ"), ("reach", "ptrace_attach", "1"),
          ("reach", "nice", "1"), ("reach", "prlimit", "1")]


def leads(link):
    try:
        return link.exists()
    except OSError:
        return False


class Tree:
    """The same tree every time: build() makes it, as a fresh stream of the same numbers."""

    def __init__(self, t, seed):
        self.t, self.seed, self.base = t, seed, t.work / "tree"

    def build(self):
        dice = random.Random(self.seed)
        if self.base.exists():
            self.left()
            shutil.rmtree(self.base)
        self.base.mkdir(mode=0o755)
        self.directories, self.files, self.links = [self.base], [], []
        for _ in range(dice.randint(4, 10)):
            self.add_directory(dice)
        for _ in range(dice.randint(6, 16)):
            self.add_file(dice)
        for index in range(dice.randint(1, 5)):
            self.add_link(dice, index)
        self.leading = [path for path in self.links if leads(path)]
        # Modes last, or nothing could be made beneath.
        for path in self.directories[1:] + self.files:
            self.own(dice, path)

    def add_directory(self, dice):
        path = dice.choice(self.directories) / dice.choice(NAMES)
        if not path.exists():
            path.mkdir()
            self.directories.append(path)

    def add_file(self, dice):
        path = dice.choice(self.directories) / dice.choice(NAMES)
        if not path.exists():
            path.write_text(dice.choice(["", "text\n", "#!/bin/sh\nexit 7\n", "x" * 100]))
            self.files.append(path)

    def add_link(self, dice, index):
        path = dice.choice(self.directories) / f"link{index}"
        target = dice.choice([*self.directories, *self.files, "/etc/shadow", "..", "nowhere", "/proc/1/root"])
        path.symlink_to(target)
        self.links.append(path)

    def own(self, dice, path):
        mode = dice.choice([0o755, 0o755, 0o777, 0o700, 0o555, 0o1777]
                           if path.is_dir() else MODES)
        owner = dice.choice([0, 0, 1234, 65534]) if self.t.root else -1
        os.chown(path, owner, owner)
        path.chmod(mode)

    def left(self):
        """What a run leaves of it, by name. What cannot be looked into is opened up on the way."""
        found, below = {}, [self.base]
        while below:
            path = below.pop()
            st = path.lstat()
            kind, content = stat.S_IFMT(st.st_mode), None
            if kind in (stat.S_IFDIR, stat.S_IFREG):
                path.chmod(0o700)
            if kind == stat.S_IFDIR:
                below += path.iterdir()
            elif kind == stat.S_IFREG:
                content = path.read_bytes()
            elif kind == stat.S_IFLNK:
                content = os.readlink(path)
            found[str(path)] = (kind, stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid, content)
        return found


def policy_of(dice, tree):
    places = tree.directories[1:] + tree.files + tree.leading
    grants = {"fs_read": [], "fs_write": []}
    for _ in range(dice.randint(1, 6)):
        grants[dice.choice(["fs_read", "fs_write"])].append(str(dice.choice(places)))
    if dice.random() < 0.3:
        grants["fs_read"].append("?" + str(tree.base / "absent"))
    return {**grants, "profile": dice.choice(["WorkerStrict", "WorkerNetClient"]),
            "env": [["NUMBER", str(dice.random())]], "mem_mb": dice.choice([64, 256]), "cpu_ms": 10000}


def act_of(dice, paths):
    path = str(dice.choice(paths))
    other = str(dice.choice(paths))
    return dice.choice([
        [dice.choice(ONE_PATH), path], [dice.choice(ONE_PATH), path], [dice.choice(ONE_PATH), path],
        ["access", path, dice.choice([os.R_OK, os.W_OK, os.X_OK])],
        ["chmod", path, dice.choice(MODES)], ["chown", path, dice.choice([0, 1000, 1234])],
        ["rename", path, other], ["link", path, other], ["symlink", path, other]])


def acts_of(dice, tree):
    paths = [*tree.directories, *tree.files, *tree.links] * 3 + SYSTEM
    paths += [path / "new" for path in tree.directories] + [path / "x" for path in tree.files]
    acts = [act_of(dice, paths) for _ in range(ACTS_A_ROUND)]
    return [act for act in acts if not (act[0] in CHANGING and act[1].startswith("/dev"))]


def settled(act, answer):
    """An answer without what the two do not promise each other: how directories of the jail's own look,
    those of terminals included, and how devices of the host are guarded, of which /dev/null also covers
    files of /proc: they are mounted read-only here, and nobody's to change but for their times there."""
    if act[0] in ("access", "create", "mkdir", "symlink", "fifo", "node") and act[1].startswith("/dev/pts"):
        return ["not told"]
    if act[0] == "mounted" and act[1].startswith("/dev/"):
        return ["not told"]
    if act[1].startswith("/proc/"):
        if act[0] in ("mounted", "utime"):
            return ["not told"]
        if answer[0] in ("EROFS", "EPERM", "EINVAL"):
            return ["cannot be changed"]
    if act[0] == "list" and act[1] == "/proc" and answer[0] == "ok":
        return ["ok", [name for name in answer[1] if not name.isdigit()]]
    if act[0] in ("stat", "lstat") and answer[0] == "ok" and answer[1][2:4] in ([1000, 1000], [65534, 65534]) \
            and stat.S_ISDIR(answer[1][0]):
        return ["ok", "directory"]
    return answer


def one_run(t, backend, tree, policy, acts, cwd):
    options = argparse.Namespace(**{**vars(t.options), "backend": backend})
    jail = Jail(options, t.host, t.notes, t.results, t._jail.started)
    tree.build()
    result = jail.run(t.probe("battery.py"), read=[t.probes.directory], policy=policy, cwd=cwd,
                      stdin=json.dumps(acts).encode())
    if result.code == 125:
        return jail, None, tree.left(), None
    check.equal((result.code, result.stderr), (0, b""), f"{backend}: the battery ran")
    answers = json.loads(result.stdout)
    check.equal(len(answers), len(acts), "answers")
    return jail, [settled(act, answer) for act, answer in zip(acts, answers)], tree.left(), result.status


def rows_of(status):
    """The receipt, but for the names of mechanisms."""
    return [{key: value for key, value in row.items() if key != "mechanism"} for row in status["receipt"]]


def compare(t, seed):
    dice = random.Random(seed)
    tree = Tree(t, seed)
    t.later(lambda: tree.base.exists() and tree.left())
    tree.build()
    policy, acts = policy_of(dice, tree), acts_of(dice, tree)
    cwd = dice.choice([t.work, tree.base])
    mine, found, left, status = one_run(t, t.options.backend, tree, policy, acts, cwd)
    theirs, expected, left_there, status_there = one_run(t, OTHER, tree, policy, acts, cwd)
    check.equal(left, left_there, f"the tree afterwards, of {json.dumps(policy)}")
    if found is None or expected is None:
        check.equal(found, expected, f"answers, None where the policy is refused: {json.dumps(policy)}")
        return
    differ = [f"{act}: {mine_!r}, and {theirs_!r} there" for act, mine_, theirs_ in zip(acts, found, expected)
              if mine_ != theirs_]
    check.true(not differ, f"policy {json.dumps(policy)}:\n" + "\n".join(differ))
    check.equal(rows_of(status), rows_of(status_there), "receipt")
    # Or all of it could have been refused.
    kinds = {answer[0] for answer in found}
    check.true("ok" in kinds and len(kinds) > 3, f"too little was tried: {kinds}")
    for name, *arguments in dice.sample(PROBES, 3):
        verdicts = [jail.run(t.probe(name, *arguments), read=[t.probes.directory],
                             policy={"profile": policy["profile"]}).verdict for jail in (mine, theirs)]
        check.equal(verdicts[0], verdicts[1], f"{name} {arguments}, {policy['profile']}")


def round_of(t, seed):
    t.needs_jail()
    compare(t, seed)


for number in range(ROUNDS):
    add(f"random policy and acts, seed {SEED + number}, are the same under {OTHER}",
        lambda t, seed=SEED + number: round_of(t, seed), __name__,
        backends=("native", "landlock"))
