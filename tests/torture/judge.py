# SPDX-License-Identifier: Apache-2.0
"""Whether what came of a run in which something failed is as good as what always comes of it."""

import difflib
import errno
import json
import re


LISTS = ("/", "/etc")
STATUS_ITSELF = r"--status|^kastellan: out of memory$"
# Where files may fail one by one: what is opened for it, too.
FILES_LISTS = (*LISTS, "/proc/self/fd", "interfaces")


def is_error(text):
    return text in errno.errorcode.values()


def same_or_less(now, always, failed=None, whole=True, files=False):
    """The listings of directories may be shorter, as may the list of mounts: that gives less. So
    does a proxy that has died, and an act that is refused as ever, with the error that was made.
    whole: nothing may be missing; else it was being ended, and what needs somebody who is ended with
    it may be refused, too. files: what serves a machine's files may fail or be gone, so that
    every act may fail that needs one."""
    wanted = dict(line.partition(":")[::2] for line in always.splitlines())
    found = dict(line.partition(":")[::2] for line in now.splitlines())
    made = {"ENOSYS"} | ({errno.errorcode[failed]} if failed else set())
    if not whole or files:
        wanted = {key: value for key, value in wanted.items() if key in found}
    for key, value in wanted.items():
        if key in (FILES_LISTS if files else LISTS):
            if not set(found.get(key, "").split()) <= set(value.split()):
                return False
        elif key == "the listed endpoint":
            if found.get(key) not in (None, value, " not reached"):
                return False
        elif (files or not whole and value == " done") and is_error(found[key].strip()):
            pass
        elif is_error(value.strip()) and found.get(key, "").strip() in made:
            pass  # with ENOSYS, nobody is there any more to be asked: refused all the same
        elif found.get(key, value if key == "mount /usr" else None) != value:
            return False
    return not set(found) - set(wanted)


def differences(always, now):
    return "\n".join(difflib.unified_diff(always.splitlines(), now.splitlines(), "always", "now",
                                          lineterm="", n=0))


def refused_rightly(code, err, status):
    """None, or what is wrong with what is told of a start that was refused."""
    if "kastellan: " not in err:
        return f"refused without a word: {err!r}"
    if not status:
        # Then it is the status that could not be written, or what comes before it.
        return None if re.search(STATUS_ITSELF, err, re.MULTILINE) else f"refused without a status: {err!r}"
    told = json.loads(status)
    outcome, error = told["outcome"], told["error"]
    if outcome["type"] != "setup" or outcome["shell_status"] != code or not error["step"]:
        return f"refused, code {code}, but the status is {outcome} {error}, stderr {err!r}"
    return None


def judge(result, reference, failed=None, files=False):
    """None, or what is wrong. failed: the error that was made; files: to who serves a machine's."""
    code, out, err, status = result
    if code is None:
        return f"hangs\n{err}"
    if code in (125, 126, 127) or (code > 128 and "kastellan: ended: " in err):
        # What fails after the worker's exec ends it again, and what it said by then may be cut.
        said = out[:out.rfind("\n") + 1]
        if not same_or_less(said, reference[1], failed, False, files):
            return "refused, and before that the worker ran less confined:\n" + \
                differences(reference[1], said)
        return refused_rightly(code, err, status) if code < 128 else None
    # A program whose own file cannot be read on ends by a signal.
    ended = code == reference[0] or files and code > 128
    if ended and same_or_less(out, reference[1], failed, files=files):
        return None
    if not out:
        return f"code {code}, nothing ran, stderr {err!r}"
    return f"code {code}, stderr {err!r}\n{differences(reference[1], out)}"
