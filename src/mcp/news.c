/* SPDX-License-Identifier: Apache-2.0 */
/* Notifications: of one server to the client, and of the client to those whom they concern. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "mcp/router.h"

int router_token(const struct message *message, struct span *ret_token)
{
	struct span meta;
	int r = message_member(message, message->params, "_meta", &meta);

	if (r > 0)
		r = message_member(message, meta, "progressToken", ret_token);
	/* It is kept until the answer, as ids are. */
	if (r > 0 && ret_token->end - ret_token->at > KS_MAX_MESSAGE_ID)
		return 0;
	return r;
}

static int server_progress(struct router *router, size_t server, const struct message *message)
{
	struct route *route;
	struct span token;

	if (message_member(message, message->params, "progressToken", &token) <= 0)
		return 0;
	for (route = router->calls.first; route; route = route->next)
		if (route->server == server && route->token &&
			message_part_is(message, token, route->token))
			break;
	if (route)
		splice_line(&router->to_client, message, NULL, 0);
	return 0;
}

/* It has given up a request of its own. */
static int server_cancelled(struct router *router, size_t server, const struct message *message)
{
	struct route *route;
	struct span id;

	if (message_member(message, message->params, "requestId", &id) <= 0)
		return 0;
	for (route = router->asks.first; route; route = route->next)
		if (route->server == server && message_part_is(message, id, route->id))
			break;
	if (!route)
		return 0;
	splice_line(&router->to_client, message, &(struct edit){id, route->own}, 1);
	routes_remove(&router->asks, route);
	return 0;
}

static int server_updated(struct router *router, size_t server, const struct message *message)
{
	struct span span;
	int r = message_member(message, message->params, "uri", &span);
	autofree char *uri = r > 0 ? splice_string(message, span) : NULL;
	size_t owner = uri ? owners_find(&router->owners, uri) : OWNERS_NONE;

	if (uri && (owner == router->peers[server].lead || owner == OWNERS_NONE))
		splice_line(&router->to_client, message, NULL, 0);
	return 0;
}

int router_server_note(struct router *router, size_t server, const struct message *message)
{
	static const struct {
		const char *method;
		int (*handle)(struct router *router, size_t server, const struct message *message);
	} rows[] = {
		{"notifications/progress", server_progress},
		{"notifications/cancelled", server_cancelled},
		{"notifications/resources/updated", server_updated},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (message_method_is(message, rows[i].method))
			return rows[i].handle(router, server, message);
	splice_line(&router->to_client, message, NULL, 0);
	return 0;
}

static void tell(struct router *router, size_t server, const struct message *message,
	const struct edit *edits, size_t n)
{
	struct peer *peer = &router->peers[server];

	/* Who does not read cannot be told. */
	if (!peer->full && message->len <= peer->max_message)
		splice_line(&peer->to_server, message, edits, n);
}

static int client_cancelled(struct router *router, const struct message *message)
{
	struct listing *listing;
	struct route *route;
	struct span id;

	if (message_member(message, message->params, "requestId", &id) <= 0)
		return 0;
	route = routes_find_id(&router->calls, message, id);
	listing = listing_find(router, message, id);
	if (listing)
		listing_cancel(router, listing);
	if (!route)
		return 0;
	tell(router, route->server, message, &(struct edit){id, route->own}, 1);
	routes_remove(&router->calls, route);
	return 0;
}

/* Of a server's request, which has our own token since it was handed on. */
static int client_progress(struct router *router, const struct message *message)
{
	const struct route *route = router->asks.first;
	struct span token;

	if (message_member(message, message->params, "progressToken", &token) <= 0)
		return 0;
	while (route && !(route->token && message_part_is(message, token, route->own)))
		route = route->next;
	if (route)
		tell(router, route->server, message, &(struct edit){token, route->token}, 1);
	return 0;
}

int router_client_note(struct router *router, const struct message *message)
{
	if (message_method_is(message, "notifications/cancelled"))
		return client_cancelled(router, message);
	if (message_method_is(message, "notifications/progress"))
		return client_progress(router, message);
	if (message_method_is(message, "notifications/initialized"))
		router->initialized = true;
	for (size_t i = 0; i < router->n_peers; i++)
		if (router->peers[i].state == PEER_READY &&
			(peer_leads(router, i) || router->peers[i].running))
			tell(router, i, message, NULL, 0);
	return 0;
}
