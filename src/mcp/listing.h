/* SPDX-License-Identifier: Apache-2.0 */
/* One request of the client's that goes to every server, and whose answers become one: the lists,
 * page by page until each is complete, and the level of the log. Pure. */
#ifndef KS_MCP_LISTING_H
#define KS_MCP_LISTING_H

#include <stdbool.h>

#include "mcp/splice.h"

#define LISTINGS_MAX 16 /* at once */
#define LISTING_PAGES 64 /* of one server */
#define LISTING_ITEMS 4096 /* of one server, as OWNERS_EACH */

struct router;

enum list_kind { LIST_TOOLS, LIST_PROMPTS, LIST_RESOURCES, LIST_TEMPLATES, LIST_LEVEL, LIST_KINDS };

struct listing_part {
	struct strbuf items; /* with commas between */
	unsigned pages;
	unsigned count; /* of items, those that are left out as well */
	unsigned left_out; /* for which reasons, a bit each: a person is told of each once */
	bool failed;
};

struct listing {
	struct listing *next;
	enum list_kind kind;
	char *id; /* the client's */
	char *held; /* its request about a resource that was not known; NULL: the list itself */
	size_t waiting; /* servers */
	char *error; /* the first that a server gave */
	struct listing_part *parts; /* one a server */
};

/* The kind of list that a method asks for; LIST_KINDS for others. */
enum list_kind listing_kind(const struct message *message);

/* Asks all the servers that have such a thing. held: see struct listing. 0 or -ENOMEM. */
int listing_start(
	struct router *router, enum list_kind kind, const struct message *message, bool held);

/* The answer of one server. */
int listing_answer(struct router *router, struct listing *listing, size_t server,
	const struct message *message);

/* The one that answers the request with that id, or NULL. */
struct listing *listing_find(
	const struct router *router, const struct message *message, struct span id);

/* Nobody wants its answer any more. */
void listing_cancel(struct router *router, struct listing *listing);

void listing_free(struct router *router, struct listing *listing);

#endif
