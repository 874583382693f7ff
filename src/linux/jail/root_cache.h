/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a root that jails have in common, kept between spawns with the same mounts: all that
 * comes from the host or is generated, read-only, and the places for what each jail has of its own.
 * A jail gets a copy of the mounts, which is one call; the files are the same, as those of /usr
 * are.
 *
 * Only for privileged callers, as nobody else can make mounts outside of a jail. From Linux 6.15
 * on; before, and whenever anything is in the way, a jail makes all of its root itself. */
#ifndef KS_LINUX_JAIL_ROOT_CACHE_H
#define KS_LINUX_JAIL_ROOT_CACHE_H

#include "plan/plan.h"

struct root_cache;

struct root_cache *root_cache_new(void); /* NULL = out of memory, which is no cache */
void root_cache_free(struct root_cache *cache);

/* A detached mount for one jail of this plan, close-on-exec, or -1. Thread-safe. Mounts that are
 * seen for the first time are only remembered, as most of them do not come again. cache: NULL is
 * allowed. */
int root_cache_take(struct root_cache *cache, const struct ks_plan *plan);

/* Makes the copy that the next jail like the last one will take: for whoever has time. Thread-safe.
 * cache: NULL is allowed. */
void root_cache_refill(struct root_cache *cache);

#endif
