# SPDX-License-Identifier: Apache-2.0
"""What builds, keeps, queries and fetches."""

import http.server
import threading

from harness import check
from table import program

PATH = ({"PATH": "/usr/bin:/bin"}, "it starts its own parts by name")

HELLO = """
#include <pthread.h>
#include <stdio.h>
static void *add(void *n) { ++*(int *)n; return NULL; }
int main(void)
{
	int n = 41;
	pthread_t thread;
	pthread_create(&thread, NULL, add, &n);
	pthread_join(thread, NULL);
	printf("%d\\n", n);
	return 0;
}
"""

MAKEFILE = """
objects = one.o two.o
all: program
program: $(objects)
	cc -o $@ $^
%.o: %.c
	cc -c -o $@ $<
clean:
	rm -f program $(objects)
count := $(shell ls *.c | wc -l)
$(info $(count) sources)
.PHONY: all clean
"""

PERL = r"""
use strict; use warnings; use threads; use Fcntl ':flock'; use File::Temp 'tempdir';
use POSIX (); use Digest::SHA 'sha256_hex'; use IPC::Open3; use Time::HiRes 'usleep';
my %count; $count{$_}++ for split //, "mississippi";
print join(",", map { "$_$count{$_}" } sort keys %count), "\n";
(my $text = "2024-05-06") =~ s/(\d+)-(\d+)-(\d+)/$3.$2.$1/; print "$text\n";
print qx(echo from shell); print $? >> 8, "\n";
my $pid = fork // die; if (!$pid) { usleep 1000; POSIX::_exit(5) } waitpid $pid, 0;
print $? >> 8, "\n";
my $dir = tempdir(CLEANUP => 1); open my $file, ">", "$dir/f" or die; flock $file, LOCK_EX or die;
print $file "x" x 10; close $file; print -s "$dir/f", "\n";
print substr(sha256_hex("x"), 0, 8), "\n";
my $kid = open3(my $in, my $out, undef, "cat"); print $in "through"; close $in;
print <$out>, "\n"; waitpid $kid, 0;
print threads->create(sub { return 6 * 7 })->join, "\n";
print((getpwuid $<)[0], " ", scalar localtime 0, "\n");
"""


@program("git: init, commit, log, diff, branch, clone, gc", needs=["git"],
         work=("rw", "the repositories"),
         env=({"HOME": "/tmp"}, "git reads its user's settings from HOME"))
def git(job):
    check.equal(job.script("""
        git config --global user.name Worker; git config --global user.email worker@example.org
        git config --global init.defaultBranch main
        git init -q a; cd a
        export GIT_COMMITTER_DATE='@0 +0000' GIT_AUTHOR_DATE='@0 +0000'
        echo one > f; git add f; git commit -qm First
        echo two >> f; git diff --stat | tail -n 1
        git commit -qam Second; git log --format='%s by %an' | cat
        git diff HEAD~ | tail -n 2
        git checkout -qb side; echo three > g; git add g; git commit -qm Third
        git checkout -q main; git merge -q --no-ff -m Merge side; git ls-files | paste -sd' '
        git tag -a v1 -m One; git describe; git stash -q; git status --short
        git gc -q; git fsck --strict 2>&1; git count-objects -v | grep in-pack
        cd ..; git clone -q a b; git clone -q file://$PWD/a c; git -C c log --oneline | wc -l
        cd b; echo four > h; git add h; git commit -qm Fourth; git push -q origin main:other
        git -C ../a branch --list other; git worktree add -q ../w side; cat ../w/g
        git archive HEAD | tar -t | paste -sd' '; git grep -n two
        """, timeout=60).lines, [
        " 1 file changed, 1 insertion(+)", "Second by Worker", "First by Worker", " one", "+two",
        "f g", "v1", "in-pack: 11", "4", "  other", "three", "f g h", "f:2:two"], "output")
    outside = job.outside("git", "-c", "safe.directory=*", "-C", job.work / "a", "log", "-1",
                          "--format=%s", "other")
    check.equal(outside.text, "Fourth\n", "the log, read outside")


@program("gcc: compile, link, run", needs=["gcc", "ld", "as"],
         work=("rw", "sources and what is made of them"), env=PATH)
def gcc(job):
    job.file("hello.c", HELLO)
    job.run("gcc", "-O2", "-Wall", "-Werror", "-g", "-pthread", "-o", "hello", "hello.c")
    job.says("./hello", "42\n")
    job.run("gcc", "-O2", "-static", "-pipe", "-pthread", "-o", "still", "hello.c")
    job.says("./still", "42\n")
    check.equal(job.outside(job.work / "hello").text, "42\n", "the program, run outside")
    job.file("lib.c", "int seven(void) { return 7; }\n")
    job.file("use.c", "int seven(void);\nint main(void) { return seven(); }\n")
    job.script("gcc -shared -fPIC -o libseven.so lib.c && gcc -flto -o use use.c -L. -lseven "
               "-Wl,-rpath,'$ORIGIN'")
    job.run("./use", code=7)
    job.file("bad.c", "int main(void) { return x; }\n")
    check.contains(job.run("gcc", "bad.c", code=1, complaint=None).complaint, "undeclared")


@program("make: in parallel, up to date, clean", needs=["make", "cc"],
         work=("rw", "sources and what is made of them"), env=PATH)
def make(job):
    job.file("Makefile", MAKEFILE)
    job.file("one.c", "int two(void);\nint main(void) { return two(); }\n")
    job.file("two.c", "int two(void) { return 2; }\n")
    check.equal(sorted(job.run("make", "-j", "3").lines), [
        "2 sources", "cc -c -o one.o one.c", "cc -c -o two.o two.c", "cc -o program one.o two.o"],
        "what it did")
    job.run("./program", code=2)
    job.says("make", "2 sources\nmake: Nothing to be done for 'all'.\n")
    job.run("make", "-s", "clean")
    check.true(not (job.work / "program").exists(), "clean left the program")


@program("perl", needs=["perl"])
def perl(job):
    result = job.run("perl", "-", stdin=PERL.encode())
    check.equal(result.lines, ["i4,m1,p2,s4", "06.05.2024", "from shell", "0", "5", "10",
                               "2d711642", "through", "42", "worker Thu Jan  1 00:00:00 1970"],
                "output")


@program("jq", needs=["jq"], work=("rw", "a document"))
def jq(job):
    job.file("d.json", '{"a": [1, 2, 3], "b": {"c": "x"}}')
    job.says(["jq", "-c", "[.a[] | . * 2], (.b | keys), ([.a[]] | add)", "d.json"],
             '[2,4,6]\n["c"]\n6\n')
    job.says(["jq", "-r", "--arg", "n", "v", r'"\(.b.c)-\($n)"', "d.json"], "x-v\n")
    outside = job.outside("jq", ".", stdin=b"{")
    job.run("jq", ".", code=outside.code, stdin=b"{", complaint=outside.complaint)


@program("ripgrep", needs=["rg"], work=("rw", "a tree to search"))
def ripgrep(job):
    for number in range(200):
        job.file(f"t/{number % 7}/{number}.txt", f"line\nneedle {number}\n" * 20)
    job.file("t/.ignore", "3/\n")
    check.equal(job.run("rg", "-j", "4", "--sort", "path", "-c", "needle 19[0-9]", "t").lines,
                sorted(f"t/{n % 7}/{n}.txt:20" for n in range(190, 200) if n % 7 != 3), "matches")
    job.says("rg --no-ignore --files-with-matches 'needle 3$' t", "t/3/3.txt\n")
    job.run("rg", "absent", "t", code=1)


@program("sqlite3", needs=["sqlite3"], work=("rw", "the database"))
def sqlite3(job):
    job.says(["sqlite3", "base.db"], "wal\n3|60\nok\n", stdin=b"""
pragma journal_mode=wal; create table t (n int, w text); create index i on t (w);
insert into t values (10, 'a'), (20, 'b'), (30, 'c'); select count(*), sum(n) from t;
pragma integrity_check;
""")
    job.says(["sqlite3", "-json", "base.db", "select w from t where n > 10 order by n"],
             '[{"w":"b"},\n{"w":"c"}]\n')
    check.equal(job.outside("sqlite3", job.work / "base.db", "select max(n) from t").text, "30\n",
                "read outside")


@program("openssl: digests, keys, certificates, ciphers", needs=["openssl"],
         work=("rw", "keys and certificates"))
def openssl(job):
    job.says("openssl dgst -sha256 -r", "98ea6e4f216f2fb4b69fff9b3a44842c38686ca685f3f55dc48c5d3fb"
             "1107be4 *stdin\n", stdin=b"hi\n")
    job.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=worker", "-days",
            "2", complaint=None)
    job.says("openssl x509 -in cert.pem -noout -subject", "subject=CN = worker\n")
    job.says("openssl verify -CAfile cert.pem cert.pem", "cert.pem: OK\n")
    job.file("plain", "words\n" * 1000)
    job.script("openssl enc -aes-256-cbc -pbkdf2 -pass pass:x -in plain -out sealed; "
               "openssl enc -d -aes-256-cbc -pbkdf2 -pass pass:x -in sealed | cmp - plain")
    job.script("openssl dgst -sha256 -sign key.pem -out sig plain; "
               "openssl x509 -in cert.pem -pubkey -noout > pub.pem")
    job.says("openssl dgst -sha256 -verify pub.pem -signature sig plain", "Verified OK\n")
    check.equal(len(job.run("openssl", "rand", "-hex", "8").text), 17, "random digits")


class Greeting(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"fetched")

    def log_message(self, *_):
        pass


@program("curl: a refused network, with a clean error", needs=["curl"],
         work=("rw", "a file to read"))
def curl(job):
    server = http.server.HTTPServer(("127.0.0.1", 0), Greeting)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    job.context.later(server.server_close)
    job.context.later(server.shutdown)
    address = f"http://127.0.0.1:{server.server_port}/"
    check.equal(job.outside("curl", "-sS", "--noproxy", "*", address).text, "fetched",
                "control: outside it is there")
    refused = job.run("curl", "-sS", address, code=7, complaint=None)
    check.contains(refused.complaint, "curl: (7)", "127.0.0.1")
    lookup = job.run("curl", "-sS", "https://example.invalid/", code=6, complaint=None)
    check.contains(lookup.complaint, "curl: (6) Could not resolve host: example.invalid")
    job.file("page", "local")
    job.says(f"curl -sS file://{job.work}/page", "local")
