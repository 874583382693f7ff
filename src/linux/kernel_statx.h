/* SPDX-License-Identifier: Apache-2.0 */
/* statx() by its number: not every C library that parts of this are built with has it. */
#ifndef KS_LINUX_KERNEL_STATX_H
#define KS_LINUX_KERNEL_STATX_H

#include <linux/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* 0, or -1 with errno. */
static inline int kernel_statx(
	int dir, const char *path, int flags, unsigned wanted, struct statx *ret)
{
	return (int)syscall(SYS_statx, dir, path, flags, wanted, ret);
}

#endif
