/* SPDX-License-Identifier: Apache-2.0 */
/* What sockets of Linux do in one call. */
#include <errno.h>

#include "egress/socket.h"

const int socket_quiet = MSG_NOSIGNAL;

int socket_open(int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

int socket_accept(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Of TCP they are dropped where they are; of a unix socket they are copied once more. */
ssize_t socket_drop(int fd, void *scratch, size_t len)
{
	return recv(fd, scratch, len, MSG_TRUNC | MSG_DONTWAIT);
}
