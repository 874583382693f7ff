# SPDX-License-Identifier: Apache-2.0
"""The probes: small C programs and scripts, each run doing one act and saying how it went."""

import os
import pathlib
import shutil
import subprocess

SOURCES = pathlib.Path(__file__).resolve().parent.parent / "probes"
FLAGS = ["-std=gnu17", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE"]


def build(directory):
    """Compiles every probe into the directory; what is there and newer than its source stays."""
    directory.mkdir(parents=True, exist_ok=True)
    header = (SOURCES / "verdict.h").stat().st_mtime
    for source in sorted(SOURCES.glob("*.c")):
        program = directory / source.stem
        if program.exists() and program.stat().st_mtime > max(header, source.stat().st_mtime):
            continue
        subprocess.run([os.environ.get("CC", "cc"), *FLAGS, "-o", program, source, "-pthread"],
                       check=True)
    for script in sorted(SOURCES.glob("*.py")):
        shutil.copy(script, directory / script.name)
    for program in directory.iterdir():
        program.chmod(0o755)


class Probes:
    """Built at the first use, or taken from a directory where somebody built them."""

    def __init__(self, options):
        self.directory = pathlib.Path(options.probes or options.base / "probes").resolve()
        self.ready = bool(options.probes)

    def path(self, name):
        if not self.ready:
            build(self.directory)
            self.ready = True
        return str(self.directory / name)
