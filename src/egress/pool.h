/* SPDX-License-Identifier: Apache-2.0 */
/* One kastellan-egress for many workers of this process, as the owner of one of them sees it.
 * Should: let a worker in only where the process lives, and tell each one of its end. Must not: let
 * anything that one worker's owner does reach another worker. All functions are thread-safe. */
#ifndef KS_EGRESS_POOL_H
#define KS_EGRESS_POOL_H

#include <stdbool.h>

#include <kastellan/egress.h>

#include "egress/owner.h"

/* A process, living or not; the worker's owner holds a reference. */
struct egress_shared;

/* One more reference to the pool; ks_egress_pool_free() drops one. NULL is allowed. */
ks_egress_pool *egress_pool_ref(ks_egress_pool *pool);

/* Hands the proxy's side of a new worker's socket, and that of its jail's, to a process of the
 * pool, which is started where there is none. Both stay the caller's. Of setup, pool, host and jail
 * are looked at. 0 or -errno; -EPERM in a child of fork(). */
int egress_pool_enter(const struct egress_setup *setup, int socket,
	struct egress_shared **ret_shared, ks_error **reterr);

/* Polls readable once the process has ended. */
int egress_shared_fd(const struct egress_shared *shared);
/* False while it lives. *ret_memory: the limit of its own control group has ended it. */
bool egress_shared_ended(struct egress_shared *shared, int *ret_status, bool *ret_memory);
/* Why it does not serve, in its own words: returns the code, which is negative. */
int egress_shared_why(struct egress_shared *shared, ks_error **reterr);
/* It does not do what it is told: it ends now, and everybody's connections with it. */
void egress_shared_condemn(struct egress_shared *shared);
void egress_shared_unref(struct egress_shared *shared);

#endif
