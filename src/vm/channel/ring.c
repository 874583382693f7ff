/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/channel/ring.h"

#include <string.h>

void ring_put(struct ring *ring, const void *bytes, size_t len)
{
	size_t at = ring->end & (ring->size - 1);
	size_t first = ring->size - at < len ? ring->size - at : len;

	memcpy(ring->bytes + at, bytes, first);
	memcpy(ring->bytes, (const uint8_t *)bytes + first, len - first);
	ring->end += len;
}

const uint8_t *ring_first(const struct ring *ring, size_t *ret_len)
{
	size_t at = ring->start & (ring->size - 1);
	size_t len = ring_len(ring);

	*ret_len = ring->size - at < len ? ring->size - at : len;
	return ring->bytes + at;
}
