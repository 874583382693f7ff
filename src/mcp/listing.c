/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/listing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "mcp/reply.h"
#include "mcp/router.h"

static const struct {
	const char *method;
	const char *items; /* the key of the list; NULL = there is none */
	const char *name; /* the key of an item that is unlike in every list */
	unsigned can;
} kinds[LIST_KINDS] = {
	[LIST_TOOLS] = {"tools/list", "tools", "name", CAN_TOOLS},
	[LIST_PROMPTS] = {"prompts/list", "prompts", "name", CAN_PROMPTS},
	[LIST_RESOURCES] = {"resources/list", "resources", "uri", CAN_RESOURCES},
	[LIST_TEMPLATES] = {"resources/templates/list", "resourceTemplates", "uriTemplate",
		CAN_RESOURCES},
	[LIST_LEVEL] = {"logging/setLevel", NULL, NULL, CAN_LOG},
};

enum list_kind listing_kind(const struct message *message)
{
	enum list_kind kind = LIST_TOOLS;

	while (kind < LIST_KINDS && !message_method_is(message, kinds[kind].method))
		kind++;
	return kind;
}

static bool is_named(enum list_kind kind)
{
	return kind == LIST_TOOLS || kind == LIST_PROMPTS;
}

static bool owned(enum list_kind kind)
{
	return kind == LIST_RESOURCES || kind == LIST_TEMPLATES;
}

static void note(
	struct router *router, const struct listing *listing, size_t server, const char *what)
{
	strbuf_addf(&router->notes, "server \"%s\": %s: %s\n", peer_name(router, server),
		kinds[listing->kind].method, what);
}

/* Why an item is left out. */
enum { TOO_LONG = 1, OF_ANOTHER = 2, BAD_URI = 4, TOO_MANY = 8 };

static const char too_many[] = "there are more than 4096 items, or 64 pages; the rest is left out";

/* A server may give one reason a hundred thousand times: it is told of once. */
static int leave_out(struct router *router, struct listing *listing, size_t server, unsigned reason,
	const char *what)
{
	struct listing_part *part = &listing->parts[server];

	if (!(part->left_out & reason))
		note(router, listing, server, what);
	part->left_out |= reason;
	return 0;
}

void listing_free(struct router *router, struct listing *listing)
{
	struct listing **slot = &router->listings;

	while (*slot && *slot != listing)
		slot = &(*slot)->next;
	if (*slot) {
		*slot = listing->next;
		router->n_listings--;
	}
	for (size_t i = 0; listing->parts && i < router->n_peers; i++)
		strbuf_done(&listing->parts[i].items);
	free(listing->parts);
	free(listing->id);
	free(listing->held);
	free(listing->error);
	free(listing);
}

static int listing_new(struct router *router, enum list_kind kind, const struct message *message,
	bool held, struct listing **ret_listing)
{
	struct listing *listing = calloc(1, sizeof(*listing));

	if (!listing)
		return -ENOMEM;
	listing->kind = kind;
	listing->next = router->listings;
	router->listings = listing;
	router->n_listings++;
	listing->id = splice_copy(message, message->id);
	if (held)
		listing->held = strndup(message->text, message->len);
	listing->parts = calloc(router->n_peers, sizeof(*listing->parts));
	if (!listing->id || !listing->parts || (held && !listing->held)) {
		listing_free(router, listing);
		return -ENOMEM;
	}
	for (size_t i = 0; i < router->n_peers; i++)
		strbuf_init(&listing->parts[i].items, KS_MAX_MESSAGE_BYTES);
	*ret_listing = listing;
	return 0;
}

static int part_failed(
	struct router *router, struct listing *listing, size_t server, const char *what)
{
	listing->parts[server].failed = true;
	listing->parts[server].items.len = 0;
	note(router, listing, server, what);
	return 0;
}

static int ask(struct router *router, struct listing *listing, size_t server,
	const struct message *message)
{
	struct route *route;
	const char *why = NULL;
	int r = router_send(router, server, ROUTE_LIST, message, NULL, 0, &route, &why);

	if (r == -ENOBUFS)
		return part_failed(router, listing, server, why);
	if (r < 0)
		return r;
	route->listing = listing;
	listing->waiting++;
	return 0;
}

/* One more page of one server. cursor: where it begins, as it was written; NULL = at the front. */
static int ask_page(
	struct router *router, struct listing *listing, size_t server, const char *cursor)
{
	autostrbuf struct strbuf text;
	struct message message;
	const char *why = NULL;
	int r;

	strbuf_init(&text, KS_MAX_TEXT);
	strbuf_addf(&text, "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"%s\"",
		kinds[listing->kind].method);
	if (cursor)
		strbuf_addf(&text, ",\"params\":{\"cursor\":%s}", cursor);
	strbuf_putc(&text, '}');
	r = text.error ? text.error : message_read(text.data, text.len, &message, &why);
	return r < 0 ? r : ask(router, listing, server, &message);
}

/* What a name becomes: the server's name goes before it. */
static int add_named(struct router *router, struct listing *listing, size_t server,
	const struct message *message, struct span item, struct span name)
{
	const char *peer = peer_name(router, server);
	struct strbuf *to = &listing->parts[server].items;
	size_t at = name.at + 1;
	char prefix[KS_MAX_TOOL_NAME + 3];
	struct edit edit = {{at, at}, prefix};

	if (name.end - name.at - 2 + strlen(peer) + 2 > ROUTER_NAME)
		return leave_out(router, listing, server, TOO_LONG,
			"what has a name of more than 128 bytes with the server's is left out");
	stpcpy(stpcpy(prefix, peer), "__");
	if (to->len)
		strbuf_putc(to, ',');
	splice_part(to, message, item, &edit, 1);
	return 0;
}

static int add_owned(struct router *router, struct listing *listing, size_t server,
	const struct message *message, struct span item, struct span name)
{
	struct strbuf *to = &listing->parts[server].items;
	autofree char *uri = splice_string(message, name);
	int r = uri ? owners_add(&router->owners, uri, listing->kind == LIST_TEMPLATES, server)
		    : -EPROTO;

	if (r == -ENOMEM)
		return r;
	if (r == -EEXIST)
		return leave_out(router, listing, server, OF_ANOTHER,
			"what another server has listed is left out");
	if (r < 0)
		return leave_out(router, listing, server, BAD_URI,
			"what has no good URI, or is one too many, is left out");
	if (to->len)
		strbuf_putc(to, ',');
	splice_part(to, message, item, NULL, 0);
	return 0;
}

/* 0, -EPROTO for what is no list, or -ENOMEM. */
static int add_items(struct router *router, struct listing *listing, size_t server,
	const struct message *message, struct span items)
{
	struct listing_part *part = &listing->parts[server];
	struct span item, name;
	size_t at = 0;
	int r;

	while ((r = message_item(message, items, &at, &item)) > 0) {
		if (part->count++ >= LISTING_ITEMS)
			return leave_out(router, listing, server, TOO_MANY, too_many);
		r = message_member(message, item, kinds[listing->kind].name, &name);
		if (r == -ENOMEM)
			return r;
		if (r <= 0 || message->text[name.at] != '"')
			return -EPROTO;
		r = is_named(listing->kind)
			    ? add_named(router, listing, server, message, item, name)
			    : add_owned(router, listing, server, message, item, name);
		if (r < 0)
			return r;
	}
	return r;
}

static int add_page(struct router *router, struct listing *listing, size_t server,
	const struct message *message)
{
	struct listing_part *part = &listing->parts[server];
	struct span items, cursor;
	autofree char *next = NULL;
	int r = message_member(message, message->result, kinds[listing->kind].items, &items);

	if (r > 0 && message->text[items.at] == '[')
		r = add_items(router, listing, server, message, items);
	else if (r >= 0)
		r = -EPROTO;
	if (r == -ENOMEM || part->items.error == -ENOMEM)
		return -ENOMEM;
	if (part->items.error)
		return part_failed(router, listing, server, "the list is longer than 8 MiB");
	if (r < 0)
		return part_failed(router, listing, server, "the answer is no such list");
	r = message_member(message, message->result, "nextCursor", &cursor);
	if (r <= 0 || message->text[cursor.at] != '"')
		return r == -ENOMEM ? r : 0;
	if (part->count >= LISTING_ITEMS || ++part->pages >= LISTING_PAGES)
		return leave_out(router, listing, server, TOO_MANY, too_many);
	next = splice_copy(message, cursor);
	return next ? ask_page(router, listing, server, next) : -ENOMEM;
}

static bool all_failed(const struct router *router, const struct listing *listing)
{
	size_t failed = 0;

	for (size_t i = 0; i < router->n_peers; i++) {
		failed += listing->parts[i].failed;
		if (peer_leads(router, i) && router->peers[i].state == PEER_READY &&
			(router->peers[i].can & kinds[listing->kind].can) &&
			!listing->parts[i].failed)
			return false;
	}
	return failed > 0;
}

/* The parts in the order of the servers, so that a list does not depend on who was faster. */
static int merged(struct router *router, struct listing *listing)
{
	autostrbuf struct strbuf result;
	bool first = true;

	strbuf_init(&result, KS_MAX_TEXT);
	if (!kinds[listing->kind].items) {
		reply_json(&router->to_client, listing->id, "result", "{}");
		return 0;
	}
	strbuf_addf(&result, "{\"%s\":[", kinds[listing->kind].items);
	for (size_t i = 0; i < router->n_peers; i++) {
		const struct strbuf *items = &listing->parts[i].items;

		if (!items->len)
			continue;
		if (result.len + items->len > KS_MAX_MESSAGE_BYTES - 1024) {
			note(router, listing, i, "the lists are longer than 8 MiB together");
			continue;
		}
		if (!first)
			strbuf_putc(&result, ',');
		strbuf_add(&result, items->data, items->len);
		first = false;
	}
	strbuf_puts(&result, "]}");
	if (result.error)
		return result.error;
	reply_json(&router->to_client, listing->id, "result", result.data);
	return 0;
}

/* What was looked for may be known now; if not, it may be made after a template. */
static int release(struct router *router, struct listing *listing)
{
	struct message message;
	const char *why = NULL;
	enum list_kind kind = listing->kind;
	autofree char *held = take_ptr(listing->held);
	int r = message_read(held, strlen(held), &message, &why);

	listing_free(router, listing);
	if (r < 0)
		return r;
	if (kind == LIST_RESOURCES)
		return listing_start(router, LIST_TEMPLATES, &message, true);
	return router_resource(router, &message, true);
}

static int finish(struct router *router, struct listing *listing)
{
	int r = 0;

	for (size_t i = 0; owned(listing->kind) && i < router->n_peers; i++)
		if (!listing->parts[i].failed)
			owners_end(&router->owners, listing->kind == LIST_TEMPLATES, i);
	if (listing->held)
		return release(router, listing);
	if (listing->id && listing->error && all_failed(router, listing))
		reply_json(&router->to_client, listing->id, "error", listing->error);
	else if (listing->id)
		r = merged(router, listing);
	listing_free(router, listing);
	return r;
}

int listing_start(
	struct router *router, enum list_kind kind, const struct message *message, bool held)
{
	struct listing *listing;
	int r = listing_new(router, kind, message, held, &listing);

	if (r < 0)
		return r;
	if (owned(kind))
		owners_begin(&router->owners, kind == LIST_TEMPLATES);
	for (size_t i = 0; r == 0 && i < router->n_peers; i++) {
		const struct peer *peer = &router->peers[i];

		/* A further instance has nothing to list, and is told the level when it starts. */
		if (!peer_leads(router, i) && (kind != LIST_LEVEL || !peer->running))
			continue;
		if (peer->state == PEER_ABSENT && kind != LIST_LEVEL)
			r = router_greet(router, i);
		else if (peer->state == PEER_READY && (peer->can & kinds[kind].can))
			r = kind == LIST_LEVEL ? ask(router, listing, i, message)
					       : ask_page(router, listing, i, NULL);
	}
	if (r == 0 && !listing->waiting)
		return finish(router, listing);
	return r;
}

int listing_answer(struct router *router, struct listing *listing, size_t server,
	const struct message *message)
{
	int r = 0;

	if (message->error.end > message->error.at) {
		if (!listing->error)
			listing->error = splice_copy(message, message->error);
		r = listing->error ? part_failed(router, listing, server, "the server refused it")
				   : -ENOMEM;
	} else if (kinds[listing->kind].items) {
		r = add_page(router, listing, server, message);
	}
	if (r < 0)
		return r;
	return --listing->waiting ? 0 : finish(router, listing);
}

struct listing *listing_find(
	const struct router *router, const struct message *message, struct span id)
{
	struct listing *listing = router->listings;

	while (listing && !(listing->id && message_part_is(message, id, listing->id)))
		listing = listing->next;
	return listing;
}

void listing_cancel(struct router *router, struct listing *listing)
{
	(void)router;
	free(listing->id);
	free(listing->held);
	listing->id = listing->held = NULL;
}
