# SPDX-License-Identifier: Apache-2.0
"""What the mounts and the ids of the jail forbid, tried by programs. The control of each act is the
same one where it is granted."""

import errno
import os
import socket
import stat

from harness import check
from harness.discover import test
from place import refused


def acts(directory):
    """(name, function): each changes something, and can be done once in a directory that has
    "file", "link", "directory" with "inside"."""
    at = lambda name: os.path.join(directory, name)  # noqa: E731

    def touch_open(flags):
        return lambda: os.close(os.open(at("file"), flags))

    def bind():
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(at("sock"))

    return [
        ("create", lambda: os.close(os.open(at("new"), os.O_CREAT | os.O_WRONLY))),
        ("open to write", touch_open(os.O_WRONLY)),
        ("open to read and write", touch_open(os.O_RDWR)),
        ("open to append", touch_open(os.O_WRONLY | os.O_APPEND)),
        ("a temporary file", lambda: os.close(os.open(directory, os.O_TMPFILE | os.O_RDWR))),
        ("chmod", lambda: os.chmod(at("file"), 0o600)),
        ("chown", lambda: os.chown(at("file"), os.getuid(), os.getgid())),
        ("utime", lambda: os.utime(at("file"))),
        ("xattr", lambda: os.setxattr(at("file"), "user.a", b"x")),
        ("link", lambda: os.link(at("file"), at("hard"))),
        ("symlink", lambda: os.symlink("x", at("soft"))),
        ("fifo", lambda: os.mkfifo(at("pipe"))),
        ("socket", bind),
        ("mkdir", lambda: os.mkdir(at("made"))),
        ("rename", lambda: os.rename(at("link"), at("moved"))),
        ("unlink", lambda: os.unlink(at("directory/inside"))),
        ("rmdir", lambda: os.rmdir(at("directory"))),
        ("truncate", lambda: os.truncate(at("file"), 0)),
        ("open to truncate", touch_open(os.O_RDONLY | os.O_TRUNC)),
    ]


def look(directory):
    """What can be seen of it."""
    found = {}
    for top, _, names in os.walk(directory):
        for name in names:
            status = os.lstat(os.path.join(top, name))
            found[os.path.relpath(os.path.join(top, name), directory)] = (
                status.st_mode, status.st_size, status.st_mtime_ns, status.st_nlink)
    return found


@test("nothing of a read-only grant can be changed")
def read_only(place):
    (place.host / "file").write_text("content\n")
    (place.host / "link").symlink_to("file")
    (place.host / "directory").mkdir()
    (place.host / "directory" / "inside").write_text("inside\n")
    before = look(place.source.parent / "data")
    for name, act in acts(place.root / "read"):
        try:
            act()
        except OSError as error:
            check.one_of(error.errno, (errno.EROFS, errno.EOPNOTSUPP) if "temporary" in name
                         else (errno.EROFS,), name)
        else:
            check.fail(f"{name}: done in a read-only grant")
    check.equal(look(place.source.parent / "data"), before, "the grant, as the host sees it")
    for name, act in acts(place.path):
        try:
            act()
        except OSError as error:
            # The kernel of an older guest has no such request.
            check.true(error.errno == errno.EOPNOTSUPP and "temporary" in name, f"{name}: {error}")


@test("files of the system cannot be changed, nor mapped to be written")
def system(place):
    path = place.root / "usr" / "bin" / "env"
    refused(errno.EROFS, os.open, path, os.O_RDWR)
    refused(errno.EROFS, os.unlink, path)
    refused(errno.EROFS, os.rename, path, place.root / "usr" / "bin" / "env2")
    refused(errno.EXDEV, os.rename, path, place.path / "env")
    place.python("""
import mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
try: mmap.mmap(fd, 4096, mmap.MAP_SHARED, mmap.PROT_WRITE | mmap.PROT_READ)
except PermissionError: sys.exit(0)
sys.exit(1)
""", path)
    check.true(os.access(path, os.X_OK) and not os.access(path, os.W_OK), "access()")
    place.run(path, "true")


@test("what was not granted is not there")
def absent(place):
    for path in ("etc/passwd", "root", "home", "var", "data", "secret"):
        check.true(os.path.exists("/" + path) or "/" not in path, f"{path} of the host")
        refused(errno.ENOENT, os.stat, place.root / path)
    check.equal(sorted(os.listdir(place.root)), sorted(os.listdir(place.source)), "the root")
    # A link out of the tree leads elsewhere in a guest's root; what it says is only text.
    check.equal(os.readlink(place.root / "write" / "out"), str(place.source.parent / "secret"),
                "a link that leads out")


@test("the rights of the jail's user decide, not the guest's root")
def rights(place):
    secret = place.host / "secret"
    secret.write_text("secret")
    os.chown(secret, 12345, 12345)
    secret.chmod(0o600)
    # Root with all its capabilities can, on the host.
    check.equal(secret.read_text(), "secret", "the host's root")
    path = place.path / "secret"
    refused(errno.EACCES, path.read_text)
    refused(errno.EACCES, path.write_text, "x")
    refused((errno.EPERM, errno.EACCES), os.chmod, path, 0o666)
    refused((errno.EPERM, errno.EACCES), os.chown, path, 0, 0)
    refused((errno.EPERM, errno.EACCES), os.truncate, path, 0)
    check.true(not os.access(path, os.R_OK), "access()")
    check.equal(stat.S_IMODE(os.stat(path).st_mode), 0o600, "what anybody may see of it")
    own = place.path / "own"
    own.write_text("x")
    refused(errno.EPERM, os.chown, own, 12345, 12345)
    refused(errno.EPERM, os.chmod, own, 0o4755)
    refused((errno.EPERM, errno.EROFS), os.mknod, place.path / "null", 0o20666, os.makedev(1, 3))
    os.chmod(own, 0o755)
    os.mknod(place.host / "null", 0o20666, os.makedev(1, 3))
    refused(errno.EACCES, os.open, place.path / "null", os.O_RDONLY)
