/* SPDX-License-Identifier: Apache-2.0 */
/* Templates as files of the cache (kernel/cache.h): a snapshot each, which is the stream that the
 * emulator wrote. A template's name tells what it is of and what is in it:
 *
 *   template-KEY-KHZ-SHA256    KEY: key.h; KHZ: the rate of the time stamp counter that its guest
 * was told; SHA256: of the file itself
 *
 * Nobody ever finds one that is not complete: it is written without a name, and named in one step.
 * One is used only if it is this user's, a plain file of one name that nobody may write, and what
 * its name says; the hash is taken again whenever the kernel says that the file is not as it was.
 * Whatever else has such a name is removed. */
#ifndef KS_VM_TEMPLATE_STORE_H
#define KS_VM_TEMPLATE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/sha256.h"

#define TEMPLATE_LARGEST (UINT64_C(1) << 28) /* of one; of all: kernel/cache_room.h */
#define TEMPLATE_PAUSE_S 3600 /* until one that could not be made or used is tried again */

/* Opens it for reading, at its beginning. 0, -ENOENT: there is none that can be used, or -errno. */
int template_open(int cache, const char key[SHA256_TEXT], uint32_t tsc_khz, int *ret_fd);

/* The right to make templates, which one process has at a time, for as long as the descriptor is
 * open. 0, -EAGAIN: somebody else has it, or -errno. */
int template_lock(int cache, int *ret_fd);

/* A file without a name, to be written. 0 or -errno. */
int template_begin(int cache, int *ret_fd);

/* Names what was written, after others have made room for it. Nobody else may have the file open
 * for writing any more. 0 or -errno: -EFBIG, -ENODATA: it has no size that a template has. */
int template_keep(int cache, const char key[SHA256_TEXT], uint32_t tsc_khz, int fd);

/* Removes those of the key, which were of no use, and remembers that for TEMPLATE_PAUSE_S. */
void template_give_up(int cache, const char key[SHA256_TEXT]);
bool template_given_up(int cache, const char key[SHA256_TEXT]);

#endif
