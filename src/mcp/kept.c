/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/kept.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int kept_level(struct kept *kept, const struct message *message)
{
	char *level = strndup(message->text, message->len);

	if (!level)
		return -ENOMEM;
	free(kept->level);
	kept->level = level;
	return 0;
}

static struct subscription **find(struct kept *kept, size_t server, const char *uri)
{
	struct subscription **slot = &kept->first;

	while (*slot && ((*slot)->server != server || strcmp((*slot)->uri, uri) != 0))
		slot = &(*slot)->next;
	return slot;
}

static void take_out(struct kept *kept, struct subscription **slot)
{
	struct subscription *gone = *slot;

	*slot = gone->next;
	kept->len--;
	free(gone->uri);
	free(gone->line);
	free(gone);
}

int kept_subscribe(struct kept *kept, size_t server, const char *uri, const struct message *message)
{
	struct subscription **slot = find(kept, server, uri);

	if (*slot)
		return 0;
	if (kept->len >= KEPT_MAX)
		return -ENOBUFS;
	*slot = calloc(1, sizeof(**slot));
	if (!*slot)
		return -ENOMEM;
	kept->len++;
	(*slot)->server = server;
	(*slot)->uri = strdup(uri);
	(*slot)->line = strndup(message->text, message->len);
	if ((*slot)->uri && (*slot)->line)
		return 0;
	take_out(kept, slot);
	return -ENOMEM;
}

void kept_unsubscribe(struct kept *kept, size_t server, const char *uri)
{
	struct subscription **slot = find(kept, server, uri);

	if (*slot)
		take_out(kept, slot);
}

bool kept_any(const struct kept *kept, size_t server)
{
	const struct subscription *subscription = kept->first;

	while (subscription && subscription->server != server)
		subscription = subscription->next;
	return subscription != NULL;
}

void kept_done(struct kept *kept)
{
	while (kept->first)
		take_out(kept, &kept->first);
	free(kept->level);
}
