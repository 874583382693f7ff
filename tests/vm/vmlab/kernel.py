# SPDX-License-Identifier: Apache-2.0
"""Kernel, modules and initramfs of one suite.

The kernel is unpacked from its bzImage: an emulated machine would spend seconds on that at each
boot. The initramfs is busybox, the modules that lead to the root file system, and guest/init.
"""

import ctypes
import lzma
import pathlib
import re
import shutil
import stat
import struct
import subprocess

from . import cache, packages

SOURCES = ("kernel.py", "packages.py", "cache.py")
# In the order of loading; what each needs comes before it. One that is built in, or that a kernel
# does not have, is passed over.
MODULES = (
    "virtio", "virtio_ring", "virtio_mmio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev",
    "virtio_pci", "virtio_blk", "crc32c_generic", "crc32c-generic", "ext4", "autofs4", "overlay",
    "fuse",
)
# For networks that lead to the egress proxy. One kernel goes without, as there are such hosts.
DIVERSION = ("nf_tables", "nft_tproxy")
WITHOUT_DIVERSION = ("bullseye",)


def get(guest, say):
    """The directory with vmlinuz, release and initramfs.cpio (without init, see initramfs())."""
    arch = guest.userland.arch

    def build(work):
        apt = packages.Apt(guest.kernel_suite, arch)
        debs = work / "debs"
        debs.mkdir()
        tree = work / "tree"
        tree.mkdir()
        for deb in apt.alone(apt.kernel_packages(guest.kernel_package), debs):
            packages.unpack(deb, tree)
        image, release = find_image(tree)
        raw = image.read_bytes()
        (work / "vmlinuz").write_bytes(vmlinux(raw) if arch == "amd64" else raw)
        (work / "release").write_text(release + "\n")
        names = MODULES if guest.kernel_suite in WITHOUT_DIVERSION else MODULES + DIVERSION
        collect_modules(tree, release, work / "modules", names)
        shutil.rmtree(tree)
        shutil.rmtree(debs)

    name = f"{guest.kernel_suite}-{arch}"
    return cache.artefact("kernel", name, SOURCES, (guest.kernel_package,), build, say)


def find_image(tree):
    """The kernel's file, in the old place or the new one, and its release."""
    for image in tree.glob("boot/vmlinuz-*"):
        return image, image.name.partition("-")[2]
    for image in tree.glob("usr/lib/modules/*/vmlinuz"):
        return image, image.parent.name
    raise cache.Unavailable("the kernel's packages have no kernel")


def vmlinux(image):
    """The ELF kernel inside a bzImage."""
    if image[0x202:0x206] != b"HdrS":
        raise cache.Unavailable("the kernel is not a bzImage")
    setup_sects = image[0x1F1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (setup_sects + 1) * 512 + offset
    return unpacked(image[start : start + length])


def unpacked(data):
    """Decompresses a kernel's or a module's stream, with or without bytes after its end."""
    if data.startswith(b"\xfd7zXZ"):
        return lzma.LZMADecompressor().decompress(data)
    if data.startswith(b"\x28\xb5\x2f\xfd"):
        done = subprocess.run(
            ["zstd", "-dcq"], input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            check=False,
        )
        if not done.stdout:
            raise cache.Unavailable(f"zstd: {done.stderr.decode()[-200:]}")
        return done.stdout
    if data.startswith(b"\x02\x21\x4c\x18"):
        return lz4_legacy(data)
    if data.startswith(b"\x7fELF"):
        return data
    raise cache.Unavailable(f"unknown compression, magic {data[:6].hex()}")


def lz4_legacy(data):
    """Blocks of at most 8 MiB, each behind its compressed size; the unpacked size ends it."""
    try:
        library = ctypes.CDLL("liblz4.so.1")
    except OSError as error:
        raise cache.Unavailable(str(error)) from None
    buffer = ctypes.create_string_buffer(8 << 20)
    parts, at = [], 4
    while at + 8 <= len(data):
        (size,) = struct.unpack_from("<I", data, at)
        got = library.LZ4_decompress_safe(data[at + 4 : at + 4 + size], buffer, size, len(buffer))
        if got < 0:
            raise cache.Unavailable("the kernel's lz4 stream is damaged")
        parts.append(buffer.raw[:got])
        at += 4 + size
    return b"".join(parts)


def collect_modules(tree, release, ret, names):
    """The modules that the guest loads, uncompressed, as NN-name.ko in the order of loading."""
    files = {}
    for root in ("lib/modules", "usr/lib/modules"):
        for path in (tree / root / release).rglob("*.ko*"):
            files[path.name.partition(".ko")[0].replace("-", "_")] = path
    ret.mkdir()
    done = set()

    def add(name):
        name = name.replace("-", "_")
        if name in done or name not in files:
            return
        done.add(name)
        data = files[name].read_bytes()
        if not data.startswith(b"\x7fELF"):
            data = unpacked(data)
        for depends in re.findall(rb"\0depends=([^\0]*)\0", data):
            for other in filter(None, depends.decode().split(",")):
                add(other)
        (ret / f"{len(list(ret.iterdir())):02d}-{name}.ko").write_bytes(data)

    for name in names:
        add(name)


def busybox(arch, say):
    """A static busybox for the guest's architecture, from the guest's own Debian."""

    def build(work):
        debs = packages.Apt("bookworm", arch).alone(["busybox-static"], work)
        packages.unpack(debs[0], work)

    return cache.artefact("busybox", arch, SOURCES, (), build, say) / "bin" / "busybox"


def initramfs(kernel, busybox_path, init):
    """A cpio archive, as bytes."""
    archive = Cpio()
    for name in ("bin", "dev", "modules", "proc", "sys", "root"):
        archive.add(name, stat.S_IFDIR | 0o755)
    archive.add("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    archive.add("bin/busybox", stat.S_IFREG | 0o755, pathlib.Path(busybox_path).read_bytes())
    for module in sorted((kernel / "modules").iterdir()):
        archive.add(f"modules/{module.name}", stat.S_IFREG | 0o644, module.read_bytes())
    archive.add("init", stat.S_IFREG | 0o755, pathlib.Path(init).read_bytes())
    return archive.end()


class Cpio:
    """The kernel's "newc" archive."""

    def __init__(self):
        self.parts, self.inode = [], 0

    def add(self, name, mode, data=b"", device=(0, 0), nlink=1):
        self.inode += 1
        encoded = name.encode() + b"\0"
        fields = (
            self.inode, mode, 0, 0, nlink, 0, len(data), 0, 0, *device, len(encoded), 0,
        )
        header = b"070701" + b"".join(b"%08X" % field for field in fields)
        for part in (header + encoded, data):
            self.parts.append(part + b"\0" * (-len(part) % 4))

    def end(self):
        self.add("TRAILER!!!", 0)
        return b"".join(self.parts)
