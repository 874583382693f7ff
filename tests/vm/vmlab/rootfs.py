# SPDX-License-Identifier: Apache-2.0
"""The root file system of a userland: packages unpacked over each other, as an ext4 image.

No maintainer script runs, so another architecture needs no emulation. What the scripts would have
configured is in tests/vm/guest/root, which comes with the payload: a change there builds nothing.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

from . import cache, packages

SOURCES = ("rootfs.py", "packages.py", "cache.py")
# Come in as dependencies of packages' scripts and are of no use without them.
UNUSED = ("debconf", "perl-base", "adduser", "passwd", "dpkg", "gcc-12-base")
EXCLUDE = (
    "./usr/share/doc/*", "./usr/share/man/*", "./usr/share/info/*", "./usr/share/locale/*",
    "./usr/share/zoneinfo/*", "./usr/share/i18n/*", "./usr/share/lintian/*",
    "./usr/lib/udev/hwdb.d/*", "./lib/udev/hwdb.d/*", "./usr/share/perl5/*",
)
MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
DIRECTORIES = (
    "dev", "etc", "home", "mnt", "opt", "proc", "root", "run", "srv", "sys", "tmp", "usr/local/bin",
    "var/lib", "var/log", "var/tmp",
)
BLOCK = 4096
SPARE = 160 << 20  # room for the payload and what the tests write


def get(userland, say):
    """The directory that holds root.img."""

    def build(work):
        debs = packages.Apt(userland.suite, userland.arch).with_dependencies(userland.packages)
        # The user who builds has no root's rights, and needs none in a namespace.
        prefix = [] if os.geteuid() == 0 else ["unshare", "-r"]
        packages.run(
            *prefix, sys.executable, "-m", "vmlab.rootfs", str(work), *map(str, debs),
            cwd=pathlib.Path(__file__).parent.parent,
        )

    name = f"{userland.suite}-{userland.arch}"
    return cache.artefact("root", name, SOURCES, userland.packages, build, say)


def skeleton(root):
    for name in DIRECTORIES:
        (root / name).mkdir(parents=True, exist_ok=True)
    for name in MERGED:
        (root / "usr" / name).mkdir()
        (root / name).symlink_to(f"usr/{name}")
    for name in ("tmp", "var/tmp"):
        (root / name).chmod(0o1777)
    (root / "root").chmod(0o700)
    (root / "var/run").symlink_to("/run")
    (root / "etc/mtab").symlink_to("/proc/self/mounts")


def alternatives(root):
    """The few links that packages' scripts would have made."""
    for link, target in (("usr/bin/sh", "dash"), ("usr/bin/awk", "mawk")):
        path = root / link
        if not path.exists() and (path.parent / target).exists():
            path.symlink_to(target)


def make(work, debs):
    root = work / "tree"
    root.mkdir()
    root.chmod(0o755)
    skeleton(root)
    for deb in debs:
        if re.match(r"[^_]+", deb.name).group() not in UNUSED:
            packages.unpack(deb, root, EXCLUDE)
    alternatives(root)
    image(root, work / "root.img")
    (work / "packages").write_text("".join(f"{deb.name}\n" for deb in debs))
    shutil.rmtree(root)


def image(root, ret):
    used = int(subprocess.check_output(["du", "-s", "-B1", str(root)]).split()[0])
    blocks = (used * 11 // 10 + SPARE) // BLOCK
    packages.run(
        tool("mke2fs"), "-q", "-t", "ext4", "-b", str(BLOCK), "-m", "0", "-I", "256",
        "-O", "^has_journal,^metadata_csum,^64bit", "-E", "nodiscard,lazy_itable_init=1",
        "-d", str(root), str(ret), str(blocks),
    )


def tool(name):
    """System tools are not in a user's search path."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin") or name


if __name__ == "__main__":
    try:
        make(pathlib.Path(sys.argv[1]), [pathlib.Path(deb) for deb in sys.argv[2:]])
    except cache.Unavailable as error:
        sys.exit(str(error))
