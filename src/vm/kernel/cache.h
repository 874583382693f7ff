/* SPDX-License-Identifier: Apache-2.0 */
/* A directory of this user's own for what is made of a kernel: KASTELLAN_CACHE, else vm beneath
 * XDG_CACHE_HOME/kastellan or HOME/.cache/kastellan. What is in it is trusted, so that it is used
 * only where nobody else could have put anything there: it and its files belong to the caller, and
 * nobody else may write them. Files are complete or absent. */
#ifndef KS_VM_KERNEL_CACHE_H
#define KS_VM_KERNEL_CACHE_H

#include <stddef.h>

/* The directory, made where it is missing (close-on-exec); or -errno: -EPERM for one that others
 * may write. */
int cache_directory(void);

/* A file of it, for reading; or -errno. */
int cache_open(int cache, const char *name);

/* Makes it, where it is not there yet, and where its kind has no room left (cache_room.h) ends what
 * nobody has used for longest. 0 or -errno. */
int cache_store(int cache, const char *name, const void *data, size_t len);

#endif
