/* SPDX-License-Identifier: Apache-2.0 */
/* The resolver, which all tenants ask: whose turn it is, and whose question an answer is to. A
 * question is at the resolver once it has a ticket; those without wait with their tenant. */
#ifndef KS_EGRESS_ASKING_H
#define KS_EGRESS_ASKING_H

#include "egress/loop.h"
#include "egress/resolver.h"

#define ASKING_MAX 256 /* questions at the resolver, which has a few threads */

struct lookup;

struct ticket {
	struct lookup *lookup; /* NULL: whoever asked is gone */
	uint32_t number; /* 0 = free; the low half is the place in the table */
};

struct asking {
	struct loop *loop;
	struct resolver *resolver;
	struct watch watch;
	struct ticket tickets[ASKING_MAX];
	struct list turns; /* of the tenants that have a question: lookups.turn */
	struct list all; /* of the tenants: lookups.link */
	size_t share; /* questions of one tenant that are at the resolver at once ... */
	size_t most; /* ... and of all of them: ASKING_MAX or less */
	uint16_t asked; /* makes tickets that were not used before */
	bool broken; /* the resolver is gone: no name is known any more */
	void (*when_broken)(struct asking *asking); /* or NULL */
};

void asking_init(struct asking *asking, size_t share, size_t most);
/* The resolver is watched from here on. 0 or -errno. */
int asking_start(struct asking *asking, struct loop *loop, struct resolver *resolver);

#endif
