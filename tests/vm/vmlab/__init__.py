# SPDX-License-Identifier: Apache-2.0
"""A laboratory of small Debian guests: the hosts that this machine is not.

guests    the table: which kernel, which userland, which kernel words
packages  a private apt: downloads from Debian's mirror, installs nothing
kernel    kernel, modules and initramfs
rootfs    root file system image
payload   the tar archive that a guest unpacks over its root
boot      one power-on, under emulation, to the results
tap       what the payload said, renumbered and prefixed
cache     artefacts by the hash of their recipe
"""
