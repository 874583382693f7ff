/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/channel/inbox.h"

#include <string.h>

/* The rest of a frame then always fits behind its beginning. */
static void make_room(struct inbox *inbox)
{
	size_t len = inbox->end - inbox->start;

	if (inbox->start && len)
		memmove(inbox->bytes, inbox->bytes + inbox->start, len);
	inbox->start = 0;
	inbox->end = len;
}

int inbox_next(struct inbox *inbox, enum frame_way way, struct frame_header *ret,
	const uint8_t **ret_payload, const char **ret_fault)
{
	size_t len = inbox->end - inbox->start;

	if (len < FRAME_HEADER) {
		make_room(inbox);
		return 0;
	}
	frame_decode(inbox->bytes + inbox->start, ret);
	*ret_fault = frame_fault(ret, way);
	if (*ret_fault)
		return -1;
	if (len - FRAME_HEADER < ret->len) {
		make_room(inbox);
		return 0;
	}
	*ret_payload = inbox->bytes + inbox->start + FRAME_HEADER;
	inbox->start += FRAME_HEADER + ret->len;
	return 1;
}
