# SPDX-License-Identifier: Apache-2.0
"""Tries to make a file in every directory beneath the given one, without crossing into /proc's
processes; prints those where it works, as JSON."""

import json
import os
import sys

SKIP = ("/proc/self", "/proc/thread-self")


def can(place):
    path = os.path.join(place, ".kastellan-writable")
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError:
        return False
    os.unlink(path)
    return True


found = []
for place, directories, _ in os.walk(sys.argv[1]):
    directories[:] = [name for name in directories
                      if not (place == "/proc" and name.isdigit())
                      and place.count("/") < 8]
    if place not in SKIP and can(place):
        found.append(place)
print(json.dumps(sorted(found)))
