# SPDX-License-Identifier: Apache-2.0
"""Whether what came of a run in which something failed is as good as what always comes of it."""

import difflib
import errno


# What every file of a machine is whose server of files has ended.
GONE = {"ENOTCONN", "ECONNABORTED"}
LISTS = ("/", "/etc", "/proc/self/fd", "interfaces")


def is_error(text):
    return text in errno.errorcode.values()


def same_or_less(now, always, failed=None, whole=True):
    """The listings of directories may be shorter, as may the list of mounts: that gives less. So
    does a proxy that has died, or a server of files, and an act that is refused as ever, with the
    error that was made.
    whole: nothing may be missing."""
    wanted = dict(line.partition(":")[::2] for line in always.splitlines())
    found = dict(line.partition(":")[::2] for line in now.splitlines())
    made = {"ENOSYS"} | ({errno.errorcode[failed]} if failed else set())
    lost = any(value.strip() in GONE for value in found.values())
    if not whole or lost:
        wanted = {key: value for key, value in wanted.items() if key in found}
    for key, value in wanted.items():
        if key in (LISTS if lost else LISTS[:2]):
            if not set(found.get(key, "").split()) <= set(value.split()):
                return False
        elif key == "the listed endpoint":
            if found.get(key) not in (None, value, " not reached"):
                return False
        elif lost and found[key].strip() in GONE:
            pass
        elif is_error(value.strip()) and found.get(key, "").strip() in made:
            pass  # with ENOSYS, nobody is there any more to be asked: refused all the same
        elif found.get(key, value if key == "mount /usr" else None) != value:
            return False
    return not set(found) - set(wanted)


def judge(result, reference, failed=None):
    """None, or what is wrong. failed: the error that was made."""
    code, out, err = result
    if code is None:
        return f"hangs\n{err}"
    if code in (125, 126, 127) or (code > 128 and "kastellan: ended: " in err):
        # What fails after the worker's exec ends it again, and what it said by then may be cut.
        said = out[:out.rfind("\n") + 1]
        if not same_or_less(said, reference[1], failed, whole=False):
            return f"refused, and before that the worker ran less confined:\n{out}"
        return None if "kastellan: " in err else f"refused without a word: {err!r}"
    if code == reference[0] and same_or_less(out, reference[1], failed):
        return None
    if not out:
        return f"code {code}, nothing ran, stderr {err!r}"
    difference = "\n".join(difflib.unified_diff(reference[1].splitlines(), out.splitlines(),
                                                "always", "now", lineterm="", n=0))
    return f"code {code}, stderr {err!r}\n{difference}"
