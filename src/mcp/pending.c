/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/pending.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int pending_add(
	struct pending *pending, const struct message *message, struct request **ret_request)
{
	struct request *request;

	if (pending_find(pending, message))
		return -EEXIST;
	if (pending->len >= PENDING_MAX)
		return -ENOBUFS;
	request = calloc(1, sizeof(*request));
	if (!request)
		return -ENOMEM;
	request->id = strndup(message->text + message->id.at, message->id.end - message->id.at);
	if (!request->id) {
		free(request);
		return -ENOMEM;
	}
	if (pending->last)
		pending->last->next = request;
	else
		pending->first = request;
	pending->last = request;
	pending->len++;
	*ret_request = request;
	return 0;
}

struct request *pending_find(const struct pending *pending, const struct message *message)
{
	return pending_find_part(pending, message, message->id);
}

struct request *pending_find_part(
	const struct pending *pending, const struct message *message, struct span id)
{
	struct request *request = pending->first;

	while (request && !message_part_is(message, id, request->id))
		request = request->next;
	return request;
}

void pending_remove(struct pending *pending, struct request *request)
{
	struct request *before = NULL;
	struct request **slot = &pending->first;

	while (*slot != request) {
		before = *slot;
		slot = &before->next;
	}
	*slot = request->next;
	if (pending->last == request)
		pending->last = before;
	pending->len--;
	free(request->id);
	free(request->paths);
	free(request);
}

void pending_done(struct pending *pending)
{
	while (pending->first)
		pending_remove(pending, pending->first);
}
