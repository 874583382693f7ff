# SPDX-License-Identifier: Apache-2.0
"""The guest's kernel as somebody may have rewritten it: it says on the socket whatever it likes."""

import errno
import os
import socket
import struct
import subprocess

from harness import check

(LOOKUP, FORGET, GETATTR, SETATTR, READLINK, SYMLINK, MKNOD, MKDIR, UNLINK, RMDIR, RENAME, LINK,
 OPEN, READ, WRITE, STATFS, RELEASE) = (1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18)
(SETXATTR, GETXATTR, INIT, OPENDIR, READDIR, GETLK, SETLK, SETLKW, ACCESS, CREATE, INTERRUPT,
 IOCTL, BATCH_FORGET, READDIRPLUS, RENAME2, LSEEK, COPY) = (
     21, 22, 26, 27, 28, 31, 32, 33, 34, 35, 36, 39, 42, 44, 45, 46, 47)
ROOT = 1


class Gone(Exception):
    """The server has ended the connection."""


class Guest:
    def __init__(self, place, start=True, descriptors=None):
        self.unique = 1
        self.socket, other = socket.socketpair()
        self.socket.settimeout(10)
        environment = dict(os.environ)
        if descriptors:
            environment["STAGE_DESCRIPTORS"] = str(descriptors)
        self.process = subprocess.Popen(
            [place.options.stage, "--serve", place.options.files, str(place.source)], stdin=other,
            stderr=subprocess.PIPE, text=True, env=environment)
        other.close()
        if start:
            self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        try:
            self.process.wait(10)
        finally:
            self.process.kill()
            self.process.stderr.close()

    def ended(self):
        """(status, what it said)"""
        said = self.process.communicate(timeout=10)[1]
        return self.process.returncode, said

    def start(self):
        code, body = self.ask(INIT, 0, struct.pack("<4I", 7, 38, 131072, 0xffffffff) + bytes(48))
        check.equal(code, 0, "FUSE_INIT")
        return body

    @staticmethod
    def header(opcode, node, body_len, unique, length=None, extensions=0):
        return struct.pack("<IIQQIIIHH", 40 + body_len if length is None else length, opcode, unique,
                           node, 0, 0, 0, extensions, 0)

    def send(self, opcode, node, body=b"", **more):
        self.unique += 2
        self.socket.sendall(self.header(opcode, node, len(body), self.unique, **more) + body)
        return self.unique

    def _exactly(self, size):
        data = b""
        while len(data) < size:
            try:
                part = self.socket.recv(size - len(data))
            except ConnectionError as error:
                raise Gone() from error
            if not part:
                raise Gone()
            data += part
        return data

    def answer(self):
        while True:
            size, code, unique = struct.unpack("<IiQ", self._exactly(16))
            body = self._exactly(size - 16)
            # What nobody asked for: the file that a lock was set in is to be looked at again.
            if unique:
                return unique, -code, body

    def ask(self, opcode, node, body=b"", **more):
        """(errno or 0, body)"""
        sent = self.send(opcode, node, body, **more)
        unique, code, answer = self.answer()
        check.equal(unique, sent, "whose answer it is")
        return code, answer

    # Requests that are in order; each has to succeed.

    def look(self, node, name):
        code, body = self.ask(LOOKUP, node, os.fsencode(name) + b"\0")
        found = struct.unpack_from("<Q", body)[0] if code == 0 else 0
        check.true(found, f"{name} is found: {errno.errorcode.get(code, code)}")
        return found

    def walk(self, path):
        node = ROOT
        for part in path.split("/"):
            node = self.look(node, part)
        return node

    def open(self, node, flags=0, opcode=OPEN):
        code, body = self.ask(opcode, node, struct.pack("<II", flags, 0))
        check.equal(code, 0, "opening")
        return struct.unpack_from("<Q", body)[0]

    def read(self, node, handle, offset=0, size=4096, opcode=READ):
        return self.ask(opcode, node, struct.pack("<QQIIQII", handle, offset, size, 0, 0, 0, 0))

    def write_body(self, handle, data, offset=0, size=None, flags=0):
        return struct.pack("<QQIIQII", handle, offset, len(data) if size is None else size, 0, 0,
                           flags, 0) + data

    def refuses(self, codes, opcode, node, body=b"", what="", **more):
        codes = codes if isinstance(codes, tuple) else (codes,)
        code, _ = self.ask(opcode, node, body, **more)
        names = [errno.errorcode[one] for one in codes]
        check.one_of(errno.errorcode.get(code, code), names, what or f"operation {opcode} {body[:60]!r}")

    def well(self):
        """What it is for still works."""
        code, _ = self.ask(GETATTR, ROOT, bytes(16))
        check.equal(code, 0, "a good request after the bad one")
