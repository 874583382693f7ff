/* SPDX-License-Identifier: Apache-2.0 */
/* From frames to bytes that leave as the pipe takes them. DATA leaves a reserve free, so that what
 * is said about a stream never waits for what is in it. Pure. */
#ifndef KS_VM_CHANNEL_OUTBOX_H
#define KS_VM_CHANNEL_OUTBOX_H

#include "vm/channel/frame.h"

#define OUTBOX_RESERVE 16384 /* three CONTROL frames of full length and all else */
#define OUTBOX_ROOM ((size_t)3 * (FRAME_HEADER + FRAME_MAX_PAYLOAD) + OUTBOX_RESERVE)

struct outbox {
	uint8_t bytes[OUTBOX_ROOM];
	size_t start; /* of what has not left */
	size_t end;
};

static inline bool outbox_is_empty(const struct outbox *outbox)
{
	return outbox->start == outbox->end;
}

/* Whether a payload of that length fits, the reserve used or not. */
bool outbox_has_room(const struct outbox *outbox, size_t len);

/* False: there is no room for it now, and nothing was added. */
bool outbox_put(struct outbox *outbox, enum frame_type type, uint8_t flags, uint16_t stream,
	const void *payload, uint32_t len);

/* Where a payload may be written in place, and how long it may be; NULL: none now. */
uint8_t *outbox_begin(struct outbox *outbox, uint32_t *ret_room);
/* What was begun becomes a frame with so many bytes of payload. */
void outbox_commit(
	struct outbox *outbox, enum frame_type type, uint8_t flags, uint16_t stream, uint32_t len);

static inline const uint8_t *outbox_bytes(const struct outbox *outbox, size_t *ret_len)
{
	*ret_len = outbox->end - outbox->start;
	return outbox->bytes + outbox->start;
}

void outbox_left(struct outbox *outbox, size_t len);

#endif
