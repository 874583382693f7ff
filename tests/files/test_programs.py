# SPDX-License-Identifier: Apache-2.0
"""Real programs."""

import os
import shutil
import sqlite3
import subprocess
import sys

from harness import check
from harness.discover import test


def needs(*programs):
    for program in programs:
        if not shutil.which(program, path="/usr/bin:/bin"):
            raise check.Skip(f"no {program}", cannot=True)


@test("git: commits, branches, merges, packs, and a clean bill", seconds=120)
def git(place):
    needs("git")
    script = """
set -e
git init -q -b main repo; cd repo
git config user.email a@example.com; git config user.name a; git config core.fsync all
for i in $(seq 40); do mkdir -p d$((i % 5)); echo "$i" > d$((i % 5))/file$i; done
git add .; git commit -qm one
git checkout -qb side; for i in 1 2 3; do echo side >> d$i/file$i; git commit -qam side$i; done
git checkout -q main; echo main > d4/file4; git commit -qam main; git merge -q -m merge side
test -z "$(git status --porcelain)"
git gc -q --prune=now; git fsck --full --strict
git stash list; echo changed > d0/file5; git stash -q; git stash pop -q; git checkout -q .
git clone -q . ../clone; cd ../clone; test "$(git rev-parse HEAD)" = "$(git -C ../repo rev-parse HEAD)"
git worktree add -q ../tree side; git -C ../tree log --oneline | wc -l
"""
    place.run("sh", "-c", script, timeout=100)
    place.run("git", "-c", "safe.directory=*", "-C", place.host / "repo", "fsck", "--full")


WRITER = """
import sqlite3, sys
base = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)
for number in range(int(sys.argv[2])):
    base.execute("begin immediate")
    (value,) = base.execute("select max(n) from t").fetchone()
    base.execute("insert into t values (?, randomblob(900))", (value + 1,))
    base.execute("commit")
"""


def sqlite(place, mode, others):
    path = place.path / "base"
    base = sqlite3.connect(path, timeout=30)
    check.equal(base.execute(f"pragma journal_mode={mode}").fetchone()[0], mode, "journal_mode")
    base.execute("create table t (n integer unique, data)")
    base.execute("insert into t values (0, '')")
    base.commit()
    base.close()
    running = [subprocess.Popen([sys.executable, "-I", "-c", WRITER, where / "base", "25"])
               for where in (place.path, others(place))]
    for process in running:
        check.equal(process.wait(80), 0, "a writer's status")
    for where in (place.path, place.host):
        base = sqlite3.connect(where / "base", timeout=30)
        check.equal(base.execute("pragma integrity_check").fetchone()[0], "ok", "integrity")
        check.equal(base.execute("select max(n), count(*) from t").fetchone(), (50, 51), "rows")
        base.close()


@test("sqlite with a rollback journal, two writers of the guest", seconds=90)
def sqlite_rollback(place):
    sqlite(place, "delete", lambda place: place.path)


@test("sqlite with a rollback journal, a writer of the guest and one of the host", seconds=90)
def sqlite_rollback_host(place):
    sqlite(place, "delete", lambda place: place.host)


@test("sqlite with a write-ahead log, two writers of the guest", seconds=90)
def sqlite_wal(place):
    sqlite(place, "wal", lambda place: place.path)


@test("a compiler, and what it has built", seconds=90)
def compiler(place):
    needs("gcc", "make")
    (place.path / "part.c").write_text("int part(void) { return 42; }\n")
    (place.path / "main.c").write_text(
        "#include <stdio.h>\nint part(void);\nint main(void) { printf(\"%d\\n\", part()); }\n")
    (place.path / "Makefile").write_text("all: main.o part.o\n\tgcc -o all main.o part.o\n")
    place.run("make", "-j2", "CC=gcc")
    check.equal(place.run(place.path / "all"), "42\n", "the program")
    check.contains(place.run("make"), ("up to date", "nothing to be done", "gcc -o all"))


@test("python finds its library in the tree, and writes its caches")
def python(place):
    (place.path / "module.py").write_text("value = 7\n")
    code = "import sys; sys.path.insert(0, '.'); import module, json, decimal; print(module.value)"
    check.equal(place.run(sys.executable, "-c", code), "7\n", "what it says")
    check.equal(place.run(sys.executable, "-c", code), "7\n", "with the cache")
    check.equal(len(os.listdir(place.host / "__pycache__")), 1, "caches")


@test("tar, cp and rsync of a tree keep what they should", seconds=90)
def copies(place):
    needs("tar", "cp", "diff")
    script = """
set -e
mkdir tree; cp -a {0}/usr/share/doc/bash {0}/usr/lib/python3/dist-packages/pip tree/ 2>/dev/null || cp -a {0}/usr/share/doc/bash tree/
ln tree/bash/copyright tree/hard; ln -s bash/copyright tree/soft; mkfifo tree/fifo
truncate -s 1M tree/sparse; chmod 0751 tree/bash; touch -d 2001-02-03 tree/hard
tar -C tree -cf tree.tar .; mkdir out; tar -C out -xf tree.tar
rm tree/fifo out/fifo; diff -r tree out
test "$(stat -c %h out/hard)" = 2; test "$(stat -c %a out/bash)" = 751
test "$(stat -c %Y out/hard)" = "$(stat -c %Y tree/hard)"
cp -a tree again; diff -r tree again; rm -r tree out again
""".format(place.root)
    place.run("sh", "-c", script)


@test("every name of the system is there once, with its kind and its text", seconds=120)
def whole_tree(place):
    needs("setpriv")
    # As the server is: root, but without rights in the files of others.
    bare = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "sh", "-c")
    command = "cd {}/lib/python3 && find . -xdev -printf '%P %y %l\\n' 2>/dev/null | sort"
    found, wanted = (place.run(*bare, command.format(where), timeout=110).splitlines()
                     for where in (place.root / "usr", "/usr"))
    check.true(len(found) > 1000, "there are many")
    check.equal(len(found), len(set(found)), "names, each once")
    check.equal(sorted(set(found) ^ set(wanted))[:5], [], "what differs")


@test("equal inode numbers mean one file, also of several file systems", seconds=60)
def numbers(place):
    command = ("find {0}/usr/sbin {0}/tmp {0}/read {0}/write -printf '%D %i %n\\n' | awk '$3 == 1' "
               "| sort | uniq -d".format(place.root))
    for name in range(50):
        (place.source / "tmp" / f"number-{name}").touch()
    try:
        check.equal(place.run("sh", "-c", command), "", "numbers that two files have")
    finally:
        for name in range(50):
            (place.source / "tmp" / f"number-{name}").unlink()
