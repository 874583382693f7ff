/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between the supervisor and the processes of a jail. Everything that comes from inside is
 * looked at as hostile: sizes are checked, descriptors that nobody expects are closed. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "linux/control_message.h"

int control_send(int socket, uint32_t type, int32_t value, const void *data, size_t len,
	const int *fds, size_t n_fds)
{
	struct control_header header = {.type = type, .value = value};
	struct iovec parts[2] = {{&header, sizeof(header)}, {(void *)data, len}};
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(CONTROL_MAX_FDS * sizeof(int))];
	} control = {0};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = len ? 2 : 1};

	if (n_fds > CONTROL_MAX_FDS || len > CONTROL_MAX - sizeof(header))
		return -E2BIG;
	if (n_fds) {
		message.msg_control = control.space;
		message.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		struct cmsghdr *head = CMSG_FIRSTHDR(&message);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(head), fds, n_fds * sizeof(int));
	}
	for (;;) {
		if (sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
			return 0;
		if (errno != EINTR)
			return errno == ECONNRESET ? -EPIPE : -errno;
	}
}

static void take_descriptors(struct msghdr *message, struct control_message *ret)
{
	for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head;
		head = CMSG_NXTHDR(message, head)) {
		size_t count;

		if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
			continue;
		count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(head) + i * sizeof(int), sizeof(int));
			if (ret->n_fds < CONTROL_MAX_FDS)
				ret->fds[ret->n_fds++] = fd;
			else
				close(fd);
		}
	}
}

void control_message_drop_fds(struct control_message *message)
{
	while (message->n_fds)
		close(message->fds[--message->n_fds]);
}

int control_receive(int socket, struct control_message *ret)
{
	struct iovec parts[2] = {
		{&ret->header, sizeof(ret->header)}, {ret->data, sizeof(ret->data) - 1}};
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(CONTROL_MAX_FDS * sizeof(int))];
	} control;
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
	take_descriptors(&message, ret);
	if ((size_t)len < sizeof(ret->header) || (message.msg_flags & MSG_TRUNC)) {
		control_message_drop_fds(ret);
		return -EBADMSG;
	}
	ret->len = (size_t)len - sizeof(ret->header);
	ret->data[ret->len] = '\0';
	return 1;
}
