# SPDX-License-Identifier: Apache-2.0
"""Whole commands: kastellan's own and its peers', each with the arguments that come nearest to the
same policy, and each held to a witness before it is measured: the program has run, its grant could
be written to, and a file outside could not."""
import json
import os
import shutil
import subprocess

CACHE = os.environ.get("KASTELLAN_BENCH_PEERS", os.path.expanduser("~/.cache/kastellan-bench"))
POLICY = ["--mem", "256M", "--cpu", "10s", "--cpu-quota", "150", "--tasks", "64",
          "-e", "LANG=C.UTF-8"]


def kastellan_run(kastellan, backend, place):
    extra = []
    if backend == "landlock":
        extra = ["--allow-degraded", "fs_read,fs_write,net,profile,mem_mb,cpu_ms,cpu_quota_pct,"
                                     "tasks_max,env,egress"]
    return [kastellan, "run", "-b", backend, "-r", place.file("read"), "-w", place.file("write"),
            *POLICY, *extra, "--"]


def bwrap_plain(place):
    """As a person writes it."""
    return ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv",
            "--cap-drop", "ALL", "--uid", "1000", "--gid", "1000",
            "--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib",
            "/lib", "--symlink", "usr/lib64", "/lib64", "--proc", "/proc", "--dev", "/dev",
            "--tmpfs", "/tmp", "--ro-bind", place.file("read"), place.file("read"),
            "--bind", place.file("write"), place.file("write"), "--chdir", "/", "--"]


def bwrap_planned(kastellan, place):
    """With the arguments of the Bwrap backend's own plan: what is passed by descriptor there comes
    by path here."""
    text = subprocess.run([kastellan, "plan", "--json", "-b", "bwrap", "-r", place.file("read"),
                           "-w", place.file("write"), *POLICY], capture_output=True, text=True,
                          check=False).stdout
    if not text:
        return None
    plan = json.loads(text)
    data = {m["path"]: m["source"] for m in plan["mounts"] if m["kind"] == "data"}
    helper = plan["helper"][:plan["helper"].index("--")]
    arguments, words = [], iter(helper)
    for word in words:
        if word in ("--ro-bind-data", "--ro-bind-fd", "--bind-fd"):
            next(words)
            path = source = next(words)
            if path in data:
                source = place.file("outside", os.path.basename(path))
                with open(source, "w") as file:
                    file.write(data[path])
                del arguments[-2:] # --perms, which goes with data only
            arguments += ["--bind" if word == "--bind-fd" else "--ro-bind", source, path]
        elif word in ("--bind", "--ro-bind"):
            source, path = next(words), next(words)
            arguments += [word, path if source.startswith("/proc/self/fd/") else source, path]
        else:
            arguments.append(word)
    # There, kastellan-init is pid 1; here the program would be, so bubblewrap's own has to be.
    return [word for word in arguments if word != "--as-pid-1"] + ["--"]


def firejail(place):
    return ["firejail", "--quiet", "--noprofile", "--keep-var-tmp", "--net=none", "--private-dev",
            "--read-only=/", f"--read-write={place.file('write')}", "--caps.drop=all",
            "--nonewprivs", "--seccomp", "--rlimit-nproc=64", "--"]


def runsc(_place):
    return ["runsc", "--network=none", "do"]


def srt(place):
    settings = place.file("outside", "srt.json")
    with open(settings, "w") as file:
        json.dump({"network": {"allowedDomains": [], "deniedDomains": []},
                   "filesystem": {"denyRead": [], "allowWrite": [place.file("write")],
                                  "denyWrite": []}}, file)
    return [os.path.join(CACHE, "node_modules", ".bin", "srt"), "-s", settings, "--"]


def codex(_place):
    """The current directory is what it lets be written: the granted one."""
    return [os.path.join(CACHE, "node_modules", ".bin", "codex"), "sandbox",
            "-c", 'sandbox_mode="workspace-write"',
            "-c", "sandbox_workspace_write.exclude_slash_tmp=true", "--"]


# The least that any command does before it starts another: a row to compare with, not a peer.
NOTHING = "env, which confines nothing"
# "runsc do" has no grants: all that it lets be written is an overlay of its own.
WITHOUT_GRANTS = ("runsc do",)


def all_commands(kastellan, place):
    """(name, words before the program, what to measure against)"""
    yield "kastellan run -b native", kastellan_run(kastellan, "native", place), "bwrap"
    yield "kastellan run -b bwrap", kastellan_run(kastellan, "bwrap", place), "bwrap planned"
    yield "kastellan run -b landlock", kastellan_run(kastellan, "landlock", place), "bwrap"
    yield "bwrap", bwrap_plain(place), None
    yield NOTHING, ["/usr/bin/env", "--"], "bwrap"
    yield "bwrap planned", bwrap_planned(kastellan, place), "bwrap"
    yield "firejail", firejail(place), "bwrap"
    yield "runsc do", runsc(place), "bwrap"
    yield "codex sandbox", codex(place), "bwrap"
    yield "srt", srt(place), "bwrap"


def unwritten(path):
    """Anybody may write to it: a jail without mounts runs its program as a user of nobody's, whom the
    mode of a file stops, too, and it is the jail's word that is asked for."""
    with open(path, "w"):
        os.chmod(path, 0o666)


def witness(name, words, place, environment):
    """None where the program ran confined, else why it did not."""
    inside, outside = place.file("write", "witness"), place.file("outside", "witness")
    for path in (inside, outside):
        unwritten(path)
    script = f"echo ran; echo x >{inside}; echo x >{outside}; :"
    try:
        # Not /dev/null: "runsc do" makes its streams the property of nobody.
        done = subprocess.run([*words, "/bin/sh", "-c", script], stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.PIPE, stdin=subprocess.PIPE, timeout=60,
                              cwd=place.file("write"), env=environment)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"does not run here ({error})"
    if done.returncode or "ran" not in done.stdout.split():
        return f"does not run here (status {done.returncode}, the program did not)"
    if os.path.getsize(outside) and name != NOTHING:
        return "does not run here (it let a file outside be written)"
    if name not in WITHOUT_GRANTS and not os.path.getsize(inside):
        return "does not run here (its grant cannot be written to)"
    return None


def found(words):
    return words and (shutil.which(words[0]) or os.access(words[0], os.X_OK))


def environment_for(place):
    environment = dict(os.environ)
    environment["CODEX_HOME"] = place.file("outside", "codex")
    os.makedirs(environment["CODEX_HOME"], exist_ok=True)
    return environment
