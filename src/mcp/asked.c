/* SPDX-License-Identifier: Apache-2.0 */
/* The servers' side of the router: their answers, and what they ask the client. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "mcp/reply.h"
#include "mcp/router.h"

static int server_response(struct router *router, size_t server, const struct message *message)
{
	struct route *route = routes_find_own(&router->calls, message, message->id);
	enum route_kind kind = route ? route->kind : ROUTE_CALL;
	struct listing *listing;

	if (!route || route->server != server)
		return 0;
	listing = route->listing;
	if (kind == ROUTE_CALL)
		splice_line(&router->to_client, message, &(struct edit){message->id, route->id}, 1);
	if (route->uri && message->error.end > message->error.at)
		kept_unsubscribe(&router->kept, server, route->uri);
	routes_remove(&router->calls, route);
	if (kind == ROUTE_GREETING)
		return router_greeted(router, server, message);
	return kind == ROUTE_LIST ? listing_answer(router, listing, server, message) : 0;
}

static int refuse_server(struct router *router, size_t server, const struct message *message,
	int code, const char *why)
{
	autofree char *id = NULL;

	if (router->peers[server].full)
		return 0;
	id = splice_copy(message, message->id);
	if (!id)
		return -ENOMEM;
	reply_error(&router->peers[server].to_server, id, code, why);
	return 0;
}

static int server_request(struct router *router, size_t server, const struct message *message)
{
	struct edit edits[2];
	struct route *route;
	struct span token;
	size_t n = 1;
	int r = -ENOBUFS;

	/* A token that is given twice cannot be made one of ours: the client might take the other
	 * for that of another server. */
	if (router_token(message, &token) == -EPROTO)
		return refuse_server(router, server, message, REPLY_PARAMS,
			"its _meta or progressToken is given twice");
	if (routes_count(&router->asks, server) < ROUTER_ASKS)
		r = routes_add(&router->asks, ROUTE_CALL, server, ++router->last, &route);
	if (r == -ENOBUFS)
		return refuse_server(router, server, message, REPLY_INVALID,
			"too many requests to the client wait");
	if (r < 0)
		return r;
	route->id = splice_copy(message, message->id);
	edits[0] = (struct edit){message->id, route->own};
	r = router_token(message, &token);
	if (r > 0) {
		route->token = splice_copy(message, token);
		edits[n++] = (struct edit){token, route->own};
	}
	if (!route->id || (r > 0 && !route->token))
		return -ENOMEM;
	splice_line(&router->to_client, message, edits, n);
	return 0;
}

int router_server(struct router *router, size_t server, const char *line, size_t len)
{
	struct message message;
	const char *why = NULL;
	int r = message_read(line, len, &message, &why);

	if (r == -EPROTO)
		return 0; /* the session has let none through */
	if (r == 0 && message.kind == MESSAGE_RESPONSE)
		r = server_response(router, server, &message);
	else if (r == 0 && message.kind == MESSAGE_REQUEST)
		r = server_request(router, server, &message);
	else if (r == 0)
		r = router_server_note(router, server, &message);
	return r == -ENOMEM ? r : router_errors(router);
}

void router_gone(struct router *router, size_t server)
{
	struct route *next;

	for (struct route *route = router->asks.first; route; route = next) {
		next = route->next;
		if (route->server != server)
			continue;
		strbuf_addf(&router->to_client,
			"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":"
			"{\"requestId\":%s,\"reason\":\"the server has ended\"}}\n",
			route->own);
		routes_remove(&router->asks, route);
	}
}

static int ask_again(struct router *router, size_t server, const char *line)
{
	struct message message;
	struct route *route;
	const char *why = NULL;
	int r = message_read(line, strlen(line), &message, &why);

	if (r == 0)
		r = router_send(router, server, ROUTE_AGAIN, &message, NULL, 0, &route, &why);
	return r == -ENOMEM ? r : 0;
}

int router_revived(struct router *router, size_t server)
{
	const struct subscription *subscription = router->kept.first;
	int r = 0;

	if (router->kept.level && (router->peers[server].can & CAN_LOG))
		r = ask_again(router, server, router->kept.level);
	for (; r == 0 && subscription; subscription = subscription->next)
		if (subscription->server == server)
			r = ask_again(router, server, subscription->line);
	return r;
}
