# SPDX-License-Identifier: Apache-2.0
"""The one address that the tests answer questions for names at: a guest asks port 53 alone."""
import socket
import time

ADDRESS = "127.0.0.77"
PATIENCE = 60


def take(case, timeout):
    """A socket of the test's, bound to it; closed at its end."""
    names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    case.addCleanup(names.close)
    names.settimeout(timeout)
    # Somebody else may run these tests.
    until = time.monotonic() + PATIENCE
    while True:
        try:
            names.bind((ADDRESS, 53))
            return names
        except PermissionError:
            case.skipTest("host: port 53 is root's")
        except OSError:
            if time.monotonic() > until:
                raise
        time.sleep(0.1)
