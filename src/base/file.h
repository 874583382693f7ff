/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_BASE_FILE_H
#define KS_BASE_FILE_H

#include <stddef.h>

/* Writes all of it, however the kernel divides it. 0 or -errno. */
int file_write_all(int fd, const char *data, size_t len);

/* The last line of what can be read now, in one read of at most room - 1 bytes; empty where there
 * is nothing, or for -1. For pipes of complaints: non-blocking ones. */
void file_last_line(int fd, char *text, size_t room);

/* The whole text of a file whose size nobody knows beforehand, as those of /proc; at most
 * KS_MAX_TEXT. Free with free(). 0 or -errno. */
int file_read_text(const char *path, char **ret_text);
/* The same of what is left of an open one. */
int file_read_rest(int fd, char **ret_text);

#endif
