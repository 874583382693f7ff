# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests stand on: a runner, a jail to call and a control to compare with."""
