# SPDX-License-Identifier: Apache-2.0
"""Artefacts by the hash of their recipe.

An artefact is a directory, complete or absent: it is built under another name and renamed. One
builder at a time for each, across threads and processes.
"""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
LEFT_OVER = 6 * 3600  # seconds


class Unavailable(Exception):
    """The guest cannot be had here, for a reason that is not the tested program's."""


def directory():
    path = os.environ.get("KASTELLAN_VM_CACHE")
    path = pathlib.Path(path) if path else pathlib.Path.home() / ".cache" / "kastellan-vm"
    path.mkdir(parents=True, exist_ok=True)
    return path.resolve()


def sweep():
    """Removes what runs left that were killed long ago."""
    for pattern in ("run-*", "tmp-*"):
        for path in directory().glob(pattern):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > LEFT_OVER:
                    shutil.rmtree(path, ignore_errors=True)


def recipe_hash(sources, *words):
    """Changes with the modules that build the artefact and with its parameters."""
    digest = hashlib.sha256()
    for source in sources:
        digest.update((HERE / source).read_bytes())
    digest.update(repr(words).encode())
    return digest.hexdigest()[:16]


@contextlib.contextmanager
def lock(name):
    path = directory() / "locks" / name
    path.parent.mkdir(exist_ok=True)
    with open(path, "w", encoding="ascii") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def artefact(kind, name, sources, words, build, say):
    """The directory KIND-NAME-HASH, built by build(path) if it is not there yet. Older ones of the
    same kind and name are removed."""
    prefix = f"{kind}-{name}-"
    final = directory() / (prefix + recipe_hash(sources, words))
    with lock(prefix + "lock"):
        if final.is_dir():
            return final
        say(f"building {kind} {name}")
        for old in directory().glob(prefix + "*"):
            shutil.rmtree(old, ignore_errors=True)
        work = pathlib.Path(tempfile.mkdtemp(prefix=f"tmp-{prefix}", dir=directory()))
        try:
            build(work)
            work.chmod(0o755)
            work.rename(final)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return final
