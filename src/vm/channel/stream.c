/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/channel/stream.h"

#include <errno.h>
#include <poll.h>

bool source_wants(const struct source *source, const struct outbox *outbox)
{
	return source->from.fd >= 0 && flow_room(&source->flow) > 0 &&
	       OUTBOX_ROOM - (outbox->end - outbox->start) > (size_t)2 * OUTBOX_RESERVE;
}

void source_end(struct source *source, struct outbox *outbox)
{
	if (source->ended || !outbox_put(outbox, FRAME_EOF, 0, source->stream, NULL, 0))
		return;
	source->ended = true;
	endpoint_close(&source->from);
}

bool source_pump(struct source *source, struct outbox *outbox)
{
	uint32_t room = 0;
	uint8_t *payload;
	ssize_t len;

	if (!source_wants(source, outbox))
		return false;
	payload = outbox_begin(outbox, &room);
	if (!payload)
		return false;
	if (room > flow_room(&source->flow))
		room = flow_room(&source->flow);
	len = endpoint_read(&source->from, payload, room);
	if (len == -EAGAIN)
		return false;
	/* An error is an end as well: the other side of a terminal is gone, say. */
	if (len <= 0) {
		source_end(source, outbox);
		return false;
	}
	outbox_commit(outbox, FRAME_DATA, 0, source->stream, (uint32_t)len);
	flow_sent(&source->flow, (uint32_t)len);
	return true;
}

void source_reset(struct source *source)
{
	source->ended = true;
	endpoint_close(&source->from);
}

/* What is held then and what still comes counts as passed on. */
static void abandon(struct sink *sink)
{
	endpoint_close(&sink->to);
	flow_passed_on(&sink->flow, (uint32_t)ring_len(&sink->ring));
	ring_drop(&sink->ring, ring_len(&sink->ring));
	sink->reset_due = !sink->ending;
}

/* What was written of it. */
static size_t write_some(struct sink *sink, const uint8_t *bytes, size_t len)
{
	size_t done = 0;

	while (done < len && sink->to.fd >= 0) {
		ssize_t n = endpoint_write(&sink->to, bytes + done, len - done);

		if (n == -EAGAIN)
			break;
		if (n < 0)
			abandon(sink);
		else
			done += (size_t)n;
	}
	return done;
}

bool sink_take(struct sink *sink, const uint8_t *bytes, uint32_t len)
{
	size_t done = 0;

	if (!flow_received(&sink->flow, len))
		return false;
	if (ring_len(&sink->ring) == 0 && !sink->waits) {
		done = write_some(sink, bytes, len);
		if (sink->to.fd < 0)
			done = len;
		flow_passed_on(&sink->flow, (uint32_t)done);
	}
	if (done < len)
		ring_put(&sink->ring, bytes + done, len - done);
	return true;
}

static void close_if_done(struct sink *sink)
{
	if (sink_is_done(sink))
		endpoint_close(&sink->to);
}

void sink_flush(struct sink *sink)
{
	while (ring_len(&sink->ring) > 0 && !sink->waits) {
		size_t len = 0, done;
		const uint8_t *bytes = ring_first(&sink->ring, &len);

		done = write_some(sink, bytes, len);
		if (sink->to.fd < 0)
			return;
		ring_drop(&sink->ring, done);
		flow_passed_on(&sink->flow, (uint32_t)done);
		if (done < len)
			break;
	}
	close_if_done(sink);
}

void sink_open(struct sink *sink, struct endpoint to)
{
	sink->to = to;
	sink->waits = false;
	sink_flush(sink);
}

void sink_end(struct sink *sink)
{
	sink->ending = true;
	close_if_done(sink);
}

short sink_events(const struct sink *sink)
{
	return ring_len(&sink->ring) > 0 ? POLLOUT : 0;
}

void sink_polled(struct sink *sink, short revents)
{
	if (sink->to.fd >= 0 && revents & (POLLERR | POLLHUP | POLLNVAL))
		abandon(sink);
	else if (revents & POLLOUT)
		sink_flush(sink);
}

void sink_speak(struct sink *sink, struct outbox *outbox)
{
	uint32_t due = flow_due(&sink->flow);

	if (sink->reset_due && outbox_put(outbox, FRAME_RESET, 0, sink->stream, NULL, 0))
		sink->reset_due = false;
	if (due && !sink->ending &&
		outbox_put(outbox, FRAME_WINDOW, 0, sink->stream, &due, sizeof(due)))
		flow_paid(&sink->flow, due);
}
