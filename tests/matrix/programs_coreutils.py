# SPDX-License-Identifier: Apache-2.0
"""The core utilities: every program of the package, each in one or more lines of a table."""

import subprocess

from harness import check
from table import program

# (command of bash, what it prints, its errors included)
TEXT = (
    ("printf 'b\\na\\nc\\n' | sort -r", "c\nb\na\n"),
    ("seq 3 | shuf --random-source=/dev/zero | sort -n | tac", "3\n2\n1\n"),
    ("printf 'a\\na\\nb\\n' | uniq -c | tr -s ' '", " 2 a\n 1 b\n"),
    ("echo a:b:c | cut -d: -f2", "b\n"),
    ("seq 10 | head -n 3 | tail -n 1", "3\n"),
    ("seq 4 | paste -sd+", "1+2+3+4\n"),
    ("printf 'a 1\\nb 2\\n' > l; printf 'a x\\nb y\\n' > r; join l r", "a 1 x\nb 2 y\n"),
    ("seq 1 3 > l; seq 2 4 > r; comm -12 l r", "2\n3\n"),
    ("seq 3 | nl -w1 -s.", "1.1\n2.2\n3.3\n"),
    ("echo abcdef | fold -w 2", "ab\ncd\nef\n"),
    ("printf 'one\\ntwo\\n' | fmt", "one two\n"),
    ("printf 'a\\tb\\n' | expand -t 4", "a   b\n"),
    ("echo '    x' | unexpand -t 4", "\tx\n"),
    ("seq 2 | pr -t -2 -l 1 | tr -d ' \\t'", "12\n"),
    ("echo 'a b' | ptx -G -S '\\n' | wc -l", "2\n"),
    ("seq 100 | wc -l", "100\n"),
    ("printf 'a b\\nb c\\n' | tsort", "a\nb\nc\n"),
    ("seq 6 | split -l 3 - s. && cat s.ab", "4\n5\n6\n"),
    ("seq 4 | csplit -s - 3 && cat xx01", "3\n4\n"),
    ("echo hi | od -An -tx1", " 68 69 0a\n"),
    ("echo hi | base64 | base64 -d", "hi\n"),
    ("echo hi | base32", "NBUQU===\n"),
    ("echo hi | basenc --base16", "68690A\n"),
    ("echo hi | tee t1 > t2; cmp t1 t2 && echo same", "same\n"),
    ("echo 1234567 | numfmt --to=iec", "1.2M\n"),
    ("expr 6 '*' 7", "42\n"),
    ("factor 360", "360: 2 2 2 3 3 5\n"),
    ("printf '%05.1f|%s\\n' 3.14159 x", "003.1|x\n"),
    ("env printf '%d\\n' 0x10", "16\n"),
    ("stdbuf -oL echo line", "line\n"),
    ("yes no | head -n 2", "no\nno\n"),
    ("echo abc | tr a-c A-C", "ABC\n"),
    ("cat /dev/null && echo x | cat -A", "x$\n"),
)

SUMS = (
    ("echo hi | cksum", "1479881546 3\n"),
    ("echo hi | sum", "32856     1\n"),
    ("echo hi | md5sum", "764efa883dda1e11db47671c4a3bbd9e  -\n"),
    ("echo hi | sha1sum", "55ca6286e3e4f4fba5d0448333fa99fc5a404a73  -\n"),
    ("echo hi | sha224sum | cut -c1-8", "0689e590\n"),
    ("echo hi | sha256sum | cut -c1-16", "98ea6e4f216f2fb4\n"),
    ("echo hi | sha384sum | cut -c1-8", "4284b569\n"),
    ("echo hi | sha512sum | cut -c1-8", "d78abb05\n"),
    ("echo hi | b2sum | cut -c1-8", "7ea59e7a\n"),
    ("echo hi > f; sha256sum f > f.sum; sha256sum -c f.sum", "f: OK\n"),
)

FILES = (
    ("mkdir -p a/b && rmdir a/b && ls -a a", ".\n..\n"),
    ("umask 022; mkdir -m 750 m && stat -c '%a %F' m", "750 directory\n"),
    ("echo x > f; cp -a f g; cat g", "x\n"),
    ("mkdir -p t/u; echo y > t/u/v; cp -r t t2; cat t2/u/v", "y\n"),
    ("cp --sparse=always --reflink=auto f h && cmp f h && echo same", "same\n"),
    ("mv g g2 && [ ! -e g ] && cat g2", "x\n"),
    ("mv -n g2 /tmp/g2 && cat /tmp/g2 && mv /tmp/g2 .", "x\n"),
    ("ln f hard && stat -c %h f", "2\n"),
    ("link f hard2 && unlink hard2 && stat -c %h f", "2\n"),
    ("ln -s f soft && readlink soft && realpath -m soft/../x | sed 's,.*/,,'", "f\nx\n"),
    ("chmod 640 f && stat -c %a f && chmod u=rw,go=r f && ls -l f | cut -c1-10",
     "640\n-rw-r--r--\n"),
    ("touch -d '2001-02-03 04:05:06 UTC' f && date -u -r f +%FT%T", "2001-02-03T04:05:06\n"),
    ("truncate -s 1M big && stat -c %s big && du --apparent-size -k big | cut -f1",
     "1048576\n1024\n"),
    ("dd if=/dev/zero of=z bs=1k count=64 conv=fsync status=none && wc -c < z", "65536\n"),
    ("shred -n 1 -u z && [ ! -e z ] && echo gone", "gone\n"),
    ("mkfifo p && (echo through > p &) && cat p", "through\n"),
    ("mknod q p && [ -p q ] && echo fifo", "fifo\n"),
    ("mknod null c 1 3 2>/dev/null || echo refused", "refused\n"),
    ("install -D -m 755 f d/e/prog && stat -c %a d/e/prog", "755\n"),
    ("chown \"$(id -u):$(id -g)\" f && chgrp \"$(id -g)\" f && echo own", "own\n"),
    ("chown 0 f 2>/dev/null || echo refused", "refused\n"),
    ("cd \"$(mktemp -d)\" && pwd | cut -c1-9", "/tmp/tmp.\n"),
    ("sync f && sync && echo synced", "synced\n"),
    ("ls -1 t t2 | head -n 1 && dir t && vdir t | tail -n 1 | cut -c1-10",
     "t:\nu\ndrwxr-xr-x\n"),
    ("ls -lA --color=always / >/dev/null && dircolors -b | head -c 9", "LS_COLORS"),
    ("df --output=target /tmp | tail -n 1", "/tmp\n"),
    ("basename /x/y.c .c && dirname /x/y.c", "y\n/x\n"),
    ("pathchk -p good && echo good", "good\n"),
    ("test -r f -a -w f && [ -O f ] && echo mine", "mine\n"),
    ("rm -rf t t2 d a && [ ! -e t ] && echo gone", "gone\n"),
)

SYSTEM = (
    ("true && ! false && echo fine", "fine\n"),
    ("date -u -d @0 +%F", "1970-01-01\n"),
    ("[ \"$(date +%s)\" -gt 1600000000 ] && echo now", "now\n"),
    ("date -s @0 >/dev/null 2>&1 || echo refused", "refused\n"),
    ("env -i A=1 env", "A=1\n"),
    ("A=2 printenv A", "2\n"),
    ("id -un; id -gn; whoami; groups", "worker\nworker\nworker\nworker\n"),
    ("uname -s; uname -n", "Linux\nkastellan\n"),
    ("[ \"$(arch)\" = \"$(uname -m)\" ] && echo same", "same\n"),
    ("[ \"$(nproc)\" -ge 1 ] && echo some", "some\n"),
    ("nice -n 5 nice", "5\n"),
    ("nohup echo on 2>/dev/null", "on\n"),
    ("sleep 0.01 && echo slept", "slept\n"),
    ("timeout 0.05 sleep 5; echo $?", "124\n"),
    ("(timeout -s KILL 0.05 sleep 5; exit $?) 2>/dev/null; echo $?", "137\n"),
    ("timeout 5 echo early", "early\n"),
    ("tty; true", "not a tty\n"),
    ("stty 2>&1 | head -n 1", "stty: 'standard input': Inappropriate ioctl for device\n"),
    ("logname 2>&1; true", "logname: no login name\n"),
    ("users; who; true", ""),
    ("pinky -s | wc -l", "1\n"),
    ("hostid | wc -c", "9\n"),
    ("chroot / true 2>&1 | cut -d: -f2,3",
     " cannot change root directory to '/': Operation not permitted\n"),
    ("chcon x f 2>&1 | head -n 1 | cut -d: -f1", "chcon\n"),
    ("runcon x true 2>&1 | head -n 1 | cut -d: -f1", "runcon\n"),
)

UNTRIED = {"[", "md5sum.textutils"}  # a builtin's twin, and an old name


def frame(lines):
    """A script that prints, after each line's output, which one it was and how it ended."""
    parts = [f"({command}\n) 2>&1; printf '\\036%d %d\\036' {number} $?"
             for number, (command, _) in enumerate(lines)]
    return "\n".join(parts)


def compare(job, lines):
    result = job.run("bash", "-c", frame(lines))
    parts = result.text.split("\036")
    problems = []
    for number, (command, expected) in enumerate(lines):
        found, ending = parts[2 * number], parts[2 * number + 1]
        if (found, ending) != (expected, f"{number} 0"):
            problems.append(f"{command}\n  expected {expected!r}\n  found {found!r}, "
                            f"status {ending.split()[1]}")
    check.true(not problems, "\n".join(problems))


GRANTS = {"work": ("rw", "the files that they make")}


@program("coreutils: text", needs=["sort", "ptx"], **GRANTS)
def coreutils_text(job):
    compare(job, TEXT)


@program("coreutils: sums", needs=["sha256sum", "b2sum"], **GRANTS)
def coreutils_sums(job):
    compare(job, SUMS)


@program("coreutils: files", needs=["install", "shred"], **GRANTS)
def coreutils_files(job):
    compare(job, FILES)


@program("coreutils: system", needs=["nproc", "timeout"], **GRANTS)
def coreutils_system(job):
    compare(job, SYSTEM)


@program("coreutils: none is left out", needs=["ls", "dpkg"])
def coreutils_complete(job):
    listed = subprocess.run(["dpkg", "-L", "coreutils"], capture_output=True, text=True,
                            check=True).stdout.splitlines()
    programs = {path.rpartition("/")[2] for path in listed if "/bin/" in path or "/sbin/" in path}
    tried = " ".join(command for command, _ in TEXT + SUMS + FILES + SYSTEM)
    for mark in "|;&()<>\"$'":
        tried = tried.replace(mark, " ")
    check.equal(programs - set(tried.split()) - UNTRIED, set(), "programs that no line tries")
    job.says("ls --version", job.outside("ls", "--version").text)
