/* SPDX-License-Identifier: Apache-2.0 */
/* One worker and what the proxy keeps for it: its rules, the names it has learnt, what it may still
 * use up, its connections and what was decided about them. Nothing here is another tenant's. A
 * connection goes through it like this:
 *
 *   listener.c  accepted; where the worker wanted to go ──▶ door.c, where it has to say so first
 *   judge.c     may it? by rules.c, then lookup.c, then routes.c
 *   dial.c      the addresses that may be dialled, until one answers
 *   guard.c     the name in TLS has to be that of the destination
 *   relay.c     bytes, in both directions
 *   tell.c      what was decided, and how it ended
 *
 * flow.c leads one connection through these; dns_udp.c and dns_tcp.c answer questions. */
#ifndef KS_EGRESS_TENANT_H
#define KS_EGRESS_TENANT_H

#include "egress/audit.h"
#include "egress/control.h"
#include "egress/lookup.h"
#include "egress/relay.h"
#include "egress/rules.h"
#include "egress/synthetic.h"

#define TENANT_MAX_LISTENERS                                                   \
	576 /* two for each entry's port where there is one for each, and more \
	     */

#define TENANT_OWNER_EVENTS (POLLER_IN | POLLER_OUT | POLLER_END)

struct proxy;

/* What is set aside, of what the process may have. */
struct promise {
	uint64_t connections, names, descriptors;
};

struct tenant_timers {
	struct timers *connecting, *idle, *next_attempt, *parting, *asking, *starving, *draining;
	struct timers *patience;
};

/* What its end waits for. */
enum farewell_state { FAREWELL_NOT, FAREWELL_AUDIT, FAREWELL_WORDS, FAREWELL_OVER };

struct tenant {
	struct proxy *proxy;
	struct loop *loop; /* the proxy's */
	struct egress_config config;
	struct rules rules;
	struct synthetic names;
	struct lookups lookups;
	struct audit *audit;
	struct relay relay;

	struct watch owner, jail, audit_room;
	struct list listeners;
	size_t n_listeners, max_listeners;
	bool starved; /* a listener could not accept, for want of descriptors or memory */
	struct list flows;
	struct list clients; /* that ask DNS over TCP */
	size_t open; /* of both, at most config.connections */
	size_t extra, max_extra; /* attempts at a further address */

	struct tenant_timers timers;
	struct timer retry, drain_end, patience;
	bool stopped; /* the worker is gone */
	bool draining_now; /* and some of its connections are not */
	enum farewell_state farewell;
	size_t said; /* denied destinations that the owner has been told of */
	void (*over)(struct tenant *tenant); /* all is said */

	uint64_t dialled, unfinished, up, down; /* of the summary */

	/* Of a proxy for many (tenants.c). */
	struct list link;
	struct task leave;
	bool configured, serving, leaving;
	struct promise promised;
};

void tenant_init(struct tenant *tenant, struct proxy *proxy);
/* Makes the tables that the configuration asks for, and the audit, whose descriptor is owned from
 * here on in any case. 0 or -errno. */
int tenant_configure(struct tenant *tenant, int audit);
/* Tells the jail's socket and the room of the audit to the loop. 0 or -errno. */
int tenant_watch(struct tenant *tenant);
/* Ends all that is left of it. The owner's socket stays as it is. */
void tenant_done(struct tenant *tenant);

/* A connection has come into the table, and has left it. */
void tenant_joined(struct tenant *tenant);
void tenant_left(struct tenant *tenant);

#endif
