/* SPDX-License-Identifier: Apache-2.0 */
#include "workers/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void ring_add(struct ring *ring, const char *bytes, size_t len)
{
	const size_t room = sizeof(ring->bytes);

	ring->total += len;
	if (len > room) {
		bytes += len - room;
		len = room;
	}
	for (size_t done = 0; done < len;) {
		size_t part = room - ring->at < len - done ? room - ring->at : len - done;

		memcpy(ring->bytes + ring->at, bytes + done, part);
		ring->at = (ring->at + part) % room;
		done += part;
	}
	ring->len = ring->len + len < room ? ring->len + len : room;
}

size_t ring_tail(const struct ring *ring, char *bytes, size_t size)
{
	const size_t room = sizeof(ring->bytes);
	size_t len = size < ring->len ? size : ring->len;
	size_t start = (ring->at + room - len) % room;
	size_t first = room - start < len ? room - start : len;

	memcpy(bytes, ring->bytes + start, first);
	memcpy(bytes + first, ring->bytes, len - first);
	return len;
}

int ring_text(const struct ring *ring, char **ret_text, size_t *ret_len)
{
	char *text = malloc(ring->len + 1);

	if (!text)
		return -ENOMEM;
	text[ring_tail(ring, text, ring->len)] = '\0';
	*ret_text = text;
	*ret_len = ring->len;
	return 0;
}
