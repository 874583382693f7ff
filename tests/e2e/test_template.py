# SPDX-License-Identifier: Apache-2.0
"""Guests that are restored from a template: that each is a new one, whose template nobody can have
made but kastellan, and what becomes of it where that fails."""

import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

from harness import check, residue
from harness.discover import test
from harness.jail import wait_for
from test_egress import Service, act, listed

OURS = ("qemu",)
UNLIKE = """import os, time
print(time.time())
print(os.getrandom(16).hex())
print(os.getrandom(16, os.GRND_RANDOM).hex())
print(open("/dev/urandom", "rb").read(16).hex())
print(open("/proc/sys/kernel/random/uuid").read().strip())
"""


class Place:
    """A cache of its own, with what runs by it."""

    def __init__(self, t, name="cache"):
        self.t, self.path = t, t.directory(name)
        self.path.chmod(0o700)

    def environment(self, **more):
        return {**os.environ, "KASTELLAN_CACHE": str(self.path), **more}

    def run(self, argv=("/bin/echo", "ran"), flags=(), code=0, **more):
        """(result, what the status says of the machine)"""
        status = self.t.jail.status_file()
        result = self.t.jail.other(["run", "-b", "qemu", "--cpu", "0", "--status", status, *flags, "--",
                                    *argv], env=self.environment(**more))
        check.equal(result.code, code, "exit code")
        return result, json.loads(status.read_bytes())["machine"]

    def templates(self):
        return sorted(path for path in self.path.iterdir() if path.name.startswith("template-"))

    def template(self):
        template, = self.templates()
        return template

    def restored(self, what):
        result, machine = self.run()
        check.equal((result.stdout, machine), (b"ran\n", {"guest": "template", "reason": None}), what)

    def booted(self, what, *words, **more):
        result, machine = self.run(**more)
        check.equal((result.stdout, machine["guest"]), (b"ran\n", "boot"), what)
        check.contains(machine["reason"] or "", *words)


@test("the first worker's start makes a template, which the next ones come from", 120, backends=OURS)
def made_once(t):
    place = Place(t)
    place.restored("the first")
    template = place.template()
    status = template.stat()
    check.equal((status.st_mode & 0o7777, status.st_uid, status.st_nlink), (0o400, os.geteuid(), 1),
                "mode, owner and names")
    content = hashlib.sha256(template.read_bytes()).hexdigest()
    check.equal(template.name.split("-")[-1], content, "the hash in its name")
    place.restored("the second")
    check.equal((place.templates(), template.stat().st_ino, hashlib.sha256(template.read_bytes()).hexdigest()),
                ([template], status.st_ino, content), "the template afterwards")


@test("guests of one template have the right time, and random numbers of their own", 120, backends=OURS)
def unlike(t):
    place = Place(t)
    seen = []
    for number in range(3):
        before = time.time()
        result, machine = place.run(["/usr/bin/python3", "-c", UNLIKE])
        check.equal(machine["guest"], "template", f"guest {number}")
        told, *numbers = result.stdout.decode().splitlines()
        check.true(before - 1 <= float(told) <= time.time() + 1, f"guest {number} has the time {told}")
        seen += numbers
    check.equal((len(place.templates()), len(seen), len(set(seen))), (1, 12, 12), "random numbers")


@test("nothing of one worker is in the guest of the next", 120, backends=OURS)
def apart(t):
    place = Place(t)
    leave = "echo left >/tmp/mark; echo left >/dev/shm/mark; cat /tmp/mark /dev/shm/mark"
    result, machine = place.run(["/bin/sh", "-c", leave])
    check.equal((result.stdout, machine["guest"]), (b"left\nleft\n", "template"), "the first leaves something")
    result, machine = place.run(["/bin/sh", "-c", "ls /tmp /dev/shm"])
    check.equal((result.stdout, machine["guest"]), (b"/dev/shm:\n\n/tmp:\n", "template"), "the second finds it")


@test("a guest's init of other bytes has a template of its own, and one that was only touched has not", 240,
      backends=OURS)
def other_init(t):
    place = Place(t)
    place.restored("the first")
    first = place.template()
    init = t.work / "kastellan-init"
    shutil.copy(os.environ["KASTELLAN_INIT"], init)
    environment = {"KASTELLAN_INIT": str(init)}
    for what, templates in (("a copy", 1), ("the copy, touched", 1), ("the copy, changed", 2)):
        if what.endswith("changed"):
            with open(init, "ab") as file:
                file.write(b"x")  # behind all that is loaded
        os.utime(init)
        _, machine = place.run(**environment)
        check.equal((machine["guest"], len(place.templates())), ("template", templates), what)
    check.true(first in place.templates(), "the first one is still there")


@test("an allowlist holds in a guest of a template, and is each worker's own", 240, backends=OURS)
def allowlist(t):
    place = Place(t)
    service, other = Service(t), Service(t)

    def reach(target, allowed, *entries):
        result, machine = place.run(act(t, "connect", target.address, target.port),
                                    ["-r", t.probes.directory, *listed(*entries)], 0 if allowed else 1)
        check.equal((result.text.split(":")[0].strip(), machine["guest"]),
                    ("allowed" if allowed else "denied", "template"), f"port {target.port} under {entries}")

    reach(service, True, service.entry)
    template = place.template()
    # What the one worker may reach is not what the next may, out of the same template.
    reach(service, False, other.entry)
    reach(other, True, other.entry)
    check.equal((place.templates(), service.visitors, other.visitors), ([template], 1, 1),
                "templates and visitors")
    reach(service, False)
    check.equal((len(place.templates()), service.visitors), (2, 1), "without a network it is another one")


@test("with KASTELLAN_NO_TEMPLATE every guest is booted, and the plan says which it is", 120, backends=OURS)
def switched_off(t):
    place = Place(t)
    place.booted("switched off", KASTELLAN_NO_TEMPLATE="1")
    check.equal(place.templates(), [], "templates")
    for more, on, words in (({}, True, "from a template"), ({"KASTELLAN_NO_TEMPLATE": "1"}, False,
                                                          "KASTELLAN_NO_TEMPLATE is set")):
        plan = ["plan", "-b", "qemu"]
        environment = place.environment(**more)
        check.contains(t.jail.other(plan, env=environment).stdout.decode(), words)
        told = t.jail.other([*plan, "--json"], env=environment).json
        check.equal(told["machine"]["templates"], on, "the plan's own")
        profile = {row["field"]: row for row in told["receipt"]}["profile"]
        check.equal("template" in profile["mechanism"], on, f"the receipt: {profile['mechanism']}")


@test("what somebody else could have made is no template: it is removed and made anew", 240, backends=OURS)
def planted(t):
    place = Place(t)
    place.restored("the first")
    good = place.template()
    content = good.read_bytes()

    def again(what):
        place.restored(what)
        check.equal(hashlib.sha256(place.template().read_bytes()).hexdigest(),
                    place.template().name.split("-")[-1], f"{what}: what is there now")

    good.chmod(0o600)
    good.write_bytes(content[:-4096])
    good.chmod(0o400)
    again("cut off")
    name = place.template()
    name.unlink()
    name.write_bytes(content[:4096] + bytes(len(content) - 4096))
    name.chmod(0o400)
    again("planted under the name of the good one")


def forge(place, content):
    """As good as only its owner could make it: it is what its name says."""
    old = place.template()
    new = old.with_name(old.name.rsplit("-", 1)[0] + "-" + hashlib.sha256(content).hexdigest())
    old.unlink()
    new.write_bytes(content)
    new.chmod(0o400)
    return new


@test("a template that no guest comes out of: the guest is booted, and for a while no other is made", 240,
      backends=OURS)
def useless(t):
    place = Place(t)
    place.restored("the first")
    good = place.template().read_bytes()
    for what, content in (("no snapshot", os.urandom(1 << 20)), ("half a snapshot", good[:len(good) // 2])):
        forge(place, content)
        place.booted(what, "could not be restored")
        check.equal(place.templates(), [], f"{what}: it is removed")
        place.booted(f"{what}: after it", "within the last hour")
        pause, = (path for path in place.path.iterdir() if path.name.startswith("no-template-"))
        os.utime(pause, (0, 0))
        place.restored(f"{what}: an hour later")


@test("in a cache that others may write, and without one, guests are booted", 120, backends=OURS)
def without_cache(t):
    place = Place(t)
    place.path.chmod(0o777)
    place.booted("a cache that is open to all", "cache directory")
    check.equal(os.listdir(place.path), [], "what is in it")
    place.booted("no cache", "cache directory", KASTELLAN_CACHE="relative")


def maker(pid, t):
    """The emulator that writes a template beneath the process, or None."""
    for child in t.beneath(pid):
        try:
            words = pathlib.Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"-mon" in words and words[0].endswith(b"qemu-system-x86_64"):
            return child
    return None


@test("killed while a template is made, it leaves nothing, and the next start makes one", 240, backends=OURS)
def killed(t):
    place = Place(t)
    for whom in ("kastellan", "the emulator"):
        process = subprocess.Popen([t.options.kastellan, "run", "-b", "qemu", "--", "/bin/echo", "ran"],
                                   env=place.environment(), stdout=subprocess.PIPE)
        t.jail.started.add(process.pid)
        t.later(t.finish, process)
        emulator = wait_for(lambda process=process: maker(process.pid, t), "a machine for a template", 60)
        os.kill(process.pid if whom == "kastellan" else emulator, signal.SIGKILL)
        out, _ = process.communicate(timeout=200)
        # Without its template the worker is none the worse.
        check.equal((process.returncode, out), (-signal.SIGKILL, b"") if whom == "kastellan" else (0, b"ran\n"),
                    f"{whom} was killed")
        wait_for(lambda: not residue.descendants(), "the end of all", 60)
        check.equal(place.templates(), [], f"{whom} was killed: templates")
        for path in place.path.iterdir():
            if path.name.startswith("no-template-"):
                path.unlink()
    place.restored("the next")
