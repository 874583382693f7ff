/* SPDX-License-Identifier: Apache-2.0 */
/* The loop: bytes from the socket, messages from the bytes. What was read ahead waits in the
 * buffer, whose size is what two of the longest messages need. */
#include "vm/files/server.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

struct inlet {
	size_t len;
	uint8_t bytes[2 * WIRE_LONGEST];
};

/* Takes every whole message. What is left moves to the front. */
static int take_all(struct server *server, struct inlet *inlet)
{
	size_t at = 0;
	int r = 0;

	while (r == 0 && !server->ended) {
		long len = wire_length(inlet->bytes + at, inlet->len - at);

		if (len < 0)
			return (int)len;
		if (len == 0 || (size_t)len > inlet->len - at)
			break;
		r = server_take(server, inlet->bytes + at, (size_t)len);
		at += (size_t)len;
		if (r == 0 && server->locks.given_back)
			r = locks_retry(server);
	}
	inlet->len -= at;
	/* Not onto itself: a long request comes in many pieces. */
	if (at && inlet->len)
		memmove(inlet->bytes, inlet->bytes + at, inlet->len);
	return r;
}

/* 1, or 0 at the end of the stream. */
static int fill(struct server *server, struct inlet *inlet)
{
	ssize_t got = read(
		server->socket, inlet->bytes + inlet->len, sizeof(inlet->bytes) - inlet->len);

	if (got < 0)
		return errno == EINTR || errno == EAGAIN ? 1 : -errno;
	inlet->len += (size_t)got;
	return got > 0;
}

int server_run(struct server *server)
{
	static struct inlet inlet;
	struct pollfd socket = {.fd = server->socket, .events = POLLIN};
	int r = 1;

	while (r > 0 && !server->ended) {
		int patience = locks_patience(server);

		if (patience >= 0 && poll(&socket, 1, patience) == 0) {
			r = locks_retry(server) < 0 ? -EPIPE : 1;
			continue;
		}
		r = fill(server, &inlet);
		if (r > 0) {
			int taken = take_all(server, &inlet);

			r = taken < 0 ? taken : 1;
		}
	}
	/* Where the guest is gone in the middle of a message, nobody misses the answer. */
	return r == -EPIPE || r == -ECONNRESET ? 0 : r < 0 ? r : 0;
}
