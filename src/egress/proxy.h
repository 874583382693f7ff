/* SPDX-License-Identifier: Apache-2.0 */
/* All that one proxy is made of. A connection goes through it like this:
 *
 *   listener.c  accepted; where the worker wanted to go ──▶ door.c, where it has to say so first
 *   judge.c     may it? by rules.c, then lookup.c, then routes.c
 *   dial.c      the addresses that may be dialled, until one answers
 *   guard.c     the name in TLS has to be that of the destination
 *   relay.c     bytes, in both directions
 *   tell.c      what was decided, and how it ended
 *
 * flow.c leads one connection through these; dns_udp.c and dns_tcp.c answer questions. */
#ifndef KS_EGRESS_PROXY_H
#define KS_EGRESS_PROXY_H

#include "egress/audit.h"
#include "egress/control.h"
#include "egress/lookup.h"
#include "egress/relay.h"
#include "egress/rules.h"
#include "egress/synthetic.h"

#define PROXY_MAX_LISTENERS                                                    \
	576 /* two for each entry's port where there is one for each, and more \
	     */

struct proxy {
	struct loop loop;
	struct egress_config config;
	struct rules rules;
	struct synthetic names;
	struct resolver resolver;
	struct lookups lookups;
	int routes;
	struct audit *audit;
	struct relay relay;

	struct watch owner, jail, audit_room;
	struct watch maker; /* the process that has made the owner's socket */
	bool started; /* EGRESS_START was heard */
	struct list listeners;
	size_t n_listeners;
	bool starved; /* a listener could not accept, for want of descriptors or memory */
	struct list flows;
	struct list clients; /* that ask DNS over TCP */
	size_t open; /* of both, at most config.connections */

	struct timers connecting, idle, next_attempt, parting, asking, starving, draining;
	struct timer retry, drain_end;
	bool draining_now; /* the worker is gone */

	uint64_t dialled, unfinished, up, down; /* of the summary */
};

void proxy_init(struct proxy *proxy);
/* Makes the loop and the tables that the configuration asks for. 0 or -errno. */
int proxy_configure(struct proxy *proxy);
/* How many it may need. */
uint64_t proxy_descriptors(const struct proxy *proxy);
void proxy_done(struct proxy *proxy);

/* A connection has left the table. */
void proxy_left(struct proxy *proxy);

#endif
