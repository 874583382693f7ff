/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/relay.h"

#include <errno.h>
#include <sys/socket.h>

#include "egress/socket.h"

void end_note(struct end *end, uint32_t events)
{
	if (events & (POLLER_IN | POLLER_END | POLLER_HANGUP | POLLER_ERROR))
		end->readable = true;
	if (events & (POLLER_OUT | POLLER_HANGUP | POLLER_ERROR))
		end->writable = true;
	if (events & (POLLER_END | POLLER_HANGUP))
		end->finished = true;
	if (events & POLLER_URGENT)
		end->urgent = true;
	if (events & POLLER_ERROR)
		end->failed = true;
}

/* Why a call moved nothing: RELAY_WAITS, with the flag that says whose turn it is, or
 * RELAY_RESET. */
static enum relay_result blocked(bool *ready)
{
	if (errno == EINTR)
		return RELAY_MORE;
	if (errno != EAGAIN)
		return RELAY_RESET;
	*ready = false;
	return RELAY_WAITS;
}

static size_t allowance(const struct relay *relay, size_t wish)
{
	return relay->bytes_left < wish ? (size_t)relay->bytes_left : wish;
}

static void account(struct relay *relay, size_t bytes)
{
	if (relay->bytes_left != UINT64_MAX)
		relay->bytes_left -= bytes;
}

/* Nothing may be passed on any more: the end may. */
static enum relay_result when_spent(struct end *from, struct direction *way)
{
	char byte;
	ssize_t got = recv(from->watch.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	if (got < 0)
		return blocked(&from->readable);
	if (got > 0)
		return RELAY_SPENT;
	way->ended = true;
	return RELAY_WAITS;
}

/* One piece by looking at it, sending it and then taking what was sent. */
static enum relay_result copy(struct relay *relay, struct end *from, struct end *to,
	struct direction *way, size_t *ret_moved)
{
	size_t wish = allowance(relay, RELAY_SCRATCH);
	ssize_t got, sent;

	got = recv(from->watch.fd, relay->room->scratch, wish, MSG_PEEK | MSG_DONTWAIT);
	if (got < 0)
		return blocked(&from->readable);
	if (got == 0) {
		way->ended = true;
		return RELAY_WAITS;
	}
	sent = send(to->watch.fd, relay->room->scratch, (size_t)got, socket_quiet | MSG_DONTWAIT);
	if (sent < 0)
		return blocked(&to->writable);
	if (sent < got)
		to->writable = false;
	/* All was seen, but for an end, or what lies behind an urgent byte; whatever else comes is
	 * told anew. */
	else if ((size_t)got < wish && !from->finished && !from->urgent)
		from->readable = false;
	if (socket_drop(from->watch.fd, relay->room->scratch, (size_t)sent) != sent)
		return RELAY_RESET;
	account(relay, (size_t)sent);
	way->bytes += (uint64_t)sent;
	*ret_moved = (size_t)sent;
	return RELAY_MORE;
}

/* A pipe has room for so many pieces; how many bytes they are, the kernel knows. */
static enum relay_result fill(struct relay *relay, struct end *from, struct direction *way)
{
	ssize_t got = pipe_fill(way->pipe, from->watch.fd, allowance(relay, RELAY_MOVE));

	if (got < 0)
		return blocked(&from->readable);
	if (got == 0)
		way->ended = true;
	account(relay, (size_t)got);
	way->held += (size_t)got;
	return RELAY_MORE;
}

static enum relay_result drain(struct end *to, struct direction *way, size_t *ret_moved)
{
	ssize_t sent = pipe_drain(way->pipe, to->watch.fd, way->held);

	if (sent < 0)
		return blocked(&to->writable);
	if (sent == 0)
		return RELAY_RESET;
	way->held -= (size_t)sent;
	way->bytes += (uint64_t)sent;
	*ret_moved = (size_t)sent;
	return RELAY_MORE;
}

/* Through the pipe, which is emptied before it is filled again: only of an empty one does EAGAIN
 * tell that the socket has nothing, for a pipe may be full at any number of bytes. */
static enum relay_result move(struct relay *relay, struct end *from, struct end *to,
	struct direction *way, size_t *ret_moved)
{
	if (!way->held) {
		enum relay_result result = fill(relay, from, way);

		if (!way->held)
			return result;
	}
	return drain(to, way, ret_moved);
}

static enum relay_result step(struct relay *relay, struct end *from, struct end *to,
	struct direction *way, size_t *ret_moved)
{
	if (way->held)
		return drain(to, way, ret_moved);
	if (relay->bytes_left == 0)
		return when_spent(from, way);
	if (way->bytes >= RELAY_COPY && !from->urgent && !way->pipe)
		way->pipe = pipe_take(&relay->room->pipes);
	if (way->pipe && from->urgent)
		relay_done(relay, way);
	if (way->pipe)
		return move(relay, from, to, way, ret_moved);
	return copy(relay, from, to, way, ret_moved);
}

static enum relay_result pass_on_end(struct end *to, struct direction *way)
{
	way->shut = true;
	if (way->last)
		return RELAY_WAITS;
	return shutdown(to->watch.fd, SHUT_WR) < 0 ? RELAY_RESET : RELAY_WAITS;
}

enum relay_result relay_pump(struct relay *relay, struct end *from, struct end *to,
	struct direction *way, bool *ret_moved)
{
	size_t turn = RELAY_TURN;
	enum relay_result result = RELAY_WAITS;

	while (to->writable && (way->held || (from->readable && !way->ended))) {
		size_t moved = 0;

		result = step(relay, from, to, way, &moved);
		if (moved)
			*ret_moved = true;
		if (result == RELAY_RESET || result == RELAY_SPENT)
			return result;
		if (moved >= turn)
			break;
		turn -= moved;
	}
	if (way->pipe && !way->held)
		relay_done(relay, way);
	if (way->ended && !way->held)
		return way->shut ? RELAY_WAITS : pass_on_end(to, way);
	return to->writable && (way->held || (from->readable && !way->ended)) ? RELAY_MORE
									      : RELAY_WAITS;
}

enum relay_result relay_pass(
	struct relay *relay, struct end *from, struct end *to, struct direction *way, size_t len)
{
	if (relay->bytes_left < len)
		return RELAY_SPENT;
	if (!socket_say(to->watch.fd, relay->room->scratch, len) ||
		socket_drop(from->watch.fd, relay->room->scratch, len) != (ssize_t)len)
		return RELAY_RESET;
	account(relay, len);
	way->bytes += len;
	return RELAY_WAITS;
}

void relay_done(struct relay *relay, struct direction *way)
{
	if (way->pipe)
		pipe_give(&relay->room->pipes, way->pipe, way->held);
	way->pipe = NULL;
	way->held = 0;
}
