/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes in the order they came, in room of its owner's whose size is a power of two. Pure. */
#ifndef KS_VM_CHANNEL_RING_H
#define KS_VM_CHANNEL_RING_H

#include <stddef.h>
#include <stdint.h>

struct ring {
	uint8_t *bytes;
	size_t size;
	size_t start; /* of all that ever came: where the first byte is that is still here */
	size_t end;
};

static inline size_t ring_len(const struct ring *ring)
{
	return ring->end - ring->start;
}

/* At most what fits. */
void ring_put(struct ring *ring, const void *bytes, size_t len);

/* The first bytes, as far as they lie together. */
const uint8_t *ring_first(const struct ring *ring, size_t *ret_len);

static inline void ring_drop(struct ring *ring, size_t len)
{
	ring->start += len;
}

#endif
