/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between the supervisor and the processes of a jail. Everything that comes from inside is
 * looked at as hostile: sizes are checked, descriptors that nobody expects are closed. */
#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "linux/control_descriptors.h"
#include "linux/control_message.h"

int control_send(int socket, uint32_t type, int32_t value, const void *data, size_t len,
	const int *fds, size_t n_fds)
{
	struct control_header header = {.type = type, .value = value};
	struct iovec parts[2] = {{&header, sizeof(header)}, {(void *)data, len}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = len ? 2 : 1};
	union control_descriptors control;

	if (n_fds > CONTROL_MAX_FDS || len > CONTROL_MAX - sizeof(header))
		return -E2BIG;
	if (fds && n_fds)
		control_put_descriptors(&message, &control, fds, n_fds);
	for (;;) {
		if (sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
			return 0;
		if (errno != EINTR)
			return errno == ECONNRESET ? -EPIPE : -errno;
	}
}

int control_receive(int socket, struct control_message *ret)
{
	struct iovec parts[2] = {
		{&ret->header, sizeof(ret->header)}, {ret->data, sizeof(ret->data) - 1}};
	union control_descriptors control;
	struct msghdr message = {.msg_iov = parts,
		.msg_iovlen = 2,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space)};
	ssize_t len;

	ret->n_fds = 0;
	/* A side that has left without reading all is told of once, and before what it said last.
	 */
	do {
		len = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (len < 0 && (errno == EINTR || errno == ECONNRESET));
	if (len < 0)
		return errno == EAGAIN ? 0 : -errno;
	if (len == 0)
		return -EPIPE;
	control_take_descriptors(&message, false, ret);
	if ((size_t)len < sizeof(ret->header) || (message.msg_flags & MSG_TRUNC)) {
		control_message_drop_fds(ret);
		return -EBADMSG;
	}
	ret->len = (size_t)len - sizeof(ret->header);
	ret->data[ret->len] = '\0';
	return 1;
}
