/* SPDX-License-Identifier: Apache-2.0 */
/* How much of each kind the cache keeps. Nothing else would ever end what a program, kernel or
 * processor has left there that is no longer on this host. */
#ifndef KS_VM_KERNEL_CACHE_ROOM_H
#define KS_VM_KERNEL_CACHE_ROOM_H

#include <stdint.h>

#define CACHE_DIGESTS 128 /* a host has about ten files of which one is taken */
#define CACHE_KERNELS 4
#define CACHE_PAUSES 32
#define CACHE_TEMPLATES 64
#define CACHE_TEMPLATES_BYTES (UINT64_C(1) << 30)
#define CACHE_KEPT_S (30L * 86400) /* without having been read */
#define CACHE_PAUSE_KEPT_S 86400 /* it is heeded for an hour, see template/store.h */

/* Before a file of that name and size comes: removes what nobody has read for long, and then, of
 * its kind, what was read least lately, until there is room. Whoever has one open keeps it, and a
 * name that is missed is made anew. Files of other names are not touched. 0, -ENOSPC where what is
 * there cannot be removed, or -errno. */
int cache_make_room(int cache, const char *name, uint64_t size);

#endif
