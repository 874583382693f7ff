/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/channel/frame.h"

#include "linux/control_message.h"

#define STREAMS_OUT (1u << STREAM_STDOUT | 1u << STREAM_STDERR)
#define STREAMS_IN (1u << STREAM_STDIN)
#define SESSION (1u << STREAM_SESSION)

#define BOTH (TO_HOST | TO_GUEST)
#define PLACE sizeof(struct channel_place)

/* One row a type: what of the streams it may name on each way, and how long it may be. */
static const struct {
	const char *name;
	unsigned to_host; /* bits of the streams; 0: never on this way */
	unsigned to_guest;
	uint32_t min;
	uint32_t max;
	uint8_t flags; /* that it may have */
	uint8_t connections; /* ways on which it may name one */
} rules[FRAME_TYPES] = {
	[FRAME_HELLO] = {"HELLO", SESSION, 0, 4, 4, 0, 0},
	[FRAME_SETUP] = {"SETUP", 0, SESSION, sizeof(struct channel_setup),
		sizeof(struct channel_setup), 0, 0},
	[FRAME_SPEC] = {"SPEC", 0, SESSION, 1, FRAME_MAX_PAYLOAD, FRAME_MORE, 0},
	[FRAME_CONTROL] = {"CONTROL", SESSION, SESSION, sizeof(struct control_header), CONTROL_MAX,
		0, 0},
	[FRAME_DATA] = {"DATA", STREAMS_OUT, STREAMS_IN, 1, FRAME_MAX_PAYLOAD, 0, BOTH},
	[FRAME_EOF] = {"EOF", STREAMS_OUT, STREAMS_IN, 0, 0, 0, BOTH},
	[FRAME_WINDOW] = {"WINDOW", STREAMS_IN, STREAMS_OUT, 4, 4, 0, BOTH},
	[FRAME_RESET] = {"RESET", STREAMS_IN, STREAMS_OUT, 0, 0, 0, 0},
	[FRAME_USAGE] = {"USAGE", SESSION, 0, sizeof(struct channel_usage),
		sizeof(struct channel_usage), 0, 0},
	[FRAME_OPEN] = {"OPEN", 0, 0, PLACE, PLACE, 0, TO_HOST},
	[FRAME_CLOSE] = {"CLOSE", 0, 0, 0, 0, FRAME_CUT, BOTH},
	[FRAME_ASK] = {"ASK", SESSION, 0, PLACE + 1, PLACE + DATAGRAM_MAX, 0, 0},
	[FRAME_ANSWER] = {"ANSWER", 0, SESSION, PLACE + 1, PLACE + DATAGRAM_MAX, 0, 0},
};

void frame_encode(const struct frame_header *header, uint8_t ret[FRAME_HEADER])
{
	for (int i = 0; i < 4; i++)
		ret[i] = (uint8_t)(header->len >> 8 * i);
	ret[4] = header->type;
	ret[5] = header->flags;
	ret[6] = (uint8_t)header->stream;
	ret[7] = (uint8_t)(header->stream >> 8);
}

void frame_decode(const uint8_t bytes[FRAME_HEADER], struct frame_header *ret)
{
	ret->len = 0;
	for (int i = 0; i < 4; i++)
		ret->len |= (uint32_t)bytes[i] << 8 * i;
	ret->type = bytes[4];
	ret->flags = bytes[5];
	ret->stream = (uint16_t)(bytes[6] | bytes[7] << 8);
}

static bool may_name(const struct frame_header *header, unsigned streams, bool connections)
{
	if (header->stream >= CONNECTION_FIRST)
		return connections && header->stream - CONNECTION_FIRST < CONNECTIONS_MAX;
	return header->stream < STREAMS && streams & 1u << header->stream;
}

const char *frame_fault(const struct frame_header *header, enum frame_way way)
{
	unsigned streams;
	bool connections;

	if (header->type == 0 || header->type >= FRAME_TYPES)
		return "there is no such type";
	streams = way == TO_HOST ? rules[header->type].to_host : rules[header->type].to_guest;
	connections = rules[header->type].connections & way;
	if (!streams && !connections)
		return "it goes the other way";
	if (!may_name(header, streams, connections))
		return "it names a stream that it cannot be about";
	if (header->flags & ~rules[header->type].flags)
		return "it has an unknown flag";
	if (header->len < rules[header->type].min)
		return "it is too short";
	if (header->len > rules[header->type].max)
		return "it is too long";
	return NULL;
}

const char *frame_name(unsigned type)
{
	return type > 0 && type < FRAME_TYPES ? rules[type].name : "unknown";
}
