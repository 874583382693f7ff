/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that wait for their answers, by id. Pure. */
#ifndef KS_MCP_PENDING_H
#define KS_MCP_PENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "workers/message.h"

#define PENDING_MAX 4096 /* at once in one direction */

struct request {
	struct request *next;
	char *id; /* as it was written */
	uint64_t since; /* when it was sent, in milliseconds; 0 = it was not yet */
	uint64_t lines; /* of the audit, before it was sent */
	char *paths; /* see diagnosis_paths(); NULL = none */
	bool cancelled; /* nobody wants the answer any more */
	bool initialize;
};

struct pending {
	struct request *first, *last; /* in their order */
	size_t len;
};

/* Adds the request of a message. 0, -EEXIST for an id that waits already, -ENOBUFS past
 * PENDING_MAX, or -ENOMEM. */
int pending_add(
	struct pending *pending, const struct message *message, struct request **ret_request);

/* The request that has the id of this message, or the id that another part of it is; NULL if there
 * is none. */
struct request *pending_find(const struct pending *pending, const struct message *message);
struct request *pending_find_part(
	const struct pending *pending, const struct message *message, struct span id);

/* Takes it out and frees it. */
void pending_remove(struct pending *pending, struct request *request);

void pending_done(struct pending *pending);

#endif
