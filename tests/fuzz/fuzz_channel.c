/* SPDX-License-Identifier: Apache-2.0 */
/* What a guest sends: frames, their order, and the streams that it fills. The first byte says in
 * which pieces the others arrive. Whatever comes, no more is kept than the windows allow. */
#include "fuzz.h"

#include <sys/socket.h>
#include <unistd.h>

#include "vm/channel/connections.h"
#include "vm/channel/inbox.h"
#include "vm/channel/judge.h"
#include "vm/channel/stream.h"

static uint8_t room[2][WINDOW_OUT];

static struct state {
	struct judge judge;
	struct sink sinks[2];
	struct source source;
	size_t taken; /* bytes of DATA */
} state;

static struct inbox inbox;
static struct outbox outbox;
static struct connections connections;

/* A socket whose other side reads nothing. */
static int stalled(void)
{
	static int pair[2] = {-1, -1};
	uint8_t bytes[4096] = {0};

	if (pair[0] < 0) {
		HOLDS(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
		while (send(pair[0], bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
			;
	}
	return dup(pair[0]);
}

static void end_connections(void)
{
	if (!connections.size)
		HOLDS(connections_make(&connections, 4) == 0);
	for (uint32_t i = 0; i < connections.high; i++) {
		connection_cut(&connections.items[i]);
		connections.items[i].used = false;
	}
}

/* Of every second one the socket was never there. */
static bool take_connection(const struct frame_header *header, const uint8_t *payload)
{
	struct connection *connection = connections_find(&connections, header->stream);
	const char *why;

	if (!connection)
		return false;
	if (header->type == FRAME_OPEN) {
		if (connection->used)
			return false;
		connections_begin(
			&connections, connection, header->stream % 2 ? stalled() : -1, false);
		return true;
	}
	why = connection_take(connection, header, payload);
	HOLDS(!why || *why);
	HOLDS(ring_len(&connection->ring) <= WINDOW_NET);
	HOLDS(connection->in.held + connection->in.owed <= WINDOW_NET);
	connections_speak(&connections, &outbox);
	HOLDS(connection->used || connection->fd < 0);
	return !why;
}

static void reset(void)
{
	inbox.start = inbox.end = 0;
	outbox.start = outbox.end = 0;
	state = (struct state){0};
	end_connections();
	state.source.from.fd = -1;
	state.source.flow = (struct flow_out){.window = WINDOW_IN, .under_way = 5000};
	for (uint16_t i = 0; i < 2; i++)
		/* The one is never read, the other one gone. */
		state.sinks[i] = (struct sink){.stream = STREAM_STDOUT + i,
			.to = {-1, ENDPOINT_OWN},
			.ring = {.bytes = room[i], .size = WINDOW_OUT},
			.flow.window = WINDOW_OUT};
}

/* Keeps the bytes, as where nobody reads. */
static bool keep(struct sink *sink, const uint8_t *bytes, uint32_t len)
{
	if (!flow_received(&sink->flow, len))
		return false;
	ring_put(&sink->ring, bytes, len);
	HOLDS(ring_len(&sink->ring) <= WINDOW_OUT);
	HOLDS(sink->flow.held == ring_len(&sink->ring));
	return true;
}

static bool take_stream(const struct frame_header *header, const uint8_t *payload)
{
	uint32_t len;

	switch (header->type) {
	case FRAME_DATA:
		state.taken += header->len;
		return header->stream == STREAM_STDOUT
			       ? keep(&state.sinks[0], payload, header->len)
			       : sink_take(&state.sinks[1], payload, header->len);
	case FRAME_EOF:
		sink_end(&state.sinks[header->stream == STREAM_STDERR]);
		return true;
	case FRAME_WINDOW:
		memcpy(&len, payload, sizeof(len));
		return flow_given_back(&state.source.flow, len);
	default:
		HOLDS(header->type == FRAME_RESET && header->stream == STREAM_STDIN);
		source_reset(&state.source);
		return true;
	}
}

static void check_control(const struct frame_header *header, const uint8_t *payload)
{
	const struct judge_control control = judge_control(header, payload);

	HOLDS(control.len + sizeof(control.header) == header->len);
	if (control.header.type == CONTROL_FAILED) {
		const char *step = (const char *)control.data;
		size_t first = strnlen(step, control.len) + 1;

		HOLDS(first < control.len);
		HOLDS(first + strnlen(step + first, control.len - first) + 1 == control.len);
	}
	if (control.header.type == CONTROL_EXIT)
		HOLDS(control.len == sizeof(struct control_usage) && state.judge.usage);
}

/* False: the VM ends. */
static bool take(const struct frame_header *header, const uint8_t *payload)
{
	enum judge_phase before = state.judge.phase;
	const char *why = judge_frame(&state.judge, header, payload);

	HOLDS(state.judge.phase >= before);
	if (why) {
		HOLDS(*why && *frame_name(header->type));
		return false;
	}
	HOLDS(before != JUDGE_OVER);
	HOLDS(state.judge.denials <= JUDGE_MAX_DENIALS);
	if (header->stream >= CONNECTION_FIRST) {
		if (!take_connection(header, payload))
			return false;
	} else if (header->stream != STREAM_SESSION && !take_stream(header, payload)) {
		return false;
	}
	if (header->type == FRAME_CONTROL)
		check_control(header, payload);
	for (int i = 0; i < 2; i++)
		sink_speak(&state.sinks[i], &outbox);
	outbox_left(&outbox, outbox.end - outbox.start);
	HOLDS(flow_room(&state.source.flow) <= WINDOW_IN);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	size_t piece, at = 1;

	if (len == 0)
		return 0;
	reset();
	piece = bytes[0] ? bytes[0] : 4096;
	while (at < len) {
		struct frame_header header;
		const uint8_t *payload = NULL;
		const char *fault = NULL;
		size_t space = 0, some = len - at < piece ? len - at : piece;
		uint8_t *free_room = inbox_free(&inbox, &space);
		int r;

		HOLDS(space > 0);
		some = some < space ? some : space;
		memcpy(free_room, bytes + at, some);
		inbox_filled(&inbox, some);
		at += some;
		while ((r = inbox_next(&inbox, TO_HOST, &header, &payload, &fault)) == 1)
			if (!take(&header, payload))
				return 0;
		if (r < 0) {
			HOLDS(fault && *fault);
			return 0;
		}
	}
	return 0;
}
