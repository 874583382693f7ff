/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_LINUX_KERNEL_ID_H
#define KS_LINUX_KERNEL_ID_H

/* First of the kernel user and group ids for the workers of privileged callers: a range that
 * distributions leave alone (it ends below systemd's and nspawn's, and no login or subordinate id
 * reaches it). It has to be mapped in the caller's user namespace. */
#define KERNEL_ID_BASE 2069037056u /* 0x7B530000 */
#define KERNEL_ID_COUNT 0x10000u
/* The last of them are for processes that outlive any number of workers. */
#define KERNEL_ID_APART 0x100u

#endif
