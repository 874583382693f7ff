/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/channel/connection.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void connection_begin(struct connection *connection, int fd, bool connecting)
{
	const struct connection fresh = {.stream = connection->stream,
		.used = true,
		.connecting = connecting,
		.cut = fd < 0,
		.fd = fd,
		.watched = -1,
		.out.window = WINDOW_NET,
		.in.window = WINDOW_NET,
		.ring = {.bytes = connection->ring.bytes, .size = WINDOW_NET}};

	*connection = fresh;
}

void connection_cut(struct connection *connection)
{
	const struct linger at_once = {.l_onoff = 1, .l_linger = 0};

	if (connection->fd < 0)
		return;
	setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(connection->fd);
	connection->fd = -1;
	connection->cut = true;
}

/* Both ways have ended. */
static void close_if_done(struct connection *connection)
{
	if (connection->fd < 0 || !connection->read_ended || !connection->shut)
		return;
	close(connection->fd);
	connection->fd = -1;
}

static void pass_on_end(struct connection *connection)
{
	if (connection->fd < 0 || !connection->take_ended || connection->shut ||
		connection->connecting || ring_len(&connection->ring) > 0)
		return;
	if (shutdown(connection->fd, SHUT_WR) < 0) {
		connection_cut(connection);
		return;
	}
	connection->shut = true;
	close_if_done(connection);
}

/* What was written of it; the socket may be cut then. */
static size_t write_some(struct connection *connection, const uint8_t *bytes, size_t len)
{
	size_t done = 0;

	while (done < len && connection->fd >= 0) {
		ssize_t n = send(
			connection->fd, bytes + done, len - done, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n < 0)
			connection_cut(connection);
		else
			done += (size_t)n;
	}
	return done;
}

static void flush(struct connection *connection)
{
	while (connection->fd >= 0 && ring_len(&connection->ring) > 0) {
		size_t len = 0;
		const uint8_t *bytes = ring_first(&connection->ring, &len);
		size_t done = write_some(connection, bytes, len);

		ring_drop(&connection->ring, done);
		flow_passed_on(&connection->in, (uint32_t)done);
		if (done < len)
			return;
	}
	pass_on_end(connection);
}

/* Of one that is closed here nothing is given back any more, so that what still may come has an
 * end. */
static const char *take_data(struct connection *connection, const uint8_t *bytes, uint32_t len)
{
	size_t done = 0;

	if (connection->take_ended)
		return "it comes after the end of its stream";
	if (!flow_received(&connection->in, len))
		return "it is more than its window";
	if (ring_len(&connection->ring) == 0 && !connection->connecting)
		done = write_some(connection, bytes, len);
	if (connection->fd < 0)
		return NULL;
	flow_passed_on(&connection->in, (uint32_t)done);
	if (done < len)
		ring_put(&connection->ring, bytes + done, len - done);
	return NULL;
}

static const char *take_end(struct connection *connection)
{
	if (connection->take_ended)
		return "it is there twice";
	connection->take_ended = true;
	pass_on_end(connection);
	return NULL;
}

/* At once: the next frame may be of another one. */
static void free_if_closed(struct connection *connection)
{
	if (connection->closed && connection->other_closed)
		connection->used = false;
}

static const char *take_close(struct connection *connection, bool cut)
{
	if (!cut && (!connection->take_ended || !connection->end_told))
		return "both ways have not ended";
	connection->other_closed = true;
	if (cut && !connection->connecting)
		flush(connection);
	if (cut)
		connection_cut(connection);
	free_if_closed(connection);
	return NULL;
}

const char *connection_take(
	struct connection *connection, const struct frame_header *header, const uint8_t *payload)
{
	uint32_t len;

	if (!connection->used)
		return "there is no such connection";
	if (connection->other_closed)
		return "it comes after the last one of its connection";
	switch (header->type) {
	case FRAME_DATA:
		return take_data(connection, payload, header->len);
	case FRAME_EOF:
		return take_end(connection);
	case FRAME_WINDOW:
		memcpy(&len, payload, sizeof(len));
		return flow_given_back(&connection->out, len) ? NULL
							      : "it gives back more than was sent";
	case FRAME_CLOSE:
		return take_close(connection, header->flags & FRAME_CUT);
	default:
		return "it is there already";
	}
}

static bool can_read(const struct connection *connection, const struct outbox *outbox)
{
	return outbox && !connection->read_ended && flow_room(&connection->out) > 0 &&
	       outbox_has_room(outbox, (size_t)2 * OUTBOX_RESERVE);
}

/* A socket that has been told of the end of one way, and has its own end to tell, would never be
 * silent: it is asked only when its bytes can be taken. */
bool connection_wants(
	const struct connection *connection, const struct outbox *outbox, short *ret_events)
{
	*ret_events = 0;
	if (connection->fd < 0)
		return false;
	if (connection->connecting || ring_len(&connection->ring) > 0)
		*ret_events |= POLLOUT;
	if (!connection->connecting && can_read(connection, outbox))
		*ret_events |= POLLIN;
	return *ret_events || (outbox && !connection->shut);
}

static void end_connecting(struct connection *connection)
{
	int code = 0;
	socklen_t len = sizeof(code);

	connection->connecting = false;
	if (getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &code, &len) < 0 || code)
		connection_cut(connection);
}

static void read_some(struct connection *connection, struct outbox *outbox)
{
	uint32_t room = 0;
	uint8_t *payload = outbox_begin(outbox, &room);
	ssize_t len;

	if (!payload)
		return;
	if (room > flow_room(&connection->out))
		room = flow_room(&connection->out);
	len = recv(connection->fd, payload, room, MSG_DONTWAIT);
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len < 0) {
		connection_cut(connection);
		return;
	}
	if (len == 0) {
		connection->read_ended = true;
		close_if_done(connection);
		return;
	}
	outbox_commit(outbox, FRAME_DATA, 0, connection->stream, (uint32_t)len);
	flow_sent(&connection->out, (uint32_t)len);
}

void connection_polled(struct connection *connection, short revents, struct outbox *outbox)
{
	if (connection->fd < 0 || !revents)
		return;
	if (connection->connecting)
		end_connecting(connection);
	flush(connection);
	if (connection->fd < 0 || !(revents & (POLLIN | POLLHUP | POLLERR)))
		return;
	/* What came before a reset is read before it is told. */
	if (can_read(connection, outbox))
		read_some(connection, outbox);
	else if (revents & (POLLHUP | POLLERR))
		connection_cut(connection);
}

/* The reserve is for what belongs to no connection. */
static bool say(const struct connection *connection, struct outbox *outbox, enum frame_type type,
	uint8_t flags, const void *payload, uint32_t len)
{
	return outbox_has_room(outbox, OUTBOX_RESERVE) &&
	       outbox_put(outbox, type, flags, connection->stream, payload, len);
}

void connection_speak(struct connection *connection, struct outbox *outbox)
{
	uint32_t due = flow_due(&connection->in);

	if (connection->read_ended && !connection->end_told && !connection->cut)
		connection->end_told = say(connection, outbox, FRAME_EOF, 0, NULL, 0);
	if (due && connection->fd >= 0 && !connection->take_ended &&
		say(connection, outbox, FRAME_WINDOW, 0, &due, sizeof(due)))
		flow_paid(&connection->in, due);
	if (connection->fd < 0 && !connection->closed && (connection->cut || connection->end_told))
		connection->closed = say(
			connection, outbox, FRAME_CLOSE, connection->cut ? FRAME_CUT : 0, NULL, 0);
	free_if_closed(connection);
}
