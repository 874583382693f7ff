/* SPDX-License-Identifier: Apache-2.0 */
/* What names resolve to, for one tenant: asked of the resolver once for all who want to know at the
 * same time, and kept for a while. What is kept is what the resolver said; whether an address may
 * be dialled is judged at each use. Another tenant's answers are never looked at: by how fast a
 * name is known, it would tell who else uses it. */
#ifndef KS_EGRESS_LOOKUP_H
#define KS_EGRESS_LOOKUP_H

#include "egress/asking.h"
#include "egress/hash.h"

#define LOOKUP_SECONDS 30 /* getaddrinfo() tells no TTL; so long is nobody's surprise */
#define LOOKUP_MAX 1024 /* names that are kept or asked for at once */
#define LOOKUP_BUCKETS 256

struct lookups {
	struct asking *asking; /* NULL: not initialised */
	struct list link; /* of all */
	struct list turn; /* of those whose question is next, in their order */
	struct hash_key key; /* of the buckets; nobody else's */
	struct lookup *buckets[LOOKUP_BUCKETS]; /* by name */
	struct list known; /* the oldest first */
	struct list unasked; /* wait for their turn */
	struct list asked; /* are at the resolver */
	size_t count, n_asked;
};

struct lookup_wait {
	struct list link;
	/* addresses is NULL where the name has none; valid during the call. */
	void (*done)(struct lookup_wait *wait, const struct address *addresses, size_t count);
};

void lookups_init(struct lookups *lookups, struct asking *asking, struct hash_key key);
/* Nobody waits any more. Of what was never initialised nothing is looked at. */
void lookups_done(struct lookups *lookups);

void lookup_wait_init(struct lookup_wait *wait,
	void (*done)(struct lookup_wait *wait, const struct address *addresses, size_t count));
/* Calls wait->done once: before it returns, or later. -ENOSPC or -ENOMEM: it never will. */
int lookup_name(struct lookups *lookups, const struct egress_host *name, struct lookup_wait *wait);
void lookup_cancel(struct lookup_wait *wait);

/* For asking.c: puts the first question that waits to the resolver. 0; -EAGAIN where it has no
 * room; -EPIPE when it is gone. */
int lookups_ask_first(struct lookups *lookups, uint32_t ticket, struct lookup **ret_lookup);
/* The answer; nothing where count is 0. Returns whose question it was. */
struct lookups *lookup_settle(struct lookup *lookup, const struct address *addresses, size_t count);
/* Everybody hears that there is nothing. */
void lookups_give_up(struct lookups *lookups);

/* For lookup.c: there is a question. */
void asking_wants(struct asking *asking, struct lookups *lookups);
/* The ticket's answer is for nobody. */
void asking_forget(struct asking *asking, uint32_t ticket);

#endif
