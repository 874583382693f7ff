# SPDX-License-Identifier: Apache-2.0
"""A private apt: its own lists, state and archives, the machine's own mirror and proxy.

Nothing is installed and nothing of the machine's package database is read or written.
"""

import os
import pathlib
import re
import subprocess
import time

from . import cache

LISTS_GOOD_FOR = 3600  # seconds
SOURCES = ("packages.py", "cache.py")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def run(*argv, **options):
    """Runs a tool of the machine; its failure makes the guest unavailable."""
    try:
        done = subprocess.run(
            argv, check=False, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
        )
    except FileNotFoundError:
        raise cache.Unavailable(f"{argv[0]} is not installed") from None
    if done.returncode != 0:
        tail = (done.stderr.strip() or done.stdout.strip()).splitlines()[-2:]
        raise cache.Unavailable(f"{argv[0]}: {' / '.join(tail) or done.returncode}")
    return done.stdout


def mirror():
    """Debian's main archive as the machine's own apt knows it."""
    chosen = os.environ.get("KASTELLAN_VM_MIRROR")
    if chosen:
        return chosen
    form = "$(REPO_URI) $(ORIGIN) $(LABEL)"
    for line in run("apt-get", "indextargets", "--format", form,
                    "Created-By: Packages").splitlines():
        uri, _, origin = line.partition(" ")
        if origin == "Debian Debian":
            return uri
    raise cache.Unavailable(
        "the machine's apt has no Debian mirror; set KASTELLAN_VM_MIRROR to one"
    )


def transport():
    """How the machine's apt reaches its mirror (proxies, clocks), as lines of a configuration."""
    wanted = re.compile(r"Acquire::(https?::|Check-|Retries)")
    return [line for line in run("apt-config", "dump").splitlines() if wanted.match(line)]


class Apt:
    """The packages of one suite for one architecture."""

    def __init__(self, suite, arch):
        self.suite, self.arch = suite, arch
        self.root = cache.directory() / f"apt-{suite}-{arch}"
        self.config = self.root / "apt.conf"

    def prepare(self):
        """Writes the configuration and fetches the lists, unless they are fresh."""
        for name in ("lists/partial", "archives/partial", "empty", "log"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        (self.root / "status").write_text("")
        (self.root / "sources.list").write_text(
            f"deb [signed-by={KEYRING}] {mirror()} {self.suite} main\n"
        )
        root = self.root
        settings = {
            "APT::Architecture": self.arch,
            "APT::Architectures": self.arch,
            "APT::Install-Recommends": "false",
            "APT::Sandbox::User": "root",
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
            "Debug::NoLocking": "1",
            "Dir": "/",
            "Dir::State": root,
            "Dir::State::lists": root / "lists",
            "Dir::State::status": root / "status",
            "Dir::Cache": root,
            "Dir::Cache::archives": root / "archives",
            "Dir::Log": root / "log",
            "Dir::Etc::sourcelist": root / "sources.list",
            "Dir::Etc::sourceparts": root / "empty",
            "Dir::Etc::parts": root / "empty",
            "Dir::Etc::main": "/dev/null",
            "Dir::Etc::preferencesparts": root / "empty",
            "Dir::Etc::preferences": "/dev/null",
        }
        lines = [f'{key} "{value}";' for key, value in settings.items()]
        self.config.write_text("\n".join(lines + transport()) + "\n")
        stamp = self.root / "updated"
        if not stamp.exists() or time.time() - stamp.stat().st_mtime > LISTS_GOOD_FOR:
            self._run("apt-get", "-q", "update", "-oAPT::Update::Error-Mode=any")
            stamp.touch()

    def _run(self, *argv, cwd=None):
        environment = dict(os.environ, APT_CONFIG=str(self.config), LC_ALL="C")
        return run(*argv, env=environment, cwd=cwd or self.root)

    def with_dependencies(self, packages):
        """Downloads packages and all that they depend on; the .deb files."""
        with cache.lock(f"apt-{self.suite}-{self.arch}"):
            self.prepare()
            for old in (self.root / "archives").glob("*.deb"):
                old.unlink()
            self._run("apt-get", "-q", "-y", "--download-only", "install", *packages)
            return self._take(self.root / "archives")

    def alone(self, packages, ret):
        """Downloads just these packages into the directory ret; the .deb files."""
        with cache.lock(f"apt-{self.suite}-{self.arch}"):
            self.prepare()
            self._run("apt-get", "-q", "download", *packages, cwd=ret)
            return self._take(ret)

    def kernel_packages(self, meta):
        """The packages behind a kernel meta package that carry files for a machine to boot."""
        with cache.lock(f"apt-{self.suite}-{self.arch}"):
            self.prepare()
            found, todo = [], [meta]
            while todo:
                name = todo.pop()
                found.append(name)
                listing = self._run("apt-cache", "depends", "--important", name)
                for depend in re.findall(r"^\s*(?:Pre)?Depends: (\S+)", listing, re.M):
                    if re.match(r"linux-(image|modules|binary)-", depend) and depend not in found:
                        todo.append(depend)
            return found[1:]

    @staticmethod
    def _take(directory):
        debs = sorted(pathlib.Path(directory).glob("*.deb"))
        if not debs:
            raise cache.Unavailable(f"apt downloaded nothing into {directory}")
        return debs


def unpack(deb, root, exclude=()):
    """The files of a package over root, without its scripts, owned by the caller."""
    with subprocess.Popen(
        ["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE
    ) as source:
        run_from(
            source.stdout, "tar", "-x", "-C", str(root), "--keep-directory-symlink",
            "--no-same-owner", "-p", *(f"--exclude={pattern}" for pattern in exclude),
        )
        if source.wait() != 0:
            raise cache.Unavailable(f"{deb.name} cannot be unpacked")


def run_from(stream, *argv):
    done = subprocess.run(argv, check=False, stdin=stream, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise cache.Unavailable(f"{argv[0]}: {done.stderr.strip()[-300:]}")
