# SPDX-License-Identifier: Apache-2.0
"""What the unit tests in Python print: TAP, with what was said of a failure below it."""

number = 0
failed = False


def check(name, good, said=""):
    global number, failed
    number += 1
    failed = failed or not good
    print(f"{'ok' if good else 'not ok'} {number} - {name}")
    if not good:
        print("".join(f"# {line}\n" for line in str(said).splitlines()), end="")


def end():
    """The exit status."""
    print(f"1..{number}")
    return 1 if failed else 0
