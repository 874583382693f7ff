# SPDX-License-Identifier: Apache-2.0
"""A kernel without nf_tables, as far as a program can tell: the jail's connections cannot be
diverted then, and only the ports of the list lead to the proxy."""

import ctypes
import errno
import os
import struct

from stage.world import libc, must

SOCKET = {"x86_64": 41, "aarch64": 198}
AF_NETLINK, NETLINK_NETFILTER = 16, 12
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06  # of classic BPF
ALLOW, FAIL = 0x7fff0000, 0x00050000
NUMBER, FAMILY, PROTOCOL = 0, 16, 32  # offsets in struct seccomp_data


def instructions():
    """A check that does not hold leads to the last but one."""
    checks = ((NUMBER, SOCKET[os.uname().machine]), (FAMILY, AF_NETLINK),
              (PROTOCOL, NETLINK_NETFILTER))
    for at, (offset, wanted) in enumerate(checks):
        yield LOAD, 0, 0, offset
        yield EQUAL, 0, 2 * (len(checks) - at) - 1, wanted
        if at == len(checks) - 1:
            yield RETURN, 0, 0, FAIL | errno.EPROTONOSUPPORT
    yield RETURN, 0, 0, ALLOW


def hide_nf_tables():
    """For this process and all that it starts."""
    code = b"".join(struct.pack("HBBI", *one) for one in instructions())
    room = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(room))
    must(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "give up privileges")
    must(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0), "filter")
