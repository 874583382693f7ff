/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/channel/endpoint.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#define SHARED_PIECE 4096 /* PIPE_BUF: what a pipe that poll() calls writable has room for */

static bool is_ready(int fd, short events)
{
	struct pollfd ready = {.fd = fd, .events = events};

	return poll(&ready, 1, 0) > 0;
}

static ssize_t result(ssize_t len)
{
	if (len >= 0)
		return len;
	return errno == EINTR ? -EAGAIN : -errno;
}

ssize_t endpoint_read(const struct endpoint *endpoint, void *bytes, size_t len)
{
	if (endpoint->kind == ENDPOINT_SOCKET)
		return result(recv(endpoint->fd, bytes, len, MSG_DONTWAIT));
	if (endpoint->kind == ENDPOINT_SHARED && !is_ready(endpoint->fd, POLLIN))
		return -EAGAIN;
	return result(read(endpoint->fd, bytes, len));
}

ssize_t endpoint_write(const struct endpoint *endpoint, const void *bytes, size_t len)
{
	if (endpoint->kind == ENDPOINT_SOCKET)
		return result(send(endpoint->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL));
	if (endpoint->kind == ENDPOINT_SHARED) {
		if (!is_ready(endpoint->fd, POLLOUT))
			return -EAGAIN;
		if (len > SHARED_PIECE)
			len = SHARED_PIECE;
	}
	return result(write(endpoint->fd, bytes, len));
}

void endpoint_close(struct endpoint *endpoint)
{
	if (endpoint->fd >= 0)
		close(endpoint->fd);
	endpoint->fd = -1;
}
