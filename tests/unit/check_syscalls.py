#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the numbers of system calls in the filter's table with the kernel's own headers, for both
architectures. Prints TAP.

usage: check_syscalls.py SECCOMP_NUMBERS
"""
import os
import re
import subprocess
import sys

# aarch64 has the generic table; these are what its own asm/unistd.h asks for before it.
AARCH64 = ("#define __ARCH_WANT_RENAMEAT\n#define __ARCH_WANT_NEW_STAT\n#define __ARCH_WANT_SET_GET_RLIMIT\n"
           "#define __ARCH_WANT_TIME32_SYSCALLS\n#define __ARCH_WANT_SYS_CLONE3\n"
           "#define __ARCH_WANT_MEMFD_SECRET\n#undef __BITS_PER_LONG\n#define __BITS_PER_LONG 64\n"
           "#include <asm-generic/unistd.h>\n")
SOURCES = {"x86_64": "#include <asm/unistd_64.h>\n", "aarch64": AARCH64}


def kernel_numbers(source):
    """name → number, of the headers that are installed; {} where they are another machine's."""
    done = subprocess.run([os.environ.get("CC", "cc").split()[0], "-E", "-dM", "-x", "c", "-"], input=source,
                          text=True, capture_output=True, check=False)
    macros = dict(re.findall(r"^#define (__NR\w+) (\S+)$", done.stdout, re.M))
    found = {}
    for name, value in macros.items():
        while value in macros:
            value = macros[value]
        if name.startswith("__NR_") and value.isdigit():
            found[name.removeprefix("__NR_")] = int(value)
    return found


def main():
    lines = subprocess.run([sys.argv[1]], text=True, capture_output=True, check=True).stdout.splitlines()
    table = [line.split() for line in lines]
    failed = False
    for number, (machine, source) in enumerate(SOURCES.items(), 1):
        headers = kernel_numbers(source)
        if machine == "x86_64" and not headers:
            print(f"ok {number} - {machine} # SKIP host: its headers are of another machine")
            continue
        column = 1 if machine == "x86_64" else 2
        ours = {row[0]: int(row[column]) for row in table if int(row[column]) >= 0}
        problems = [f"{name} is {ours[name]}, and {headers[name]} in the headers"
                    for name in ours if name in headers and ours[name] != headers[name]]
        # A newer table may know calls that these headers do not; not the other way round.
        problems += [f"{name} of the headers is not in the table" for name in headers
                     if name not in ours and name not in ("syscalls", "arch_specific_syscall")]
        common = sum(name in headers for name in ours)
        if common < 250:
            problems.append(f"only {common} calls could be compared")
        failed = failed or bool(problems)
        print(f"{'not ok' if problems else 'ok'} {number} - {machine}: {common} numbers are the kernel's")
        for problem in problems:
            print(f"# {problem}")
    print(f"1..{len(SOURCES)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
