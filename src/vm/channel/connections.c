/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/channel/connections.h"

#include <errno.h>
#include <sys/mman.h>

static void *memory(size_t size)
{
	void *room = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return room == MAP_FAILED ? NULL : room;
}

int connections_make(struct connections *connections, uint32_t at_once)
{
	uint32_t size = at_once + CONNECTION_SLACK;
	uint8_t *rings;

	if (at_once > KS_MAX_EGRESS_CONNECTIONS)
		return -EINVAL;
	connections->items = memory(size * sizeof(*connections->items));
	rings = memory((size_t)size * WINDOW_NET);
	if (!connections->items || !rings)
		return -ENOMEM;
	for (uint32_t i = 0; i < size; i++) {
		connections->items[i].stream = (uint16_t)(CONNECTION_FIRST + i);
		connections->items[i].fd = connections->items[i].watched = -1;
		connections->items[i].ring.bytes = rings + (size_t)i * WINDOW_NET;
	}
	connections->size = size;
	return 0;
}

struct connection *connections_find(struct connections *connections, uint16_t stream)
{
	if (stream < CONNECTION_FIRST || stream - CONNECTION_FIRST >= connections->size)
		return NULL;
	return &connections->items[stream - CONNECTION_FIRST];
}

struct connection *connections_free(struct connections *connections)
{
	for (uint32_t i = 0; i < connections->size; i++)
		if (!connections->items[i].used)
			return &connections->items[i];
	return NULL;
}

void connections_begin(
	struct connections *connections, struct connection *connection, int fd, bool connecting)
{
	uint32_t behind = (uint32_t)(connection - connections->items) + 1;

	connection_begin(connection, fd, connecting);
	if (behind > connections->high)
		connections->high = behind;
}

size_t connections_watch(
	struct connections *connections, const struct outbox *outbox, struct pollfd *fds, size_t n)
{
	for (uint32_t i = 0; i < connections->high; i++) {
		struct connection *connection = &connections->items[i];
		short events;

		connection->watched = -1;
		if (!connection->used || !connection_wants(connection, outbox, &events))
			continue;
		connection->watched = (int)n;
		fds[n++] = (struct pollfd){connection->fd, events, 0};
	}
	return n;
}

/* Each is the first one in its turn: where the outbox is full, that is who gets what is left. */
void connections_polled(
	struct connections *connections, const struct pollfd *fds, struct outbox *outbox)
{
	uint32_t high = connections->high;

	for (uint32_t i = 0; i < high; i++) {
		struct connection *connection = &connections->items[(connections->turn + i) % high];

		if (connection->used && connection->watched >= 0)
			connection_polled(connection, fds[connection->watched].revents, outbox);
	}
	connections->turn = high ? (connections->turn + 1) % high : 0;
}

void connections_speak(struct connections *connections, struct outbox *outbox)
{
	for (uint32_t i = 0; i < connections->high; i++)
		if (connections->items[i].used)
			connection_speak(&connections->items[i], outbox);
}
