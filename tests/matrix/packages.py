# SPDX-License-Identifier: Apache-2.0
"""The programs from the npm registry, for tests/matrix and tests/mcp, in the exact versions of
mcp/package-lock.json.

They are installed once, by the first process, which may be root and has a home; the cache is one
archive, named by the lock file's digest. The tests, which may run as a user who cannot see that
home, inherit an open descriptor of it.
"""

import functools
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from harness import check

LOCKED = pathlib.Path(__file__).resolve().parent / "mcp"
FILES = ("package.json", "package-lock.json")
HANDED = "KASTELLAN_MATRIX_PACKAGES"
# npm's codes for nobody answering, in contrast to an answer that is wrong.
UNREACHED = {"ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH",
             "EHOSTUNREACH", "ERR_SOCKET_TIMEOUT", "E403", "E407", "E502", "E503", "E504"}
PATIENCE = 240  # seconds that the installation may take


class Unreached(Exception):
    pass


def cache():
    named = os.environ.get("KASTELLAN_TEST_CACHE")
    return pathlib.Path(named) if named else pathlib.Path.home() / ".cache" / "kastellan-tests"


def digest():
    return hashlib.sha256(b"".join((LOCKED / name).read_bytes() for name in FILES)).hexdigest()[:16]


def install(directory):
    for name in FILES:
        shutil.copy(LOCKED / name, directory)
    try:
        done = subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1",
             "--fetch-timeout=30000", "--cache", os.path.join(directory, "npm")],
            cwd=directory, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        raise Unreached("the npm registry does not answer") from None
    except FileNotFoundError:
        raise Unreached("npm is not installed") from None
    if done.returncode != 0:
        code = re.search(r"^npm (?:error|ERR!) code (\S+)", done.stderr, re.M)
        if code and code[1] in UNREACHED:
            raise Unreached(f"the npm registry cannot be reached ({code[1]})")
        raise SystemExit(f"Bail out! npm ci in {LOCKED}: {done.stderr}")


def filled():
    """The archive; made where it is not there, complete or not at all."""
    archive = cache() / f"mcp-{digest()}.tar"
    if not archive.exists():
        archive.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=archive.parent) as directory:
            install(directory)
            made = pathlib.Path(directory, "made.tar")
            subprocess.run(["tar", "-cf", made, "--owner=0", "--group=0", "--mode=u=rwX,go=rX",
                            "-C", directory, "node_modules"], check=True)
            made.rename(archive)
    return archive


def prepare():
    """Once, before root is given up; what follows finds the outcome in the environment."""
    if HANDED in os.environ:
        return
    try:
        descriptor = os.open(filled(), os.O_RDONLY)
        os.set_inheritable(descriptor, True)
        os.environ[HANDED] = f"fd:{descriptor}"
    except (Unreached, OSError) as error:
        os.environ[HANDED] = f"missing: {error}"


@functools.cache
def unpacked(base):
    """The directory of node_modules, the same one for all rows."""
    kind, _, rest = os.environ[HANDED].partition(":")
    if kind != "fd":
        raise check.Skip(f"host: {rest.strip()}", cannot=True)
    directory = base / "packages"
    directory.mkdir(mode=0o755)
    os.lseek(int(rest), 0, os.SEEK_SET)
    subprocess.run(["tar", "-xf", "-", "--no-same-owner", "-C", directory], stdin=int(rest),
                   check=True)
    return directory
