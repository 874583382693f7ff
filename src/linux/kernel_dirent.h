/* SPDX-License-Identifier: Apache-2.0 */
/* An entry as getdents64() gives it, for those who read a directory without the C library. */
#ifndef KS_LINUX_KERNEL_DIRENT_H
#define KS_LINUX_KERNEL_DIRENT_H

#include <stdint.h>

struct kernel_dirent {
	uint64_t inode;
	int64_t offset;
	unsigned short len;
	unsigned char type;
	char name[];
};

#endif
