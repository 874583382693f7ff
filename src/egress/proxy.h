/* SPDX-License-Identifier: Apache-2.0 */
/* What the process has once, whoever it serves: one thread with its loop, the resolver, the host's
 * routes, pipes, and the way to its owner. What belongs to a worker is in tenant.h. */
#ifndef KS_EGRESS_PROXY_H
#define KS_EGRESS_PROXY_H

#include "egress/asking.h"
#include "egress/tenant.h"

/* Those of a proxy for many (tenants.c), and what they have together. */
struct tenants {
	struct egress_pool_config most;
	struct list list;
	size_t count;
	struct promise promised; /* to all of them */
	uint64_t max_descriptors;
	bool retired; /* no more are taken: the resolver is gone */
};

struct proxy {
	struct loop loop;
	struct resolver resolver;
	struct asking asking;
	struct relay_room room;
	size_t open; /* connections of all tenants */
	int routes;
	struct watch maker; /* the process that has made the owner's socket */
	struct watch lobby; /* the owner's socket, where it serves many */
	struct tenants tenants;
	bool started; /* nothing more is said before it serves */
};

void proxy_init(struct proxy *proxy);
/* How many it may need for one tenant of that configuration. */
uint64_t proxy_descriptors(const struct egress_config *config);
void proxy_done(struct proxy *proxy);

#endif
