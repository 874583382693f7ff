# SPDX-License-Identifier: Apache-2.0
"""What the tests of the proxy stand on: a host, an internet, jails, and the owner's side."""
