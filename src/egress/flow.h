/* SPDX-License-Identifier: Apache-2.0 */
/* One connection of the worker, from its acceptance to its end. */
#ifndef KS_EGRESS_FLOW_H
#define KS_EGRESS_FLOW_H

#include "egress/tenant.h"

struct dial;

enum flow_state {
	FLOW_DOOR, /* the worker has not said yet where it wants to go */
	FLOW_LOOKUP, /* the resolver is asked */
	FLOW_DIAL,
	FLOW_RELAY,
	FLOW_PARTING, /* it was told no, and reads that */
};

/* In FLOW_RELAY: what the worker's side waits for before more of it is passed on. */
enum guard_state {
	GUARD_OFF,
	GUARD_HELLO, /* a good beginning */
	GUARD_REPLY, /* the server's, which may ask for another hello */
	GUARD_AGAIN, /* that one */
};

#define FLOW_PARTING_MS 1000 /* for the worker to read its answer */
#define FLOW_NO_RULE UINT16_MAX

/* Connections of the process at once whose buffers grow with what goes through them. A worker whose
 * peers do not read, or that does not, fills the buffers of all of its connections: they are the
 * kernel's, and where there are no control groups nothing else holds them. */
#define FLOW_ROOMY 16

struct flow {
	struct tenant *tenant;
	struct list link;
	struct timer timer; /* of what the state waits for */
	struct task task; /* the rest of a turn */
	struct end worker, server;
	struct direction up, down;
	struct lookup_wait lookup;
	struct dial *dial; /* in FLOW_DIAL */
	const char *name; /* where it wants to go: a name ... */
	struct address address; /* ... or this address; what it connected to, in any case */
	struct address dialled;
	uint16_t port;
	uint16_t rule; /* index of the entry that allows it */
	enum flow_state state : 8;
	enum guard_state guard : 8;
	enum audit_via via : 8; /* VIA_NONE until a door knows the protocol */
	bool owns_name : 1;
	bool small : 1; /* its buffers do not grow */
	bool greeted : 1; /* SOCKS5: the method is agreed on */
	bool told : 1; /* the decision is in the audit */
	bool early : 1; /* TLS: the first hello has offered early data */
	uint64_t number; /* of the audit, once it is dialled; 0 before */
	uint64_t began; /* accepted, or asked for at the door */
	uint32_t dial_usec;
};

/* Why not, and what there is to say about it. */
struct denial {
	enum egress_reason reason;
	enum address_class class; /* of what the name leads to, and must not */
	struct address forbidden;
	const struct address *resolved;
	size_t n_resolved;
	const struct egress_host *sni;
};

/* Both take the socket. address is what the worker connected to. */
void flow_accept(struct tenant *tenant, int fd, const struct address *address, uint16_t port);
void flow_accept_door(struct tenant *tenant, int fd);

/* A door has read where the worker wants to go. */
void flow_asked(struct flow *flow, const struct egress_host *host, uint16_t port);
/* No. The worker is told as it asked, or is reset; the flow ends then, or soon. */
void flow_deny(struct flow *flow, const struct denial *denial);
/* The answer of a door was sent; the flow ends when the worker has had the time to read it. */
void flow_part(struct flow *flow);
/* The judge's yes, with the addresses that may be dialled. */
void flow_dial(struct flow *flow, const struct address *addresses, size_t count);
/* A server answered; the socket is the flow's from here on, where it was not watched as such
 * before.
 */
void flow_connected(struct flow *flow, int fd, const struct address *address);
/* All is over at once. END_FIN lets what was sent arrive, any other end resets both sides. */
void flow_end(struct flow *flow, enum audit_end end);

/* The destination as the rules know it. False where it is a synthetic address that no name has. */
bool flow_host(const struct flow *flow, struct egress_host *ret_host);

#endif
