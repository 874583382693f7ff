# SPDX-License-Identifier: Apache-2.0
"""A test double for Firecracker and KVM, where a host has none: doubles/firecracker says what it is
and what it is not. It is used for runs of the backend firecracker alone, and only where the caller
names it (KASTELLAN_FIRECRACKER_DOUBLE) instead of the real program."""

import ctypes
import os
import pathlib
import subprocess
import tempfile

MS_BIND, MS_REC = 0x1000, 0x4000
MNT_DETACH = 2
ASSEMBLE = pathlib.Path(__file__).resolve().parents[2] / "doubles" / "firecracker" / "assemble"

libc = ctypes.CDLL(None, use_errno=True)


def wanted(backend):
    return backend == "firecracker" and "KASTELLAN_FIRECRACKER_DOUBLE" in os.environ


def mount(source, target, kind=None, flags=0, options=None):
    arguments = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    if libc.mount(*arguments, flags, options) != 0:
        raise OSError(ctypes.get_errno(), f"mount {target}")


def add_device():
    """A kvm for this mount namespace alone: a device that can be opened, and answers nothing (the
    null device). Where there is no place for it, /dev is made anew, with one."""
    if os.path.exists("/dev/kvm"):
        mount("/dev/null", "/dev/kvm", None, MS_BIND)
        return
    stage = tempfile.mkdtemp(dir="/var/tmp")
    mount("tmpfs", stage, "tmpfs", 0, b"mode=755")
    for entry in os.scandir("/dev"):
        place = os.path.join(stage, entry.name)
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), place)
            continue
        if entry.is_dir():
            os.mkdir(place)
        else:
            pathlib.Path(place).touch()
        mount(entry.path, place, None, MS_BIND | MS_REC)
    pathlib.Path(stage, "kvm").touch()
    mount("/dev/null", os.path.join(stage, "kvm"), None, MS_BIND)
    mount(stage, "/dev", None, MS_BIND | MS_REC)
    if libc.umount2(os.fsencode(stage), MNT_DETACH) != 0:
        raise OSError(ctypes.get_errno(), f"umount {stage}")
    os.rmdir(stage)


def assemble(base):
    """In the directory of the run, as a program of its own name."""
    path = os.path.join(base, "firecracker")
    subprocess.run([ASSEMBLE, os.environ["KASTELLAN_FIRECRACKER_DOUBLE"], path], check=True)
    os.environ["KASTELLAN_FIRECRACKER"] = path
