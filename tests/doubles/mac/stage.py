# SPDX-License-Identifier: Apache-2.0
"""A root directory that looks like a Mac's, and what the tests in it share."""
import glob
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = "/opt/tests"
KASTELLAN = "/opt/kastellan/bin/kastellan"
WARDEN = "/opt/kastellan/libexec/kastellan-warden"
EGRESS = "/opt/kastellan/libexec/kastellan-egress"
NAMES = "/opt/kastellan/libexec/kastellan-names"
PREPARED = "/opt/tests/prepared"
PROBE = f"{TESTS}/macos-probe"
SUITE = f"{TESTS}/macos-run"
TEMPORARY = "/private/tmp"
HOME = "/Users/ada"
MACHINES = f"{HOME}/machines"
MISBEHAVIOUR = f"{TEMPORARY}/double-sandbox-exec"
DEGRADED = "cpu_ms,mem_mb,profile,cpu_quota_pct,tasks_max"
PYTHON = "/usr/bin/python3"


def inside():
    return os.environ.get("MAC_STAGE") == "inside"


def enter(programs, arguments):
    """Makes the root directory of a scratch one and runs the tests in it, as a user without rights."""
    kastellan, warden, sandbox_exec, probe, egress, names, prepared = map(os.path.abspath, programs)
    with tempfile.TemporaryDirectory(prefix="mac-stage-", dir="/var/tmp") as place:
        root = os.path.join(place, "root")
        for directory in ("usr/bin", "usr/local/bin", "private/tmp", "private/var", "private/etc",
                          "run", "opt/kastellan/bin", "opt/kastellan/libexec", "opt/tests", "Users/ada",
                          "proc", "dev", "opt/host"):
            os.makedirs(os.path.join(root, directory))
        for name in os.listdir("/usr/bin"):
            os.symlink(f"/opt/host/{name}", os.path.join(root, "usr/bin", name))
        for name in ("tmp", "var", "etc"):
            os.symlink(f"private/{name}", os.path.join(root, name))
        shutil.copy(sandbox_exec, os.path.join(root, "usr/bin/sandbox-exec"))
        shutil.copy(os.path.join(HERE, "..", "container"), os.path.join(root, "usr/local/bin"))
        shutil.copy(kastellan, root + KASTELLAN)
        shutil.copy(warden, root + WARDEN)
        shutil.copy(egress, root + EGRESS)
        shutil.copy(names, root + NAMES)
        shutil.copy(prepared, root + PREPARED)
        shutil.copy(probe, root + PROBE)
        shutil.copy(os.path.join(HERE, "..", "..", "macos", "run"), root + SUITE)
        for path in glob.glob(os.path.join(HERE, "*.py")) + [os.path.join(HERE, "check")]:
            shutil.copy(path, root + TESTS)
        for directory, _, files in os.walk(place):
            os.chmod(directory, 0o755)
            os.lchown(directory, *OWNER) if os.geteuid() == 0 else None
        command = ["bwrap", "--unshare-user", "--unshare-pid", "--uid", "501", "--gid", "20",
                   "--die-with-parent", "--bind", root, "/", "--proc", "/proc", "--dev", "/dev",
                   "--ro-bind", "/etc", "/private/etc", "--ro-bind", "/usr/bin", "/opt/host",
                   "--symlink", "usr/bin", "/bin", "--clearenv",
                   "--setenv", "MAC_STAGE", "inside", "--setenv", "HOME", HOME,
                   "--setenv", "PATH", "/usr/bin", "--setenv", "KASTELLAN_WARDEN", WARDEN,
                   "--setenv", "KASTELLAN_EGRESS", EGRESS, "--setenv", "KASTELLAN_NAMES", NAMES,
                   "--setenv", "PYTHONDONTWRITEBYTECODE", "1",
                   *(word for name in ("VERBOSE", "CI", "KASTELLAN_MAC_CALLS") if name in os.environ
                     for word in ("--setenv", name, os.environ[name]))]
        for name in ("lib", "lib64"):
            if os.path.islink(f"/{name}"):
                command += ["--symlink", os.readlink(f"/{name}"), f"/{name}"]
        for name in ("lib", "lib64", "share"):
            if os.path.isdir(f"/usr/{name}"):
                command += ["--ro-bind", f"/usr/{name}", f"/usr/{name}"]
        command += ["--", PYTHON, f"{TESTS}/check", *arguments]
        return subprocess.run(as_user(command), check=False).returncode


OWNER = (65534, 65534)


def as_user(command):
    if os.geteuid() != 0:
        return command
    return ["setpriv", f"--reuid={OWNER[0]}", f"--regid={OWNER[1]}", "--clear-groups", "--", *command]


class Run:
    def __init__(self, done, status):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr
        self.receipt = {row["field"]: row for row in (status or {}).get("receipt") or []}
        outcome = (status or {}).get("outcome", {})
        self.outcome = outcome.get("type")
        self.exit_code = outcome.get("exit_code")
        self.step = ((status or {}).get("error") or {}).get("step")
        self.usage = (status or {}).get("usage", {})
        self.network = (status or {}).get("network")

    def __str__(self):
        return (f"status {self.code}, outcome {self.outcome}, step {self.step}, usage {self.usage}, "
                f"stdout {self.out[:300]!r}, stderr {self.err[:2000]!r}")


def words(program, *options, policy=None, backend="seatbelt", degraded=DEGRADED, status=None):
    command = [KASTELLAN, "run", "-b", backend, "--allow-degraded", degraded]
    if policy is not None:
        path = "/Users/policy.json"
        with open(path, "w") as file:
            json.dump(policy, file)
        command += ["-p", path]
    if status:
        command += ["--status", status]
    return command + list(options) + ["--", *program]


def run(program, *options, input=b"", env=None, **more):
    status_file = os.path.join("/Users", "status.json")
    if os.path.exists(status_file):
        os.unlink(status_file)
    done = subprocess.run(words(program, *options, status=status_file, **more), input=input,
                          capture_output=True, check=False, timeout=60,
                          env={**os.environ, **(env or {})})
    status = None
    if os.path.exists(status_file):
        with open(status_file) as file:
            text = file.read()
            status = json.loads(text) if text else None
    return Run(done, status)


def python(text):
    return [PYTHON, "-c", text]


def true(value, what):
    if not value:
        raise AssertionError(what)


def equal(found, expected, what):
    if found != expected:
        raise AssertionError(f"{what}: expected {expected!r}, found {found!r}")


def processes():
    """Everybody here but us and the first process, by number: what they execute."""
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) in (1, 2, os.getpid()):
            continue
        try:
            with open(f"/proc/{name}/stat") as file:
                if file.read().rsplit(")", 1)[1].split()[0] == "Z":
                    continue
            with open(f"/proc/{name}/cmdline") as file:
                found[int(name)] = file.read().replace("\0", " ")
        except OSError:
            pass
    return found


def until(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{what}: {processes()}, {os.listdir(TEMPORARY)}")
        time.sleep(0.005)


def nothing_left():
    """No process, no directory, no machine: after each test."""
    until(lambda: not processes(), 30, "processes that are left")
    equal(os.listdir(TEMPORARY), [], f"what is left in {TEMPORARY}")
    if os.path.isdir(MACHINES):
        equal([name for name in os.listdir(MACHINES) if ".pid" in name], [], "machines left")
        equal(os.listdir("/run"), [], "sockets of machines")
        shutil.rmtree(MACHINES)


def clear():
    for pid in processes():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    for name in os.listdir(TEMPORARY):
        path = os.path.join(TEMPORARY, name)
        shutil.rmtree(path, ignore_errors=True) if os.path.isdir(path) else os.unlink(path)
    shutil.rmtree(MACHINES, ignore_errors=True)
