/* SPDX-License-Identifier: Apache-2.0 */
/* From bytes as they arrive to whole frames. The room is the owner's, so that nothing is
 * allocated. Pure. */
#ifndef KS_VM_CHANNEL_INBOX_H
#define KS_VM_CHANNEL_INBOX_H

#include "vm/channel/frame.h"

/* A frame of any length, and as much again to read at once. */
#define INBOX_ROOM ((size_t)2 * (FRAME_HEADER + FRAME_MAX_PAYLOAD))

struct inbox {
	uint8_t bytes[INBOX_ROOM];
	size_t start; /* of what is not taken yet */
	size_t end;
};

/* Where the next bytes go, and how many; never none once inbox_next() has said 0. */
static inline uint8_t *inbox_free(struct inbox *inbox, size_t *ret_room)
{
	*ret_room = INBOX_ROOM - inbox->end;
	return inbox->bytes + inbox->end;
}

static inline void inbox_filled(struct inbox *inbox, size_t len)
{
	inbox->end += len;
}

/* 1: the next frame is in *ret and *ret_payload, until the next call; 0: more bytes are needed;
 * -1: it is none, *ret says which, and *ret_fault why. */
int inbox_next(struct inbox *inbox, enum frame_way way, struct frame_header *ret,
	const uint8_t **ret_payload, const char **ret_fault);

#endif
