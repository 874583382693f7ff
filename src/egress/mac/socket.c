/* SPDX-License-Identifier: Apache-2.0 */
/* A Mac has no call that makes a socket as it is wanted, and no flag that drops bytes unread. */
#include "egress/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* SIGPIPE is ignored by the proxy and its resolver. */
const int socket_quiet = 0;

/* Closes it where that fails. */
static int finish(int fd)
{
	int code;

	if (fd < 0)
		return -errno;
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0)
		return fd;
	code = -errno;
	close(fd);
	return code;
}

int socket_open(int family)
{
	return finish(socket(family, SOCK_STREAM, 0));
}

int socket_accept(int listener)
{
	return finish(accept(listener, NULL, NULL));
}

ssize_t socket_drop(int fd, void *scratch, size_t len)
{
	return recv(fd, scratch, len, MSG_DONTWAIT);
}
