# SPDX-License-Identifier: Apache-2.0
"""What there is to fail. A call is known by its role, its number of a system call and the how many
of these it is: what a role waits for takes more calls in one run than in another, and would move all
that come after it, if they were counted as one. An allocation is a call of no number."""

import collections
import errno
import random

from allocations import PROGRAMS

ROLES = "SPMHXBIWs"  # small letters: allocations
NET_ROLES = "ENe"  # with --net: the egress proxy and its resolver
MUNMAP, ALLOCATION = 11, -1
# close, brk, rt_sigaction, rt_sigprocmask, rt_sigreturn, exit, wait4, kill, exit_group: with
# arguments as they are here. What is not closed for show stays open in truth.
CANNOT_FAIL = {3, 12, 13, 14, 15, 60, 61, 62, 231}

Item = collections.namedtuple("Item", "role call time error")


def key(item):
    return " ".join(map(str, item))


def parse(text):
    """key()'s other way."""
    role, *numbers = text.split()
    return Item(role, *map(int, numbers))


def describe(item):
    """As --only takes it, and the error."""
    call = "" if item.call == ALLOCATION else item.call
    return f"{item.role}:{call}#{item.time} {errno.errorcode[item.error]}"


def is_wanted(item, number, options):
    """number: of the call among all of its role, which is another in the next run."""
    if options.call and item.call != options.call:
        return False
    return not options.only or any(only(item, number) for only in options.only)


def items_of(role, calls, options):
    """calls: the numbers of the role's system calls, in their order."""
    # The loader's calls come before any of ours.
    loader = 1 + max(at for at, call in enumerate(calls[:60]) if call == MUNMAP) \
        if role == "S" else 0
    times = collections.Counter()
    for number, call in enumerate(calls, 1):
        times[call] += 1
        if call in CANNOT_FAIL or number <= loader:
            continue
        for error in [errno.ENOMEM] if role in PROGRAMS else options.errors:
            item = Item(role, call, times[call], error)
            if is_wanted(item, number, options):
                yield item


def survey(calls, options):
    """calls: role → what it calls. In an order that the seed decides."""
    print("# " + ", ".join(f"{role}: {len(calls[role])}" for role in options.roles), flush=True)
    todo = [item for role in options.roles for item in items_of(role, calls[role], options)]
    chance = random.Random(options.seed)
    todo = [item for item in todo if options.every == 1 or chance.randrange(options.every) == 0]
    if options.seconds:
        chance.shuffle(todo)
    number, parts = options.part
    return todo[number - 1::parts]
