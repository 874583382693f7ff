#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Gives a test double of Apple's container what plans of the Container backend would give the real
one, and compares what it understands with the policy. Prints TAP.

usage: check_container.py KASTELLAN
"""
import json
import os
import subprocess
import sys
import tempfile

SOURCE = os.environ["KASTELLAN_SOURCE"]
DOUBLE = os.path.join(SOURCE, "tests", "doubles", "container")
HOST = {"os": "macos", "uid": 501, "gid": 20, "machine": "arm64",
        "macos": {"version": "26.1", "sandbox_exec": True, "container": "/usr/local/bin/container",
                  "container_version": "1.2.2", "container_runs": True},
        "paths": [{"path": "/tmp", "kind": "link", "target": "private/tmp"},
                  {"path": "/etc", "kind": "link", "target": "private/etc"},
                  {"path": "/private/etc/hosts", "kind": "file"}]}
VERSIONS = ("0.12.0", "0.12.3", "1.0.0", "1.2.2")
number = 0
failed = False


def report(good, name, detail=""):
    global number, failed
    number += 1
    failed = failed or not good
    print(f"{'ok' if good else 'not ok'} {number} - {name}")
    if not good:
        for line in str(detail).splitlines():
            print(f"# {line}")


def planned(kastellan, policy, program, place):
    for name, value in (("policy", policy), ("host", HOST)):
        with open(os.path.join(place, name), "w") as file:
            json.dump(value, file)
    done = subprocess.run(
        [kastellan, "plan", "--json", "--host", f"{place}/host", "-b", "container", "-p",
         f"{place}/policy", "--", *program], capture_output=True, text=True, check=False)
    return json.loads(done.stdout)["helper"]


def understood(words, policy, place, version):
    """What the double makes of the arguments, with the file of the environment in its place."""
    with open(os.path.join(place, "env"), "w") as file:
        file.writelines(f"{name}={value}\n" for name, value in policy.get("env", {}).items())
    words = [f"{place}/env" if word.endswith("/env") else word for word in words[1:]]
    return subprocess.run([DOUBLE, *words], capture_output=True, text=True, check=False,
                          env={"PATH": "/usr/bin:/bin", "HOST_ONLY": "1",
                               "CONTAINER_DOUBLE_VERSION": version})


PROGRAM = ["/usr/bin/tool", "--flag", "a b", ""]
POLICIES = {
    "nothing": {},
    "grants": {"fs_read": ["/Users/ada/in", "/etc/hosts", "/tmp/x:y"], "fs_write": ["/Users/ada/o ut"]},
    "environment": {"env": {"A": "b=c", "B": " #x ", "C": "", "PATH": "/bin", "D": "\"q\" 'r' $HOME"}},
    "limits": {"mem_mb": 64, "cpu_ms": 1500, "cpu_quota_pct": 150, "tasks_max": 7},
    "no limits": {"mem_mb": 0, "cpu_ms": 0},
    "an allowlist": {"net": {"Allowlist": ["a.example:443"]}},
}


def check(name, policy, asked):
    binds = {item["destination"]: item for item in asked["mounts"] if item["type"] == "bind"}
    files = {item["destination"]: item for item in asked["volumes"]}
    real = {"/tmp/x:y": "/private/tmp/x:y", "/etc/hosts": "/private/etc/hosts"}
    egress = files.pop("/run/kastellan-egress", None)
    report((egress is not None) == ("net" in policy), f"{name}: the proxy's socket", egress)
    wanted = policy.get("fs_read", []) + policy.get("fs_write", [])
    report(set(binds) | set(files) == set(wanted), f"{name}: each grant, and nothing else",
           (binds, files))
    report(all(item["source"] == real.get(path, path)
               for path, item in list(binds.items()) + list(files.items())),
           f"{name}: grants by their real paths", (binds, files))
    report(all(bool(binds[path].get("readonly")) if path in binds else "ro" in files[path]["options"]
               for path in policy.get("fs_read", []))
           and not any(binds[path].get("readonly") for path in policy.get("fs_write", [])),
           f"{name}: what may be read cannot be written", (binds, files))
    report(asked["env"] == policy.get("env", {}), f"{name}: exactly this environment", asked["env"])
    report(asked["--entrypoint"] == PROGRAM[0] and asked["arguments"] == PROGRAM[1:]
           and asked["image"] == "alpine:3.20", f"{name}: the program and its arguments", asked)
    report(asked["--network"] == "none" and asked["--cap-drop"] == "ALL" and asked["--read-only"]
           and asked["--rm"] and asked["--init"] and asked["--uid"] == 501 and asked["--gid"] == 20,
           f"{name}: no network, no capabilities, a read-only root, a user", asked)
    report([item for item in asked["mounts"] if item["type"] == "tmpfs"]
           == [{"type": "tmpfs", "destination": "/tmp", "size": "64M", "mode": "1777"}],
           f"{name}: a /tmp of limited size", asked["mounts"])
    if name == "limits":
        report(asked["--memory"] == "200M" and asked["--cpus"] == 2
               and asked["ulimits"]["nproc"] == [7, 7] and asked["ulimits"]["cpu"] == [2, 3],
               "limits: at least 200 MiB, whole processors", asked)
    if name == "no limits":
        report("--memory" not in asked and "cpu" not in asked["ulimits"],
               "no limits: none is given", asked)


def main():
    kastellan = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as place:
        for name, policy in POLICIES.items():
            words = planned(kastellan, policy, PROGRAM, place)
            for version in VERSIONS:
                done = understood(words, policy, place, version)
                report(done.returncode == 0, f"{name}: container {version} takes it", done.stderr)
            check(name, policy, json.loads(done.stdout))
        # Controls: the double refuses what the real one does.
        for wrong, why in (
                ([*words[:2], "--privileged", *words[2:]], "an option that does not exist"),
                ([word.replace("200M", "64M") if word.endswith("M") else word for word in
                  planned(kastellan, POLICIES["limits"], PROGRAM, place)], "too little memory"),
                ([word.replace("target=/tmp", "target=/a=b") for word in words], "a path with ="),
                ([word.replace("target=/tmp", "target=/a,b") for word in words], "a path with ,"),
                (["container", "run", "--cpus", "1.5", "alpine"], "a part of a processor"),
                (["container", "run", "--volume", "/a:b:/c:ro", "alpine"], "a file with :")):
            report(understood(wrong, {}, place, "1.2.2").returncode == 64, f"the double: {why}")
        report(understood(words, {}, place, "0.11.0").returncode == 64,
               "the double: 0.11.0 cannot drop capabilities")
        done = understood(words, {"env": {"A": "x\nHOST_ONLY"}}, place, "1.2.2")
        report(json.loads(done.stdout)["env"] == {"A": "x", "HOST_ONLY": "1"},
               "the double: a second line is a variable of its own", done.stdout)
    print(f"1..{number}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
