/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_LINUX_JAIL_MEMORY_FILE_H
#define KS_LINUX_JAIL_MEMORY_FILE_H

#include <stddef.h>

/* A file in memory that nobody can change any more, its offset at the start. The name is for
 * people who look at /proc. Returns a descriptor (close-on-exec), -EFBIG where the caller's own
 * RLIMIT_FSIZE is too small (writing would end it by SIGXFSZ), or another -errno. */
int memory_file(const char *name, const void *data, size_t len);

#endif
