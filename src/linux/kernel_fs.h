/* SPDX-License-Identifier: Apache-2.0 */
/* File systems that are an interface to the kernel, wherever they are mounted: what they show is
 * not the caller's to give, and writing to them changes the host. */
#ifndef KS_LINUX_KERNEL_FS_H
#define KS_LINUX_KERNEL_FS_H

#include "linux/mountinfo.h"

/* The name of the one that the object in fd is on, or NULL. */
const char *kernel_fs_of(int fd);

/* Whether a type of a mount is one. */
bool kernel_fs_is(struct span type);

#endif
