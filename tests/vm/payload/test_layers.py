# SPDX-License-Identifier: Apache-2.0
"""What kastellan says of a host is what the host is; a layer that is missing is named, with the
remedy, and nothing runs without it unless that is accepted by name."""

import os
import pathlib

import facts
import jail
from harness import check, command, equal, only

WHOLE = ("debian12", "plain", "sid", "arm64")
NO_LANDLOCK = ("no-landlock", "landlock-off")
APPARMOR = ("apparmor", "apparmor-deny")
NO_USERNS = (*APPARMOR, "no-userns")
FILES = "fs_read,fs_write"


def cannot_jail(suite):
    """Root's workers have a user namespace, too, so that AppArmor alone tells root from others."""
    return suite.guest == "no-userns" or (suite.guest in APPARMOR and suite.user == "worker")


def test_installed(suite):
    """The program is installed and says its version."""
    done = command(jail.KASTELLAN, "--version")
    equal(done.returncode, 0, done.stderr)
    check("kastellan" in done.stdout, done.stdout)


def test_doctor_landlock(suite):
    """The doctor's Landlock is the kernel's."""
    abi, error = facts.landlock()
    host = jail.doctor()["host"]
    equal((host["landlock_abi"], host["landlock_errno"]), (abi, error))


def test_doctor_identity(suite):
    """The doctor's kernel and user are the guest's."""
    host = jail.doctor()["host"]
    equal((host["kernel"], host["uid"]), (os.uname().release, os.getuid()))


def test_doctor_jail(suite):
    """The doctor's bubblewrap works where bubblewrap works."""
    host = jail.doctor()["host"]
    works = facts.bwrap().returncode == 0 and not cannot_jail(suite)
    equal(host["bwrap"]["works"], works, host["bwrap"])
    if cannot_jail(suite):
        equal(host["userns"], "apparmor" if suite.guest in APPARMOR else "max-zero")
    else:
        equal(host["userns"], "usable")


def test_doctor_groups(suite):
    """The doctor's control groups are those that hold limits here."""
    group = jail.doctor()["host"]["cgroup"]
    if suite.guest == "hybrid":
        wanted = {"root": ("v1",), "worker": ("none",)}
    else:
        wanted = {"root": ("v2", "scope"),
                  "worker": ("v2",) if suite.guest == "plain" else ("scope",)}
    check(group["manager"] in wanted[suite.user], group)
    whole = group["manager"] != "none"
    for name in ("memory", "tasks", "cpu_quota", "cpu_time"):
        equal(group[name], whole, group)
    if not whole:
        check(group["reason"], group)


@only(guests=WHOLE)
def test_strict(suite):
    """The default policy runs, and every row of its receipt holds."""
    done = jail.python("print('ran')")
    equal((done.type, done.code, done.out), ("exit", 0, "ran\n"), done)
    for row in done.status["receipt"]:
        check(row["verdict"] in ("held", "clamped"), row)


def secret(suite):
    """A file that the user may read outside."""
    path = pathlib.Path.home() / "secret"
    path.write_text("treasure\n")
    return path


def check_files_hold(suite, *words):
    """A file is read with a grant and not without one."""
    path = secret(suite)
    script = f"print(open({str(path)!r}).read())"
    granted = jail.python(script, "-r", str(path), *words)
    equal((granted.type, granted.code), ("exit", 0), granted)
    check("treasure" in granted.out, granted)
    denied = jail.python(script, *words)
    equal((denied.type, denied.code), ("exit", 1), denied)
    check("FileNotFoundError" in denied.err or "PermissionError" in denied.err, denied)


@only(guests=WHOLE)
def test_files(suite):
    """A file is read with a grant and not without one."""
    check_files_hold(suite)


@only(guests=NO_LANDLOCK)
def test_refused_without_landlock(suite):
    """Without Landlock nothing runs; the refusal names it and what to do."""
    # No word to the kernel helps where it was compiled out.
    remedy = {"no-landlock": "5.13", "landlock-off": "lsm=landlock"}[suite.guest]
    path = secret(suite)
    held = jail.run("-r", str(path), "--", "cat", str(path))
    equal((held.type, held.code, held.out), ("setup", 125, ""), held)
    told = " ".join(str(held.error.get(key)) for key in ("message", "remedy"))
    check("Landlock" in told and remedy in told, held)
    check(held.error["field"] in FILES.split(","), held)
    check("Landlock" in held.err and remedy in held.err, held)


@only(guests=NO_LANDLOCK)
def test_degraded_without_landlock(suite):
    """Accepted by name, the mount namespace alone holds, and the receipt says so."""
    allowed = ("--allow-degraded", FILES)
    check_files_hold(suite, *allowed)
    done = jail.python("print('ran')", *allowed)
    for field in FILES.split(","):
        equal(done.verdict(field), "degraded", done)
        check("Landlock" in done.row(field)["detail"], done.row(field))
        check("Landlock" not in done.row(field)["mechanism"], done.row(field))


@only(guests=NO_LANDLOCK)
def test_only_what_was_named(suite):
    """Accepting another field does not accept this one."""
    held = jail.run("--allow-degraded", "mem_mb", "--", "true")
    equal((held.type, held.code), ("setup", 125), held)


@only(guests=APPARMOR, users=("root",))
def test_root_is_not_restricted(suite):
    """Root, whom AppArmor does not confine here, has its jail."""
    done = jail.python("print('ran')")
    equal((done.type, done.code, done.out), ("exit", 0, "ran\n"), done)


@only(guests=("no-userns",))
def test_no_userns_is_named(suite):
    """Without user namespaces nothing runs, and the refusal says why and what serves instead."""
    for backend in ("bwrap", "native"):
        held = jail.run("-b", backend, "--", "sh", "-c", "echo ran")
        equal((held.type, held.code, held.out), ("setup", 125, ""), held)
        told = f"{held.error.get('message')} {held.error.get('remedy')}"
        check("max_user_namespaces" in told and "-b landlock" in told, held)


@only(guests=APPARMOR, users=("worker",))
def test_refused_by_apparmor(suite):
    """Nothing runs where AppArmor forbids the jail; the refusal names it and the remedy."""
    # Several times, as the first thing to fail may be another one the next time.
    for _ in range(3):
        held = jail.run("--", "sh", "-c", "echo ran")
        equal((held.type, held.code, held.out), ("setup", 125, ""), held)
        check("AppArmor" in held.error["message"], held)
        remedy = held.error["remedy"] or ""
        check("apparmor" in remedy and "userns," in remedy, held)
        check("AppArmor" in held.err and remedy[:40] in held.err, held)


@only(guests=APPARMOR, users=("worker",))
def test_apparmor_cannot_be_waved_through(suite):
    """No word on the command line lets a worker run without its jail."""
    everything = "fs_read,fs_write,net,cpu_ms,mem_mb,profile,cpu_quota_pct,tasks_max,env,egress"
    held = jail.run("--allow-degraded", everything, "--", "sh", "-c", "echo ran")
    equal((held.type, held.code, held.out), ("setup", 125, ""), held)


def finding(kind, name):
    """One of the doctor's findings: kind is "layers" or "backends"."""
    key = {"layers": "layer", "backends": "kind"}[kind]
    return next(row for row in jail.doctor()[kind] if row[key] == name)


def test_doctor_backend(suite):
    """The doctor finds the default backend in the state that a run would find it in."""
    row = finding("backends", "bwrap")
    if cannot_jail(suite):
        wanted = ("fails", "userns")
    elif suite.guest in NO_LANDLOCK:
        wanted = ("limited", "landlock")
    elif (suite.guest, suite.user) == ("hybrid", "worker"):
        wanted = ("limited", "cgroup")
    else:
        wanted = ("works", None)
    equal((row["state"], row["layer"]), wanted, row)
    check(row["default"], row)
    equal(bool(row["reason"]), wanted[0] != "works", row)


def test_doctor_text(suite):
    """For people the doctor says the same as for programs, with the remedy."""
    done = command(jail.KASTELLAN, "doctor")
    row = finding("backends", "bwrap")
    check("bwrap" in done.stdout and row["state"] in done.stdout, done.stdout, done.stderr)
    if row["remedy"]:
        # However the lines are broken.
        check(row["remedy"][:60] in " ".join(done.stdout.split()), row, done.stdout)
