/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

/* The kernel doubles it for its own use, which makes the 128 KiB that it starts with by itself; a
 * whole ClientHello has to be in there at once. */
#define SMALL_BUFFER 65536

bool socket_address(
	const struct sockaddr_storage *from, struct address *ret_address, uint16_t *ret_port)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (from->ss_family == AF_INET) {
		memcpy(&v4, from, sizeof(v4));
		*ret_address = address_from_v4((const uint8_t *)&v4.sin_addr);
		*ret_port = ntohs(v4.sin_port);
		return true;
	}
	if (from->ss_family != AF_INET6)
		return false;
	memcpy(&v6, from, sizeof(v6));
	*ret_address = address_from_v6(v6.sin6_addr.s6_addr);
	address_unmap(ret_address);
	*ret_port = ntohs(v6.sin6_port);
	return true;
}

int socket_connect(int fd, const struct address *address, uint16_t port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	bool is_v4 = address->family == ADDRESS_V4;
	int r;

	memcpy(&v4.sin_addr, address->bytes, sizeof(v4.sin_addr));
	memcpy(&v6.sin6_addr, address->bytes, sizeof(v6.sin6_addr));
	r = is_v4 ? connect(fd, (struct sockaddr *)&v4, sizeof(v4))
		  : connect(fd, (struct sockaddr *)&v6, sizeof(v6));
	return r < 0 && errno != EINPROGRESS ? -errno : 0;
}

bool socket_local(int fd, struct address *ret_address, uint16_t *ret_port)
{
	struct sockaddr_storage storage = {0};
	socklen_t len = sizeof(storage);

	return getsockname(fd, (struct sockaddr *)&storage, &len) == 0 &&
	       socket_address(&storage, ret_address, ret_port);
}

int socket_family(int fd)
{
	struct sockaddr_storage storage = {0};
	socklen_t len = sizeof(storage);

	return getsockname(fd, (struct sockaddr *)&storage, &len) < 0 ? -1 : storage.ss_family;
}

int socket_prepare(int fd)
{
	int on = 1;

	/* Fails on a unix socket, which never delays. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on)) < 0 ? -errno : 0;
}

int socket_keep_small(int fd)
{
	const int bytes = SMALL_BUFFER;

	/* A number once set is not tuned any more. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)) < 0)
		return -errno;
	return 0;
}

void socket_reset(int fd)
{
	struct linger linger = {.l_onoff = 1, .l_linger = 0};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

bool socket_say(int fd, const void *bytes, size_t len)
{
	ssize_t sent;

	do {
		sent = send(fd, bytes, len, socket_quiet | MSG_DONTWAIT);
	} while (sent < 0 && errno == EINTR);
	return sent >= 0 && (size_t)sent == len;
}
