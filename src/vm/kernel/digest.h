/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes of the files that a machine is made of, remembered for as long as the kernel says that a
 * file is the same: by device, inode, size, time of its last write and of its last change. Who can
 * set the last of these back can change the file without a trace anyway. */
#ifndef KS_VM_KERNEL_DIGEST_H
#define KS_VM_KERNEL_DIGEST_H

#include <sys/stat.h>

#include "base/sha256.h"

/* cache: the directory of cache.h, or -1: nothing is remembered. 0 or -errno. */
int digest_file(int cache, int fd, char ret[SHA256_TEXT]);

/* Remembers the hash of a file as it is now, by whoever has just taken it. */
void digest_note(int cache, int fd, const char hash[SHA256_TEXT]);

/* Of a file that is gone. */
void digest_forget(int cache, const struct stat *st);

#endif
