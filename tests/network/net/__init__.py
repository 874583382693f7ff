# SPDX-License-Identifier: Apache-2.0
"""The internet of the network programs, their table, and what each has to show."""
