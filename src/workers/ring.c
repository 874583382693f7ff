/* SPDX-License-Identifier: Apache-2.0 */
#include "workers/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void ring_add(struct ring *ring, const char *bytes, size_t len)
{
	const size_t room = sizeof(ring->bytes);

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

int ring_text(const struct ring *ring, char **ret_text, size_t *ret_len)
{
	const size_t room = sizeof(ring->bytes);
	size_t start = (ring->at + room - ring->len) % room;
	size_t first = room - start < ring->len ? room - start : ring->len;
	char *text = malloc(ring->len + 1);

	if (!text)
		return -ENOMEM;
	memcpy(text, ring->bytes + start, first);
	memcpy(text + first, ring->bytes, ring->len - first);
	text[ring->len] = '\0';
	*ret_text = text;
	*ret_len = ring->len;
	return 0;
}
