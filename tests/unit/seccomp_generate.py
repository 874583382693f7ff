#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The generator writes the same bytes again, and fails cleanly: seccomp_generate.py TOOL WHICH OUTPUT."""

import os
import subprocess
import sys
import tempfile


def main():
    tool, which, built = sys.argv[1:]
    tool, built = os.path.abspath(tool), os.path.abspath(built)
    with open(built, "rb") as file:
        wanted = file.read()
    with tempfile.TemporaryDirectory() as directory:
        for environment in ({}, {"LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Tokyo", "HOME": directory}):
            path = os.path.join(directory, "again.c")
            subprocess.run([tool, which, path], check=True, cwd=directory, env=environment)
            with open(path, "rb") as file:
                if file.read() != wanted:
                    sys.exit("the generator wrote other bytes than in the build")
        missing = os.path.join(directory, "missing", "programs.c")
        for arguments in ([], [which], [which, missing], [which, missing, "more"], ["no", path]):
            done = subprocess.run([tool, *arguments], stderr=subprocess.PIPE)
            if done.returncode != 1 or not done.stderr:
                sys.exit(f"{arguments}: status {done.returncode} instead of an error")


main()
