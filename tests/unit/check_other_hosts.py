#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the command says of hosts that a file describes: files of facts that are wrong, backends that
cannot work there, images; and what somebody on a Mac is told by the build. Prints TAP.

usage: check_other_hosts.py KASTELLAN
"""
import json
import os
import re
import subprocess
import sys
import tempfile

SOURCE = os.environ["KASTELLAN_SOURCE"]
GOLDEN = os.path.join(SOURCE, "tests", "golden")
FIELDS = "profile,cpu_ms,mem_mb,cpu_quota_pct,tasks_max,env"
MAC = {"os": "macos", "uid": 501, "gid": 20, "machine": "arm64",
       "macos": {"version": "15.5", "sandbox_exec": True}}
number = 0
failed = False


def report(good, name, lines=()):
    global number, failed
    number += 1
    failed = failed or not good
    print(f"{'ok' if good else 'not ok'} {number} - {name}")
    for line in lines if not good else ():
        print(f"# {line}")


def run(words, **options):
    return subprocess.run(words, capture_output=True, text=True, check=False, **options)


def golden(name):
    return os.path.join(GOLDEN, f"host-{name}.json")


# What the file holds, the place in it, what was expected.
WRONG = [
    (b"", ":1:0: ", "one JSON object is expected"),
    (b"\x7fELF\x02\x01", ":1:1: ", "one JSON object is expected"),
    (b'{"os": "macos",\n "uid": 501', ":2:11: ", "one JSON object is expected"),
    (b'{"os": "macos", "os": "linux"}', ":1:20: ", "duplicate object key"),
    (b"[]", ": facts of a host: host: ", "an object is expected, and this is a list"),
    (json.dumps({"fs_read": ["/srv"]}), ": facts of a host: fs_read: ", "no fact of this name"),
    (json.dumps({**MAC, "uid": "501"}), ": facts of a host: uid: ", 'and this is "501"'),
    (json.dumps({"host": {**MAC, "macos": {"sandboxxed": 1}}}), ": facts of a host: host.macos.sandboxxed: ",
     '"sandboxed" is one'),
    (json.dumps({**MAC, "macos": {"container_version": "banana"}}),
     ": facts of a host: macos.container_version: ", 'a version such as "0.12.0"'),
    (json.dumps({**MAC, "paths": [{"path": "x", "kind": "file"}]}), ": facts of a host: paths[0].path: ",
     "an absolute path"),
    (json.dumps({name: value for name, value in MAC.items() if name != "uid"}), ": facts of a host: uid: ",
     "the user who starts workers"),
    (json.dumps({**MAC, "os": "linux"}), ": facts of a host: macos: ", 'whose "os" is "macos"'),
    (json.dumps({"os": "windows", "uid": 1, "gid": 1}), ": facts of a host: os: ", 'no plans for "windows"'),
    (json.dumps({name: value for name, value in MAC.items() if name != "macos"}),
     ": facts of a host: macos: ", "the facts of a Mac"),
]


def check_wrong_files(kastellan, place):
    path = os.path.join(place, "facts.json")
    for content, where, expected in WRONG:
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        for command in ("plan", "doctor"):
            done = run([kastellan, command, "--host", path])
            report(done.returncode == 125 and not done.stdout and path + where in done.stderr
                   and expected in done.stderr and "remedy: " in done.stderr,
                   f"{command}: {content[:60]!r}: file, place, reason and remedy", done.stderr.splitlines())
    for missing in (os.path.join(place, "none.json"), place):
        done = run([kastellan, "plan", "--host", missing])
        report(done.returncode == 125 and missing in done.stderr and "remedy: " in done.stderr,
               "plan: a file that cannot be read is named", done.stderr.splitlines())


# Backend, host, status, the words of the refusal.
PLANS = [
    ("native", "debian12-root", 0, ""),
    ("bwrap", "no-bwrap", 125, "bubblewrap: "),
    ("native", "no-userns", 125, "userns: "),
    ("seatbelt", "macos15", 0, ""),
    ("seatbelt", "macos12", 125, "macOS 12.7 is older"),
    ("seatbelt", "macos15-sandboxed", 125, "lives in a sandbox"),
    ("container", "macos26-container", 0, ""),
    ("container", "macos15", 125, "neither in /usr/local/bin"),
    ("container", "macos13-intel", 125, "Apple silicon only"),
]


def check_plans(kastellan):
    """The plan is there to be read in any case; the status is that of a run there."""
    for backend, host, status, words in PLANS:
        done = run([kastellan, "plan", "-b", backend, "--host", golden(host), "--allow-degraded", FIELDS,
                    "--", "/bin/true"])
        report(done.returncode == status and f"backend   {backend}" in done.stdout
               and words in done.stderr and bool(words) == ("remedy: " in done.stderr),
               f"plan: {backend} on {host} ends with {status}", done.stderr.splitlines())
    done = run([kastellan, "plan", "--host", golden("macos15"), "--", "/bin/true"])
    report(done.returncode == 125 and "--allow-degraded" in done.stderr,
           "plan: what is not accepted by name is refused", done.stderr.splitlines())
    done = run([kastellan, "plan", "-b", "bwrap", "--host", golden("macos15")])
    report(done.returncode == 125 and "exists only on Linux" in done.stderr and "remedy: " in done.stderr,
           "plan: a backend of another system", done.stderr.splitlines())


IMAGES = [
    (["--image", "alpine:3.20"], "no backend of this host has images", "leave --image out"),
    (["--host", golden("debian12-root"), "--image", "x"], "no backend of this host has images",
     "leave --image out"),
    (["--host", golden("macos26-container"), "--image", "alpine:3.20"], "only described",
     "ask on that host: kastellan doctor --image alpine:3.20"),
    (["--host", golden("macos26-container"), "--image=-v"], '"-v" is not the name of an image',
     "alpine:3.20"),
    (["--host", golden("macos26-container"), "--image", "a b"], '"a b" is not the name', "alpine:3.20"),
]


def check_images(kastellan):
    for words, reason, remedy in IMAGES:
        done = run([kastellan, "doctor", *words])
        report(done.returncode == 125 and not done.stdout and reason in done.stderr
               and remedy in done.stderr.partition("remedy: ")[2],
               f"doctor: {' '.join(os.path.basename(word) for word in words)}", done.stderr.splitlines())


def check_doctor(kastellan):
    """What it prints of a described host describes that host."""
    for host in ("macos26-container", "debian12-user"):
        done = run([kastellan, "doctor", "--json", "--host", golden(host)])
        with open(golden(host)) as file:
            report(json.loads(done.stdout)["host"] == json.load(file), f"doctor: the facts of {host}",
                   done.stderr.splitlines())


def check_packages(place):
    """On a Mac, which a false uname and xcode-select make of this host."""
    install = os.path.join(SOURCE, "tools", "install-packages")
    with open(os.path.join(SOURCE, "tests", "macos", "STATUS")) as file:
        status = file.read().strip()
    for name, text in (("uname", "echo Darwin"), ("xcode-select", "exit 1")):
        with open(os.path.join(place, name), "w") as file:
            file.write(f"#!/bin/sh\n{text}\n")
        os.chmod(os.path.join(place, name), 0o755)
    bare = run(["/bin/sh", install, "build"], env={"PATH": place})
    report(bare.returncode == 1 and "xcode-select --install" in bare.stderr
           and "brew install meson ninja pkgconf" in bare.stderr and not bare.stdout,
           "install-packages: a Mac is told what to install", (bare.stdout + bare.stderr).splitlines())
    other = run(["/bin/sh", install, "build", "check"], env={"PATH": place})
    report(other.returncode == 1 and "make check-macos" in other.stderr,
           "install-packages: a Mac is told what there is for it", other.stderr.splitlines())
    with open(os.path.join(SOURCE, "README.md")) as file:
        page = " ".join(file.read().split())
    line = re.search(r"On a Mac \(macOS 13 or later\).*?make check-macos.*?claimed of them: (.*?)\.", page)
    report(line and line.group(1) == f"cross-built and model-checked, {status}",
           "README.md tells somebody with a Mac what is claimed", [str(line)])


def check_help(kastellan):
    listed = run([kastellan, "help"]).stdout
    for name in ("mcp", "workers", "selftest"):
        report(re.search(rf"^  {name} .*\(on Linux\)$", listed, re.M), f"help: {name} is on Linux", [listed])


def main():
    kastellan = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as place:
        check_wrong_files(kastellan, place)
        check_packages(place)
    check_plans(kastellan)
    check_images(kastellan)
    check_doctor(kastellan)
    check_help(kastellan)
    print(f"1..{number}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
