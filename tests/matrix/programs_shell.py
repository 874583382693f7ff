# SPDX-License-Identifier: Apache-2.0
"""Shells, archives and text tools. The core utilities have a table of their own."""

from harness import check
from table import program

WORK = ("rw", "its files")


@program("bash: pipes, substitutions, jobs, traps", needs=["bash"])
def bash(job):
    check.equal(job.script("""
        for i in 1 2 3; do echo $((i * i)); done | sort -rn | paste -sd' '
        cat <(echo one) - <<< two
        mapfile -t lines < <(printf '%s\\n' {a..e}); echo ${#lines[@]} ${lines[4]}
        trap 'echo caught' USR1; kill -USR1 $$; sleep 0.01
        (exit 7) & wait $! || echo "job $?"
        coproc cat; echo through >&${COPROC[1]}; read -r word <&${COPROC[0]}; echo $word
        exec {COPROC[1]}>&-; wait
        [[ /usr/bin/env -ef /bin/env && ! -e /root && -w /tmp && ! -w / ]] && echo places
        umask 027; : > /tmp/f; stat -c %a /tmp/f
        echo ~ $(id -un) $HOSTNAME
        printf '%(%Y)T %q\\n' 0 'a b'
    """).lines, ["9 4 1", "one", "two", "5 e", "caught", "job 7", "through", "places", "640",
                 "/tmp worker kastellan", r"1970 a\ b"], "what the script printed")


@program("bash: a login shell that reads its profile", needs=["bash"], work=WORK,
         env=({"HOME": "/tmp"}, "a shell's start-up files are in HOME"))
def login(job):
    job.file("script.sh", "#!/bin/bash\necho \"$0 $*\"\nexit 3\n").chmod(0o755)
    job.says(["bash", "-lc", "shopt -q login_shell && echo login; cd; pwd"], "login\n/tmp\n")
    job.says("./script.sh a b", "./script.sh a b\n", code=3)


@program("bash: its streams, opened by name", needs=["bash", "tee"])
def streams(job):
    result = job.run("bash", "-c", "cat /dev/stdin; echo log > /dev/stderr; "
                     "echo twice | tee /dev/fd/1; echo null | tee /dev/null > /dev/null; "
                     "head -c 4 /dev/urandom | wc -c; head -c 9 /dev/zero | wc -c; "
                     "echo x > /dev/full", stdin=b"given\n", code=1, complaint=None)
    check.equal(result.lines, ["given", "twice", "twice", "4", "9"], "stdout")
    check.contains(result.complaint, "log\n", "No space left on device")


@program("dash: scripts in the grant and in /tmp", needs=["dash"], work=WORK)
def dash(job):
    job.file("fib", "#!/bin/sh\na=0 b=1\nwhile [ $b -lt 50 ]; do echo $b; t=$((a+b)); a=$b b=$t;"
             " done\n").chmod(0o755)
    job.says("./fib", "1\n1\n2\n3\n5\n8\n13\n21\n34\n")
    job.says(["sh", "-c", "cp fib /tmp/x && /tmp/x | tail -n 1"], "34\n")


@program("grep, sed, awk, find, xargs, diff", work=WORK,
         needs=["grep", "sed", "awk", "find", "xargs", "diff", "cmp"])
def text(job):
    job.file("a/one.txt", "alpha\nbeta\ngamma\n")
    job.file("a/two.txt", "beta\ndelta\n")
    check.equal(job.script("""
        grep -rn beta a | sort
        sed -E 's/(.)eta/\\1ETA/; /gamma/d' a/one.txt
        sed -i s/delta/epsilon/ a/two.txt && cat a/two.txt
        awk '{ n += length($0) } END { print n }' a/one.txt
        find a -type f -name '*.txt' -newermt 2000-01-01 -size -2 | sort
        find a -name '*.txt' -print0 | xargs -0 -P 2 -n 1 wc -l | sort
        diff -u --label old --label new a/one.txt a/two.txt || true
        cmp -s a/one.txt a/one.txt && echo same
    """).lines, [
        "a/one.txt:2:beta", "a/two.txt:1:beta", "alpha", "bETA", "beta", "epsilon", "14",
        "a/one.txt", "a/two.txt", "2 a/two.txt", "3 a/one.txt", "--- old", "+++ new",
        "@@ -1,3 +1,2 @@", "-alpha", " beta", "-gamma", "+epsilon", "same"], "output")


# xz -6 maps 94 MiB for its dictionary and tables, and touches as much of them as there is data.
@program("tar, gzip, bzip2, xz, zstd", work=WORK, reserves=True,
         needs=["tar", "gzip", "bzip2", "xz", "zstd"])
def archives(job):
    content = "".join(f"line {number}\n" for number in range(20000))
    job.file("tree/data", content)
    job.file("tree/deep/program", "#!/bin/sh\n").chmod(0o750)
    (job.work / "tree/link").symlink_to("deep/program")
    names = "tree/\ntree/data\ntree/deep/\ntree/deep/program\ntree/link\n"
    for option, name in (("-z", "t.gz"), ("-j", "t.bz2"), ("-J", "t.xz"), ("--zstd", "t.zst")):
        job.run("tar", option, "-cf", name, "tree")
        check.within((job.work / name).stat().st_size, 500, len(content) // 4, f"size of {name}")
        job.says(["bash", "-c", f"tar -tf {name} | sort"], names)
        job.script(f"mkdir out && tar -xpf {name} -C out && diff -r tree out/tree")
        check.equal(oct((job.work / "out/tree/deep/program").stat().st_mode & 0o7777), "0o750",
                    "mode after extraction")
        job.script("rm -r out")
    check.equal(outside_list(job, "t.zst"), names, "the archive, listed outside")
    for tool in ("gzip", "bzip2", "xz", "zstd -q"):
        job.script(f"{tool} -c tree/data > d.z && {tool} -t d.z && {tool} -dc < d.z | "
                   "cmp - tree/data")


def outside_list(job, name):
    result = job.outside("bash", "-c", f"tar -tf {job.work / name} | sort")
    return result.text


@program("zstd and xz with threads", work=WORK, needs=["zstd", "xz"], reserves=True)
def threads(job):
    job.file("data", "".join(f"{number * 7919 % 100003}\n" for number in range(1000000)))
    job.script("zstd -q -T2 -3 data -o data.zst && zstd -q -T2 -dc data.zst | cmp - data")
    job.script("xz -T2 -1 -k data && xz -dc data.xz | cmp - data")
