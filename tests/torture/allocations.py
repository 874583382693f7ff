# SPDX-License-Identifier: Apache-2.0
"""Fails allocations of the command and of the egress proxy one after the other; see fail_alloc.c."""

import mmap
import os
import pathlib
import shutil
import struct
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
ORDER = struct.Struct("32sIII")
# The role that a test names, and the program that plays it.
PROGRAMS = {"s": "kastellan", "e": "kastellan-egress"}


class Allocations:
    def __init__(self, directory, egress):
        self.directory = directory
        self.define = f'-DDIRECTORY="{directory}"'
        self.preload = self.compile("fail_alloc", ".so", "-shared", "-fPIC")
        if egress:
            self.copy_proxy(pathlib.Path(egress))
            self.wrapper = self.compile("egress_wrapper", "")
        path = directory / "alloc"
        path.write_bytes(bytes(ORDER.size))
        path.chmod(0o666)
        with open(path, "r+b") as file:
            self.shared = mmap.mmap(file.fileno(), ORDER.size)

    def copy_proxy(self, egress):
        """With a loader, which the installed one may be without, so that something can be preloaded;
        and what its resolver becomes beside it, where it is looked for."""
        dynamic = egress.with_name("kastellan-egress-dynamic")
        proxy = shutil.copy(dynamic if dynamic.exists() else egress, self.directory / "kastellan-egress")
        if b"/ld-" not in proxy.read_bytes():
            raise SystemExit(f"{egress} is static, and {dynamic} is missing: build the tests, too")
        shutil.copy(egress.with_name("kastellan-names"), self.directory)

    def compile(self, name, ending, *flags):
        program = self.directory / f"{name}{ending}"
        subprocess.run([os.environ.get("CC", "cc"), "-O1", "-Wall", "-D_GNU_SOURCE", self.define, *flags,
                        "-o", program, HERE / f"{name}.c"], check=True)
        return program

    def order(self, role, at):
        self.shared[:] = ORDER.pack(PROGRAMS[role].encode(), at, 0, 0)

    def result(self):
        """(how many there were, whether the wanted one was reached)"""
        _, _, count, failed = ORDER.unpack(self.shared[:])
        return count, failed > 0

    def environment(self, role):
        """For a run in which allocations of that role are counted or failed."""
        changed = dict(os.environ)
        if role == "s":
            changed["LD_PRELOAD"] = str(self.preload)
        else:
            changed["KASTELLAN_EGRESS"] = str(self.wrapper)
        return changed
