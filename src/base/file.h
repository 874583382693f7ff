/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_BASE_FILE_H
#define KS_BASE_FILE_H

#include <stddef.h>

/* Writes all of it, however the kernel divides it. 0 or -errno. */
int file_write_all(int fd, const char *data, size_t len);

/* The whole text of a file whose size nobody knows beforehand, as those of /proc; at most
 * KS_MAX_TEXT. Free with free(). 0 or -errno. */
int file_read_text(const char *path, char **ret_text);

#endif
