/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/router.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "mcp/reply.h"

bool router_name_good(const char *name)
{
	size_t len = strlen(name);

	return len && !strstr(name, "__") && name[len - 1] != '_';
}

int router_init(struct router *router, const char *const *names, size_t n)
{
	*router = (struct router){.n_peers = n};
	strbuf_init(&router->to_client, KS_MAX_TEXT);
	strbuf_init(&router->notes, KS_MAX_TEXT);
	router->peers = calloc(n, sizeof(*router->peers));
	if (!router->peers)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		router->peers[i].name = names[i];
		router->peers[i].lead = i;
		router->peers[i].max_message = KS_MAX_MESSAGE_BYTES;
		strbuf_init(&router->peers[i].to_server, KS_MAX_TEXT);
	}
	return 0;
}

void router_instance(struct router *router, size_t peer, size_t lead)
{
	router->peers[peer].lead = lead;
}

void router_done(struct router *router)
{
	while (router->listings)
		listing_free(router, router->listings);
	for (size_t i = 0; router->peers && i < router->n_peers; i++) {
		struct peer *peer = &router->peers[i];

		strbuf_done(&peer->to_server);
		free(peer->version);
		free(peer->instructions);
		free(peer->error);
	}
	free(router->peers);
	routes_done(&router->calls);
	routes_done(&router->asks);
	owners_done(&router->owners);
	kept_done(&router->kept);
	strbuf_done(&router->to_client);
	strbuf_done(&router->notes);
	free(router->initialize);
	free(router->initialize_id);
}

int router_errors(const struct router *router)
{
	for (size_t i = 0; i < router->n_peers; i++)
		if (router->peers[i].to_server.error)
			return router->peers[i].to_server.error;
	return router->to_client.error ? router->to_client.error : router->notes.error;
}

static int refuse(struct router *router, const struct message *message, int code, const char *why)
{
	autofree char *id = splice_copy(message, message->id);

	if (!id)
		return -ENOMEM;
	reply_error(&router->to_client, id, code, why);
	return 0;
}

static int refuse_json(
	struct router *router, const struct message *message, const char *key, const char *json)
{
	autofree char *id = splice_copy(message, message->id);

	if (!id)
		return -ENOMEM;
	reply_json(&router->to_client, id, key, json);
	return 0;
}

int router_send(struct router *router, size_t server, enum route_kind kind,
	const struct message *message, struct edit *edits, size_t n, struct route **ret_route,
	const char **ret_why)
{
	struct peer *peer = &router->peers[server];
	struct edit all[3];
	int r = -ENOBUFS;

	if (peer->full)
		*ret_why = "the server does not read what waits for it";
	else if (message->len + KS_MAX_TOOL_NAME > peer->max_message)
		*ret_why = "the message is longer than max_message_bytes of the server";
	else if (routes_count(&router->calls, server) >= ROUTER_CALLS)
		*ret_why = "the server has too many requests at once";
	else
		r = routes_add(&router->calls, kind, server, ++router->last, ret_route);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n && i < 2; i++)
		all[i] = edits[i];
	all[n] = (struct edit){message->id, (*ret_route)->own};
	splice_line(&peer->to_server, message, all, n + 1);
	return 0;
}

/* The instance with the fewest requests, and of those the first, so that no more are started than
 * there is work for. Subscriptions stay with the one that they began with. */
static size_t instance_for(
	const struct router *router, size_t server, const struct message *message)
{
	size_t best = server, fewest = routes_count(&router->calls, server);

	if (message_method_is(message, "resources/subscribe") ||
		message_method_is(message, "resources/unsubscribe"))
		return server;
	for (size_t i = server + 1; i < router->n_peers && router->peers[i].lead == server; i++) {
		size_t count = routes_count(&router->calls, i);

		if (router->peers[i].full || (count >= fewest && !router->peers[best].full))
			continue;
		best = i;
		fewest = count;
	}
	return best;
}

/* A request of the client's to the one server that it is for. */
static int call(struct router *router, size_t server, const struct message *message,
	struct edit *edits, size_t n)
{
	const struct peer *peer = &router->peers[server];
	struct route *route;
	struct span token;
	const char *why = NULL;
	int r;

	if (peer->state != PEER_READY) {
		r = peer->error ? refuse_json(router, message, "error", peer->error)
				: refuse(router, message, REPLY_FAULT, "the server starts");
		return r == 0 && peer->state == PEER_ABSENT ? router_greet(router, server) : r;
	}
	r = router_send(router, instance_for(router, server, message), ROUTE_CALL, message, edits,
		n, &route, &why);
	if (r == -ENOBUFS)
		return refuse(router, message, REPLY_FAULT, why ? why : "too many requests wait");
	if (r < 0)
		return r;
	route->id = splice_copy(message, message->id);
	r = router_token(message, &token);
	if (r > 0)
		route->token = splice_copy(message, token);
	return route->id && (r <= 0 || route->token) ? 0 : -ENOMEM;
}

/* The server whose name stands before the name, and what has to be taken out of it. A name is ASCII
 * as far as that, and whoever spells it with escapes does not get it. */
static size_t find_prefix(const struct router *router, const struct message *message,
	struct span name, struct edit *ret_edit)
{
	const char *text = message->text + name.at;
	size_t len = name.end - name.at;

	for (size_t i = 0; i < router->n_peers; i++) {
		const char *peer = peer_name(router, i);
		size_t size = strlen(peer);

		if (!peer_leads(router, i) || len < size + 5 || *text != '"' ||
			memcmp(text + 1, peer, size) != 0 || memcmp(text + 1 + size, "__", 2) != 0)
			continue;
		*ret_edit = (struct edit){{name.at + 1, name.at + 1 + size + 2}, ""};
		return i;
	}
	return OWNERS_NONE;
}

/* Routes by a name in that object of the message. */
static int route_name(struct router *router, const struct message *message, struct span object)
{
	struct edit edit;
	struct span name;
	int r = message_member(message, object, "name", &name);
	size_t server = r > 0 ? find_prefix(router, message, name, &edit) : OWNERS_NONE;

	if (r == -ENOMEM)
		return r;
	if (server == OWNERS_NONE)
		return refuse(router, message, REPLY_PARAMS,
			"no server has this name: names are SERVER__NAME, as the lists have them");
	return call(router, server, message, &edit, 1);
}

/* The only one that has resources at all. */
static size_t only_one(const struct router *router)
{
	size_t found = OWNERS_NONE;

	for (size_t i = 0; i < router->n_peers; i++) {
		if (!peer_leads(router, i) || router->peers[i].state != PEER_READY ||
			!(router->peers[i].can & CAN_RESOURCES))
			continue;
		if (found != OWNERS_NONE)
			return OWNERS_NONE;
		found = i;
	}
	return found;
}

/* A subscription is kept for the next server, and given up where this one refuses it. */
static int call_resource(
	struct router *router, size_t server, const struct message *message, const char *uri)
{
	struct route *route;
	int r = call(router, server, message, NULL, 0);

	if (r < 0)
		return r;
	if (message_method_is(message, "resources/unsubscribe"))
		kept_unsubscribe(&router->kept, server, uri);
	route = routes_find_id(&router->calls, message, message->id);
	if (!route || !message_method_is(message, "resources/subscribe") ||
		router->peers[server].brief)
		return 0;
	route->uri = strdup(uri);
	r = route->uri ? kept_subscribe(&router->kept, server, uri, message) : -ENOMEM;
	if (r == -ENOBUFS)
		strbuf_addf(&router->notes,
			"server \"%s\": a subscription past 64 ends with the server\n",
			peer_name(router, server));
	return r == -ENOBUFS ? 0 : r;
}

static int route_uri(
	struct router *router, const struct message *message, struct span object, bool last)
{
	struct span span;
	int r = message_member(message, object, "uri", &span);
	autofree char *uri = r > 0 ? splice_string(message, span) : NULL;
	size_t server;

	if (!uri)
		return refuse(router, message, REPLY_PARAMS, "its params have no uri");
	server = owners_find(&router->owners, uri);
	if (server == OWNERS_NONE)
		server = only_one(router);
	if (server != OWNERS_NONE)
		return call_resource(router, server, message, uri);
	if (!last && router->n_listings < LISTINGS_MAX)
		return listing_start(router, LIST_RESOURCES, message, true);
	return refuse(router, message, REPLY_RESOURCE,
		"no server lists this resource, nor a template that it is made after");
}

static int route_completion(struct router *router, const struct message *message, bool last)
{
	struct span ref, uri;
	int r = message_member(message, message->params, "ref", &ref);

	if (r > 0 && message_member(message, ref, "uri", &uri) > 0)
		return route_uri(router, message, ref, last);
	if (r > 0)
		return route_name(router, message, ref);
	return refuse(router, message, REPLY_PARAMS, "its params have no ref");
}

int router_resource(struct router *router, const struct message *message, bool last)
{
	if (message_method_is(message, "completion/complete"))
		return route_completion(router, message, last);
	return route_uri(router, message, message->params, last);
}

static int initialize(struct router *router, const struct message *message)
{
	int r = 0;

	if (router->initialize_id || router->answered)
		return refuse(router, message, REPLY_INVALID, "it is initialised already");
	free(router->initialize);
	router->initialize = strndup(message->text, message->len);
	router->initialize_id = splice_copy(message, message->id);
	if (!router->initialize || !router->initialize_id)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < router->n_peers; i++)
		r = peer_leads(router, i) ? router_greet(router, i) : 0;
	return r < 0 ? r : router_settle(router);
}

static bool names_one(const struct message *message)
{
	return message_method_is(message, "tools/call") ||
	       message_method_is(message, "prompts/get");
}

static bool is_of_resource(const struct message *message)
{
	return message_method_is(message, "resources/read") ||
	       message_method_is(message, "resources/subscribe") ||
	       message_method_is(message, "resources/unsubscribe") ||
	       message_method_is(message, "completion/complete");
}

static int client_list(struct router *router, enum list_kind kind, const struct message *message)
{
	struct span cursor;

	if (router->n_listings >= LISTINGS_MAX)
		return refuse(
			router, message, REPLY_INVALID, "too many lists are asked for at once");
	if (message_member(message, message->params, "cursor", &cursor) > 0)
		return refuse(router, message, REPLY_PARAMS,
			"there is no such cursor: the lists are complete");
	if (kind == LIST_LEVEL && kept_level(&router->kept, message) < 0)
		return -ENOMEM;
	return listing_start(router, kind, message, false);
}

static int client_request(struct router *router, const struct message *message)
{
	enum list_kind kind = listing_kind(message);

	if (routes_find_id(&router->calls, message, message->id) ||
		listing_find(router, message, message->id) ||
		(router->initialize_id &&
			message_part_is(message, message->id, router->initialize_id)))
		return refuse(router, message, REPLY_INVALID, "a request with this id still waits");
	if (message_method_is(message, "ping"))
		return refuse_json(router, message, "result", "{}");
	if (message_method_is(message, "initialize"))
		return initialize(router, message);
	if (!router->answered)
		return refuse(router, message, REPLY_INVALID, "initialize comes first");
	if (kind != LIST_KINDS)
		return client_list(router, kind, message);
	if (names_one(message))
		return route_name(router, message, message->params);
	if (is_of_resource(message))
		return router_resource(router, message, false);
	return refuse(router, message, REPLY_METHOD, "there is no such method");
}

/* To a request of a server's. */
static int client_response(struct router *router, const struct message *message)
{
	struct route *route = routes_find_own(&router->asks, message, message->id);
	struct peer *peer = route ? &router->peers[route->server] : NULL;

	if (!route)
		return 0;
	if (!peer->full && message->len <= peer->max_message)
		splice_line(&peer->to_server, message, &(struct edit){message->id, route->id}, 1);
	routes_remove(&router->asks, route);
	return 0;
}

int router_client(struct router *router, const char *line, size_t len)
{
	struct message message;
	const char *why = NULL;
	int r = message_read(line, len, &message, &why);

	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		reply_unreadable(&router->to_client, why);
	} else if (message.kind == MESSAGE_REQUEST) {
		r = client_request(router, &message);
	} else if (message.kind == MESSAGE_NOTIFICATION) {
		r = router_client_note(router, &message);
	} else {
		r = client_response(router, &message);
	}
	return r == -ENOMEM ? r : router_errors(router);
}

bool router_busy(const struct router *router)
{
	for (const struct route *route = router->calls.first; route; route = route->next)
		if (route->kind == ROUTE_CALL || route->kind == ROUTE_LIST ||
			(route->kind == ROUTE_GREETING && router->initialize_id))
			return true;
	return false;
}
