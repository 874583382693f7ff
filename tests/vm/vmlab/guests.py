# SPDX-License-Identifier: Apache-2.0
"""The guests. A new kind of host is a new row here."""

from dataclasses import dataclass

# What a small server has: systemd with a user manager, a login, Python. Nothing is configured by
# the packages themselves (no maintainer script runs): tests/vm/guest/ is laid over the result.
BASE_PACKAGES = (
    "base-files", "bash", "bubblewrap", "coreutils", "dash", "dbus", "dbus-user-session",
    "findutils", "grep", "hostname", "iproute2", "kmod", "libc-bin", "libjansson4",
    "libpam-modules", "libpam-runtime", "libpam-systemd", "login", "mount", "procps", "python3",
    "sed", "strace", "systemd", "systemd-sysv", "tar", "util-linux",
)


@dataclass(frozen=True)
class Userland:
    suite: str
    arch: str = "amd64"
    extra: tuple = ()

    @property
    def packages(self):
        return tuple(sorted(BASE_PACKAGES + self.extra))


BOOKWORM = Userland("bookworm")
TRIXIE = Userland("trixie", extra=("apparmor",))
BOOKWORM_ARM64 = Userland("bookworm", arch="arm64")


@dataclass(frozen=True)
class E2e:
    """A run of tests/e2e in a guest, for `make check-vm`. An emulated processor takes many times as
    long as a real one, so some take a selection; the tests' own output says which."""

    users: tuple
    backend: str = "bwrap"
    pattern: str = ""


BOTH = ("root", "worker")
# What depends on the kernel and the host, rather than on the command around the jail.
HOSTLY = "^test_(files|grants|kernel|landlock|lifetime|limits|proc|receipt|setid|sockets|start):"
# As much as a newer or older kernel can change.
KERNELLY = "^test_(kernel|landlock|limits|receipt|sockets|start):"


@dataclass(frozen=True)
class Guest:
    name: str
    about: str
    userland: Userland
    kernel_suite: str
    kernel_package: str = "linux-image-cloud-amd64"
    words: str = ""  # added to the kernel's command line
    apparmor: str = ""  # a profile of guest/etc/ktest/ that confines the worker's session
    default: bool = False  # part of the short run
    optional: bool = False  # needs an emulator or a mirror that not everybody has
    e2e: tuple = ()


GUESTS = (
    Guest(
        "debian12",
        "systemd user session, delegated cgroup v2, Landlock",
        BOOKWORM,
        "bookworm",
        default=True,
        e2e=(E2e(BOTH, "bwrap", HOSTLY), E2e(BOTH, "native", KERNELLY)),
    ),
    Guest(
        "hybrid",
        "cgroup v1 controllers: a user's scopes are made, their limits are not enforced",
        BOOKWORM,
        "bookworm",
        words="systemd.unified_cgroup_hierarchy=0",
        e2e=(E2e(BOTH, "bwrap", KERNELLY),),
    ),
    Guest(
        "plain",
        "cgroup v2 without systemd, a subtree handed to the user",
        BOOKWORM,
        "bookworm",
        words="ktest.plain",
        e2e=(E2e(BOTH, "native", HOSTLY),),
    ),
    Guest(
        "no-landlock",
        "kernel 5.10 without Landlock compiled in",
        BOOKWORM,
        "bullseye",
        e2e=(E2e(BOTH, "bwrap", KERNELLY),),
    ),
    Guest(
        "landlock-off",
        "Landlock compiled in and disabled with lsm=",
        BOOKWORM,
        "bookworm",
        words="lsm=lockdown,yama,integrity,apparmor,bpf",
    ),
    Guest(
        "apparmor",
        "Debian 13: a namespace may be made, and gives no capability",
        TRIXIE,
        "trixie",
        words="apparmor=1",
        apparmor="unprivileged-userns",
        default=True,
    ),
    Guest(
        "apparmor-deny",
        "Debian 13: no namespace may be made at all",
        TRIXIE,
        "trixie",
        words="apparmor=1",
        apparmor="deny-userns",
        e2e=(E2e(("root",), "bwrap", KERNELLY), E2e(("worker",), "landlock", KERNELLY)),
    ),
    Guest(
        "no-userns",
        "no user namespaces: user.max_user_namespaces=0",
        BOOKWORM,
        "bookworm",
        words="sysctl.user.max_user_namespaces=0",
        e2e=(E2e(BOTH, "landlock", KERNELLY),),
    ),
    Guest(
        "kernel612",
        "kernel 6.12 and nothing else that is new",
        BOOKWORM,
        "trixie",
        e2e=(E2e(("worker",), "native", KERNELLY),),
    ),
    Guest(
        "sid",
        "the newest kernel that Debian has",
        BOOKWORM,
        "sid",
        e2e=(E2e(BOTH, "native", KERNELLY), E2e(("worker",), "landlock", KERNELLY)),
    ),
    Guest(
        "arm64",
        "another table of system calls",
        BOOKWORM_ARM64,
        "bookworm",
        kernel_package="linux-image-cloud-arm64",
        optional=True,
        e2e=(E2e(BOTH, "native", KERNELLY),),
    ),
)


def by_name(name):
    for guest in GUESTS:
        if guest.name == name:
            return guest
    raise KeyError(name)
