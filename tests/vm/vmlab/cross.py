# SPDX-License-Identifier: Apache-2.0
"""What a build for arm64 needs on this machine: a tree of Debian's libraries, and meson's description
of the compiler. gcc-aarch64-linux-gnu brings the C library itself."""

from . import cache, packages

LIBC = "/usr/aarch64-linux-gnu"
NEEDED = (
    "libjansson-dev", "libjansson4", "libseccomp-dev", "libseccomp2", "libsystemd-dev",
    "libsystemd0",
)
# Of the test programs, and what they load.
FOR_TESTS = ("libcmocka-dev", "libcmocka0", "libcap2", "liblz4-1", "liblzma5", "libzstd1",
             "libgcrypt20", "libgpg-error0", "zlib1g", "libbz2-1.0", "libidn2-0", "libunistring2")
CROSS_FILE = """[binaries]
c = 'aarch64-linux-gnu-gcc'
ar = 'aarch64-linux-gnu-ar'
strip = 'aarch64-linux-gnu-strip'
pkgconfig = 'pkg-config'
pkg-config = 'pkg-config'
exe_wrapper = {wrapper}

[properties]
sys_root = '{sysroot}'
pkg_config_libdir = '{sysroot}/usr/lib/aarch64-linux-gnu/pkgconfig'

[host_machine]
system = 'linux'
cpu_family = 'aarch64'
cpu = 'aarch64'
endian = 'little'
"""


def sysroot(name, libraries):
    """The directory with these libraries; raises Unavailable."""

    def build(work):
        debs = work / "debs"
        debs.mkdir()
        for deb in packages.Apt("bookworm", "arm64").alone(libraries, debs):
            packages.unpack(deb, work)

    return cache.artefact("sysroot", name, packages.SOURCES, libraries, build, print)


def cross_file(name, libraries, emulator=None):
    """Its path. emulator: qemu-aarch64, which runs what is built; None: nothing of it is run here, so
    that shell completions, which no guest needs, are empty."""
    place = sysroot(name, libraries)
    wrapper = ["true"]
    if emulator:
        wrapper = [emulator, "-L", LIBC, "-E",
                   f"LD_LIBRARY_PATH={place}/usr/lib/aarch64-linux-gnu:"
                   f"{place}/lib/aarch64-linux-gnu"]
    path = cache.directory() / f"cross-{name}.ini"
    path.write_text(CROSS_FILE.format(sysroot=place, wrapper=wrapper))
    return path
