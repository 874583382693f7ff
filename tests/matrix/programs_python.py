# SPDX-License-Identifier: Apache-2.0
"""Python and what it carries along."""

import zipfile

from harness import check
from table import program

PYTHON = ["python3"]
FIND = ({"PATH": "/usr/bin:/bin"}, "python finds its own prefix by PATH where argv[0] has no slash")

SUBPROCESS = """
import asyncio, os, subprocess, sys
print(subprocess.run(["tr", "a-z", "A-Z"], input="words", capture_output=True, text=True).stdout)
print(subprocess.run(["sh", "-c", "exit 9"]).returncode)
print(subprocess.run(["sh", "-c", "kill -9 $$"]).returncode)
print(subprocess.check_output("echo $0 | cat", shell=True, text=True).strip())
try:
    subprocess.run(["sleep", "9"], timeout=0.05)
except subprocess.TimeoutExpired:
    print("expired")
pipe = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                        start_new_session=True, close_fds=True, cwd="/tmp", umask=0o77)
print(pipe.communicate(b"x" * 200000)[0].count(b"x"))
async def main():
    made = [await asyncio.create_subprocess_exec("echo", str(n), stdout=subprocess.PIPE)
            for n in range(4)]
    print([(await p.communicate())[0].decode().strip() for p in made])
asyncio.run(main())
pid = os.fork()
if not pid:
    os._exit(4)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), os.posix_spawn is not None)
"""

THREADS = """
import concurrent.futures, queue, threading, time
box, lock, total = queue.Queue(), threading.Lock(), 0
def work(n):
    global total
    for _ in range(200):
        with lock:
            total += n
    box.put(threading.get_native_id())
threads = [threading.Thread(target=work, args=(n,)) for n in range(20)]
[t.start() for t in threads]; [t.join() for t in threads]
print(total, len({box.get() for _ in threads}) > 1)
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    print(sum(pool.map(lambda n: n * n, range(100))))
event = threading.Event(); timer = threading.Timer(0.01, event.set); timer.start()
print(event.wait(5))
"""

PROCESSES = """
import multiprocessing, os
from multiprocessing import shared_memory
def square(n):
    return n * n
def child(queue, lock, value):
    with lock:
        value.value += 1
    queue.put(os.getpid() != os.getppid())
if __name__ == "__main__":
    for method in ("fork", "spawn"):
        context = multiprocessing.get_context(method)
        with context.Pool(3) as pool:
            print(method, pool.map(square, range(6)))
    queue, lock = multiprocessing.Queue(), multiprocessing.Lock()
    value = multiprocessing.Value("i", 0)
    started = [multiprocessing.Process(target=child, args=(queue, lock, value)) for _ in "ab"]
    [p.start() for p in started]
    print([queue.get(timeout=9) for _ in started])
    [p.join() for p in started]
    print(value.value, [p.exitcode for p in started])
    block = shared_memory.SharedMemory(create=True, size=4096)
    same = shared_memory.SharedMemory(block.name)
    block.buf[:4] = b"once"
    print(bytes(same.buf[:4]))
    same.close(); block.close(); block.unlink()
    one, other = multiprocessing.Pipe()
    one.send({"a": 1})
    print(other.recv())
"""

SQLITE = """
import sqlite3
for mode in ("delete", "wal"):
    base = sqlite3.connect("base.db")
    print(base.execute(f"pragma journal_mode={mode}").fetchone()[0])
    base.execute("create table if not exists t (n integer primary key, word text)")
    with base:
        base.executemany("insert into t (word) values (?)", [("a",), ("b",)])
    base.close()
base = sqlite3.connect("base.db")
print(base.execute("select count(*), group_concat(word, '') from t").fetchone())
print(base.execute("pragma integrity_check").fetchone()[0])
memory = sqlite3.connect(":memory:")
base.backup(memory)
print(memory.execute("select max(n) from t").fetchone()[0])
"""

SSL = """
import hashlib, secrets, ssl
context = ssl.create_default_context()
print(context.verify_mode == ssl.CERT_REQUIRED, len(context.get_ca_certs()) > 10)
client, server = ssl.MemoryBIO(), ssl.MemoryBIO()
wrapped = context.wrap_bio(client, server, server_hostname="example.com")
try:
    wrapped.do_handshake()
except ssl.SSLWantReadError:
    print("hello of", server.pending > 100)
print(hashlib.sha3_256(b"x").hexdigest()[:8], len(secrets.token_bytes(16)))
"""

LIBRARY = """
import ctypes, datetime, getpass, locale, mmap, os, pathlib, platform, pwd, resource, select
import shutil, signal, socket, tempfile, time, zoneinfo
print(pwd.getpwuid(os.getuid()).pw_name, os.path.expanduser("~"), socket.gethostname())
with tempfile.TemporaryDirectory() as place:
    path = pathlib.Path(place, "f")
    path.write_text("text")
    shutil.copytree(place, place + ".copy")
    print(place.startswith("/tmp/"), path.stat().st_size, sorted(os.listdir(place + ".copy")))
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as view:
        view[:4] = b"TEXT"
    print(path.read_text())
one, other = socket.socketpair()
one.sendall(b"ping")
print(select.select([other], [], [], 5)[0][0].recv(9))
try:
    socket.create_connection(("127.0.0.1", 9), 1)
except OSError as error:
    print("refused:", error.strerror)
print(ctypes.CDLL(None).getpid() == os.getpid(), os.cpu_count() >= 1)
signal.signal(signal.SIGALRM, lambda *_: print("alarm"))
signal.setitimer(signal.ITIMER_REAL, 0.01); signal.pause()
fd = os.memfd_create("m"); os.write(fd, b"12"); print(os.fstat(fd).st_size)
print(datetime.datetime(2024, 7, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")).utcoffset())
print(platform.system(), time.tzname[0], locale.setlocale(locale.LC_ALL, "C.UTF-8"))
poll = select.epoll(); poll.register(one, select.EPOLLOUT); print(len(poll.poll(1)))
"""


def python(job, text, *lines, **options):
    """From a file, since a spawned child reads it again; line by line."""
    path = "/tmp/script.py"
    result = job.run("sh", "-c", f"cat > {path}; exec python3 {path}", stdin=text.encode(),
                     **options)
    check.equal(result.lines, list(lines), "what the script printed")


@program("python3: subprocess", needs=PYTHON)
def subprocesses(job):
    python(job, SUBPROCESS, "WORDS", "9", "-9", "/bin/sh", "expired", "200000",
           "['0', '1', '2', '3']", "4 True")


@program("python3: threads", needs=PYTHON, reserves=True)
def threads(job):
    python(job, THREADS, "38000 True", "328350", "True")


@program("python3: multiprocessing", needs=PYTHON, env=FIND,
         mem_mb=(128, "up to seven interpreters at once"),
         cpu_ms=(3000, "eight interpreters start"))
def processes(job):
    python(job, PROCESSES, "fork [0, 1, 4, 9, 16, 25]", "spawn [0, 1, 4, 9, 16, 25]",
           "[True, True]", "2 [0, 0]", "b'once'", "{'a': 1}")


@program("python3: sqlite3", needs=PYTHON, work=("rw", "the database"))
def sqlite(job):
    job.file("script.py", SQLITE)
    job.says("python3 script.py", "delete\nwal\n(4, 'abab')\nok\n4\n")
    check.equal(job.outside("python3", "-c", SQLITE.splitlines()[1] + "\nprint(sqlite3.connect("
                            f"'{job.work}/base.db').execute('select count(*) from t').fetchone())",
                            ).text, "(4,)\n", "rows, counted outside")


@program("python3: ssl", needs=PYTHON)
def ssl(job):
    python(job, SSL, "True True", "hello of True", "741efa31 16")


@program("python3: the standard library's view of the system", needs=PYTHON)
def library(job):
    python(job, LIBRARY, "worker /tmp kastellan", "True 4 ['f']", "TEXT", "b'ping'",
           "refused: Address family not supported by protocol", "True True", "alarm", "2",
           "2:00:00", "Linux UTC C.UTF-8", "1")


def wheel(job, name):
    with zipfile.ZipFile(job.work / f"{name}-py3-none-any.whl", "w") as archive:
        archive.writestr("small.py", "word = 'installed'\n")
        about = f"{name}.dist-info"
        archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: small\nVersion: 1.2\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n"
                         "Tag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", f"small.py,,\n{about}/METADATA,,\n{about}/WHEEL,,\n")


@program("python3: venv", needs=PYTHON, env=FIND,
         work=("rw", "the environment, and a package to install there"),
         mem_mb=(256, "pip is unpacked from a wheel in /tmp, which is memory, and imported"),
         cpu_ms=(20000, "pip is unpacked and compiled, some thousand files"))
def venv(job):
    job.run("python3", "-m", "venv", "v")
    job.says("v/bin/python -c 'import sys; print(sys.prefix != sys.base_prefix)'", "True\n")
    job.says(["sh", "-c", ". v/bin/activate && command -v python"], f"{job.work}/v/bin/python\n")
    check.contains(job.run("v/bin/pip", "--version").text, f"{job.work}/v/lib/")
    wheel(job, "small-1.2")
    job.run("v/bin/pip", "install", "--quiet", "--no-index", "small-1.2-py3-none-any.whl")
    job.says("v/bin/python -c 'import small; print(small.word)'", "installed\n")


@program("pytest on a small suite", needs=["pytest"], work=("rw", "the suite and its cache"))
def pytest(job):
    job.file("lib.py", "def double(n):\n    return 2 * n\n")
    job.file("test_lib.py", """
import subprocess, threading
import pytest
from lib import double

@pytest.mark.parametrize("n", range(5))
def test_double(n):
    assert double(n) == n + n

def test_files(tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "f").write_text("x")
    subprocess.run(["cat", "f"], check=True)
    assert capfd.readouterr().out == "x"

def test_wrong():
    assert double(2) == 5
""")
    result = job.run("pytest", "-q", code=1)
    check.contains(result.text, "1 failed, 6 passed", "assert 4 == 5", "test_lib.py:17")
    job.run("pytest", "-q", "--deselect", "test_lib.py::test_wrong", "-p", "no:cacheprovider")
    check.true((job.work / ".pytest_cache/v/cache/lastfailed").exists(), "its cache is not there")
