/* SPDX-License-Identifier: Apache-2.0 */
/* What a server was asked for and would have forgotten when it is started again: the level of the
 * log, and subscriptions. Pure. */
#ifndef KS_MCP_KEPT_H
#define KS_MCP_KEPT_H

#include <stdbool.h>
#include <stddef.h>

#include "workers/message.h"

#define KEPT_MAX 64 /* subscriptions at once: fewer than a server may have requests */

struct subscription {
	struct subscription *next;
	size_t server;
	char *uri;
	char *line; /* the client's request */
};

struct kept {
	char *level; /* the client's request; NULL = there was none */
	struct subscription *first;
	size_t len;
};

int kept_level(struct kept *kept, const struct message *message);

/* 0, also where it is known already; -ENOBUFS past KEPT_MAX; or -ENOMEM. */
int kept_subscribe(
	struct kept *kept, size_t server, const char *uri, const struct message *message);
void kept_unsubscribe(struct kept *kept, size_t server, const char *uri);

/* Whether the server has any subscription. */
bool kept_any(const struct kept *kept, size_t server);

void kept_done(struct kept *kept);

#endif
