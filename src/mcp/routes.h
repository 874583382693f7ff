/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that the router has sent on under ids of its own, and whose they are. Pure. */
#ifndef KS_MCP_ROUTES_H
#define KS_MCP_ROUTES_H

#include <stdbool.h>
#include <stddef.h>

#include "workers/message.h"

#define ROUTES_MAX 4096 /* at once in one direction, as PENDING_MAX */

struct listing;

enum route_kind {
	ROUTE_CALL, /* one side's request to the other */
	ROUTE_LIST, /* ours, a part of a listing */
	ROUTE_GREETING, /* the client's initialize */
	ROUTE_AGAIN, /* what a server had been asked for before it was started again */
};

struct route {
	struct route *next;
	enum route_kind kind;
	size_t server; /* that got it, or sent it */
	char own[40]; /* the id that it has behind the router, as it is written */
	char *id; /* the id that it came with; NULL for our own */
	char *token; /* for its progress, as it came; NULL = none */
	char *uri; /* that it subscribes to; NULL for others */
	struct listing *listing;
};

struct routes {
	struct route *first;
	size_t len;
};

/* number: never twice. 0, -ENOBUFS or -ENOMEM. */
int routes_add(struct routes *routes, enum route_kind kind, size_t server,
	unsigned long long number, struct route **ret_route);

/* The one with our own id, or the id that it came with; as it is written. NULL if there is none. */
struct route *routes_find_own(
	const struct routes *routes, const struct message *message, struct span id);
struct route *routes_find_id(
	const struct routes *routes, const struct message *message, struct span id);

/* How many of that server's. */
size_t routes_count(const struct routes *routes, size_t server);

void routes_remove(struct routes *routes, struct route *route);
void routes_done(struct routes *routes);

#endif
