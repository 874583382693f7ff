/* SPDX-License-Identifier: Apache-2.0 */
/* The messages of linux/control_message.h over a stream: each begins with how long it is, and with
 * the number of its descriptors, which come with its first byte. A message is taken out whole or
 * not at all, so that nobody waits for the rest of one. */
#include "linux/control_message.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "egress/mac/left.h"
#include "linux/control_descriptors.h"
#include "macos/apply/system.h"

#define REST_MS 5000 /* for the rest of a message to be taken, which the buffer has room for */

struct frame {
	uint32_t len; /* of data */
	uint32_t n_fds;
	struct control_header header;
};

static int code_of(int code)
{
	return code == ECONNRESET ? -EPIPE : -code;
}

/* What one call has left over. */
static int send_rest(int socket, const char *bytes, size_t len)
{
	while (len) {
		struct pollfd room = {.fd = socket, .events = POLLOUT};
		ssize_t sent = send(socket, bytes, len, system_send_flags | MSG_DONTWAIT);

		if (sent < 0 && errno == EAGAIN) {
			if (poll(&room, 1, REST_MS) == 0)
				return -EPIPE;
		} else if (sent < 0 && errno != EINTR) {
			return code_of(errno);
		} else if (sent > 0) {
			bytes += sent;
			len -= (size_t)sent;
		}
	}
	return 0;
}

int control_send(int socket, uint32_t type, int32_t value, const void *data, size_t len,
	const int *fds, size_t n_fds)
{
	char bytes[sizeof(struct frame) + CONTROL_MAX];
	struct frame frame = {.len = (uint32_t)len,
		.n_fds = (uint32_t)n_fds,
		.header = {.type = type, .value = value}};
	size_t all = sizeof(frame) + len;
	struct iovec part = {bytes, all};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	union control_descriptors control;
	ssize_t sent;

	if (n_fds > CONTROL_MAX_FDS || len > CONTROL_MAX - sizeof(frame.header))
		return -E2BIG;
	memcpy(bytes, &frame, sizeof(frame));
	if (len)
		memcpy(bytes + sizeof(frame), data, len);
	if (fds && n_fds)
		control_put_descriptors(&message, &control, fds, n_fds);
	do {
		sent = sendmsg(socket, &message, system_send_flags | MSG_DONTWAIT);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return code_of(errno);
	return send_rest(socket, bytes + sent, all - (size_t)sent);
}

/* 1 where a whole message is there, 0 where it is not yet, -EPIPE at the end, -EBADMSG. */
static int look(int socket, struct frame *frame)
{
	int not_yet = is_left(socket) ? -EPIPE : 0;
	int there = 0;
	ssize_t got;

	do {
		got = recv(socket, frame, sizeof(*frame), MSG_PEEK | MSG_DONTWAIT);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno == EAGAIN ? 0 : code_of(errno);
	if (got == 0)
		return -EPIPE;
	if ((size_t)got < sizeof(*frame))
		return not_yet;
	if (frame->len > CONTROL_MAX - sizeof(frame->header) || frame->n_fds > CONTROL_MAX_FDS)
		return -EBADMSG;
	if (ioctl(socket, FIONREAD, &there) < 0)
		return -errno;
	return there >= 0 && (size_t)there >= sizeof(*frame) + frame->len ? 1 : not_yet;
}

int control_receive(int socket, struct control_message *ret)
{
	struct frame frame;
	union control_descriptors control;
	struct iovec parts[2] = {{&frame, sizeof(frame)}, {ret->data, 0}};
	struct msghdr message = {.msg_iov = parts,
		.msg_iovlen = 2,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space)};
	ssize_t got;
	int r = look(socket, &frame);

	ret->n_fds = 0;
	if (r <= 0)
		return r;
	parts[1].iov_len = frame.len;
	do {
		got = recvmsg(socket, &message, MSG_DONTWAIT);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return code_of(errno);
	/* No call of a Mac's closes them at an exec at once. */
	control_take_descriptors(&message, true, ret);
	if ((size_t)got != sizeof(frame) + frame.len || ret->n_fds != frame.n_fds ||
		(message.msg_flags & MSG_CTRUNC)) {
		control_message_drop_fds(ret);
		return -EBADMSG;
	}
	ret->header = frame.header;
	ret->len = frame.len;
	ret->data[ret->len] = '\0';
	return 1;
}
