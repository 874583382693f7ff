/* SPDX-License-Identifier: Apache-2.0 */
/* What names resolve to: asked of the resolver once for all who want to know at the same time, and
 * kept for a while. What is kept is what the resolver said; whether an address may be dialled is
 * judged at each use. */
#ifndef KS_EGRESS_LOOKUP_H
#define KS_EGRESS_LOOKUP_H

#include "egress/hash.h"
#include "egress/loop.h"
#include "egress/resolver.h"

#define LOOKUP_SECONDS 30 /* getaddrinfo() tells no TTL; so long is nobody's surprise */
#define LOOKUP_MAX 1024 /* names that are kept or asked for at once */
#define LOOKUP_BUCKETS 256

struct lookup;

struct lookups {
	struct loop *loop;
	struct resolver *resolver;
	struct watch watch;
	struct hash_key key; /* of the buckets; nobody else's */
	struct lookup *slots[LOOKUP_MAX]; /* by the low half of the ticket */
	struct lookup *buckets[LOOKUP_BUCKETS]; /* by name */
	struct list known; /* the oldest first */
	struct list unasked; /* wait for room in the resolver's socket */
	size_t count;
	uint16_t asked; /* makes tickets that were not used before */
	bool broken; /* the resolver is gone: no name is known any more */
};

struct lookup_wait {
	struct list link;
	/* addresses is NULL where the name has none; valid during the call. */
	void (*done)(struct lookup_wait *wait, const struct address *addresses, size_t count);
};

/* The resolver is watched from here on. 0 or -errno. */
int lookups_start(struct lookups *lookups, struct loop *loop, struct resolver *resolver);
void lookups_done(struct lookups *lookups);

void lookup_wait_init(struct lookup_wait *wait,
	void (*done)(struct lookup_wait *wait, const struct address *addresses, size_t count));
/* Calls wait->done once: before it returns, or later. -ENOSPC or -ENOMEM: it never will. */
int lookup_name(struct lookups *lookups, const struct egress_host *name, struct lookup_wait *wait);
void lookup_cancel(struct lookup_wait *wait);

#endif
