# SPDX-License-Identifier: Apache-2.0
"""The archive that a guest unpacks over its root: guest/root, settings, and the payload as /opt/k.

Everything belongs to root, whoever built it.
"""

import dataclasses
import io
import json
import shlex
import tarfile

from . import cache

GUEST_ROOT = cache.HERE.parent / "guest" / "root"
# Work of a real host that no test needs and that an emulated machine pays for dearly.
MASKED = (
    "console-getty.service", "dev-hugepages.mount", "dev-mqueue.mount", "getty.target",
    "getty@tty1.service", "kmod-static-nodes.service", "ldconfig.service",
    "modprobe@.service", "proc-sys-fs-binfmt_misc.automount", "serial-getty@.service",
    "sys-fs-fuse-connections.mount", "sys-kernel-config.mount", "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount", "systemd-ask-password-console.path",
    "systemd-ask-password-wall.path", "systemd-binfmt.service", "systemd-firstboot.service",
    "systemd-hwdb-update.service", "systemd-journal-catalog-update.service",
    "systemd-journal-flush.service", "systemd-machine-id-commit.service",
    "systemd-modules-load.service", "systemd-network-generator.service",
    "systemd-pstore.service", "systemd-random-seed.service", "systemd-remount-fs.service",
    "systemd-sysusers.service", "systemd-timesyncd.service", "systemd-tmpfiles-clean.timer",
    "systemd-tmpfiles-setup-dev-early.service", "systemd-udev-settle.service",
    "systemd-udev-trigger.service", "systemd-udevd-control.socket",
    "systemd-udevd-kernel.socket", "systemd-udevd.service", "systemd-update-done.service",
    "systemd-update-utmp.service", "apparmor.service",
)


def archive(guest, payload, timeout, ret):
    """Writes the tar file ret."""
    settings = {
        "GUEST": guest.name,
        "USERS": "root worker",
        "TIMEOUT": str(timeout),
        "APPARMOR": guest.apparmor,
    }
    with tarfile.open(ret, "w", format=tarfile.GNU_FORMAT) as tar:
        for path in sorted(GUEST_ROOT.rglob("*")):
            if not path.is_dir():
                tar.add(path, str(path.relative_to(GUEST_ROOT)), filter=_roots)
        _text(tar, "etc/ktest/settings",
              "".join(f"{key}={shlex.quote(value)}\n" for key, value in settings.items()))
        _text(tar, "etc/ktest/e2e.json",
              json.dumps([dataclasses.asdict(row) for row in guest.e2e]))
        for unit in MASKED:
            _link(tar, f"etc/systemd/system/{unit}", "/dev/null")
        _link(tar, "etc/systemd/system/default.target", "ktest.target")
        tar.add(payload, "opt/k", filter=_roots)


def _roots(info):
    info.uid = info.gid = 0
    info.uname = info.gname = "root"
    info.mode |= 0o755 if info.isdir() or info.mode & 0o100 else 0o644
    return info


def _text(tar, name, text):
    info = tarfile.TarInfo(name)
    data = text.encode()
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def _link(tar, name, target):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    tar.addfile(info)
