/* SPDX-License-Identifier: Apache-2.0 */
/* The resolver is there already, started by the owner: the proxy could not put another profile in
 * force. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "egress/mac/left.h"
#include "egress/mac/slots.h"
#include "egress/resolver.h"

int resolver_start(struct resolver *ret_resolver)
{
	if (fcntl(EGRESS_MAC_NAMES, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	*ret_resolver = (struct resolver){.socket = EGRESS_MAC_NAMES, .pidfd = -1};
	return 0;
}

/* A part of an answer is none yet; the rest is told of as it comes. */
ssize_t resolver_receive(int socket, void *bytes, size_t len)
{
	int not_yet = is_left(socket) ? -EPIPE : -EAGAIN;
	ssize_t got;

	do {
		got = recv(socket, bytes, len, MSG_PEEK | MSG_DONTWAIT);
		if (got > 0 && (size_t)got < len)
			return not_yet;
		if (got > 0)
			got = recv(socket, bytes, len, MSG_DONTWAIT);
	} while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

void resolver_done(struct resolver *resolver)
{
	if (resolver->socket >= 0)
		close(resolver->socket);
	*resolver = (struct resolver){.socket = -1, .pidfd = -1};
}
