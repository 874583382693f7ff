# SPDX-License-Identifier: Apache-2.0
"""Runs in a guest: first whether the guest is the host that it should be, then, if the payload
brings the program, what the program does there."""

import os
import sys

import harness
import test_host


def main():
    suite = harness.Suite(os.environ["KTEST_GUEST"], sys.argv[1])
    suite.run(test_host)
    if os.path.isdir("/opt/k/root"):
        import test_broken
        import test_egress
        import test_landlock
        import test_layers
        import test_limits
        import test_nested
        suite.run(test_layers)
        suite.run(test_limits)
        suite.run(test_egress)
        suite.run(test_landlock)
        suite.run(test_nested)
        suite.run(test_broken)
    if os.path.isdir("/opt/k/e2e"):
        import suites
        suites.run(suite)
    return suite.end()


if __name__ == "__main__":
    sys.exit(main())
