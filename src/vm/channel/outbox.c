/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/channel/outbox.h"

#include <string.h>

#define PIECE_MIN 4096 /* of DATA: a smaller one is not worth its frame */

bool outbox_has_room(const struct outbox *outbox, size_t len)
{
	return OUTBOX_ROOM - (outbox->end - outbox->start) >= FRAME_HEADER + len;
}

static void close_up(struct outbox *outbox)
{
	size_t len = outbox->end - outbox->start;

	if (outbox->start && len)
		memmove(outbox->bytes, outbox->bytes + outbox->start, len);
	outbox->start = 0;
	outbox->end = len;
}

static void put_header(
	struct outbox *outbox, enum frame_type type, uint8_t flags, uint16_t stream, uint32_t len)
{
	const struct frame_header header = {
		.len = len, .type = (uint8_t)type, .flags = flags, .stream = stream};

	frame_encode(&header, outbox->bytes + outbox->end);
}

bool outbox_put(struct outbox *outbox, enum frame_type type, uint8_t flags, uint16_t stream,
	const void *payload, uint32_t len)
{
	if (!outbox_has_room(outbox, len))
		return false;
	if (OUTBOX_ROOM - outbox->end < FRAME_HEADER + len)
		close_up(outbox);
	put_header(outbox, type, flags, stream, len);
	if (len)
		memcpy(outbox->bytes + outbox->end + FRAME_HEADER, payload, len);
	outbox->end += FRAME_HEADER + len;
	return true;
}

uint8_t *outbox_begin(struct outbox *outbox, uint32_t *ret_room)
{
	size_t taken = FRAME_HEADER + OUTBOX_RESERVE;
	size_t room;

	if (OUTBOX_ROOM - outbox->end < taken + FRAME_MAX_PAYLOAD)
		close_up(outbox);
	room = OUTBOX_ROOM - outbox->end;
	if (room < taken + PIECE_MIN)
		return NULL;
	room -= taken;
	*ret_room = room < FRAME_MAX_PAYLOAD ? (uint32_t)room : FRAME_MAX_PAYLOAD;
	return outbox->bytes + outbox->end + FRAME_HEADER;
}

void outbox_commit(
	struct outbox *outbox, enum frame_type type, uint8_t flags, uint16_t stream, uint32_t len)
{
	put_header(outbox, type, flags, stream, len);
	outbox->end += FRAME_HEADER + len;
}

void outbox_left(struct outbox *outbox, size_t len)
{
	outbox->start += len;
	if (outbox->start == outbox->end)
		outbox->start = outbox->end = 0;
}
