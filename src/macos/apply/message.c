/* SPDX-License-Identifier: Apache-2.0 */
#include "macos/apply/message.h"

#include <errno.h>
#include <sys/socket.h>

#include "macos/apply/system.h"

int bytes_send(int fd, const void *bytes, size_t len)
{
	for (const char *at = bytes; len;) {
		ssize_t sent = send(fd, at, len, system_send_flags);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return sent < 0 && errno != ECONNRESET ? -errno : -EPIPE;
		at += sent;
		len -= (size_t)sent;
	}
	return 0;
}

int bytes_receive(int fd, void *bytes, size_t len)
{
	for (char *at = bytes; len;) {
		ssize_t got = recv(fd, at, len, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 && errno != ECONNRESET ? -errno : -EPIPE;
		at += got;
		len -= (size_t)got;
	}
	return 0;
}

int message_send(int fd, const struct message *message)
{
	return bytes_send(fd, message, sizeof(*message));
}

int message_receive(int fd, struct message *ret_message)
{
	int r = bytes_receive(fd, ret_message, sizeof(*ret_message));

	if (r == 0) {
		ret_message->step[sizeof(ret_message->step) - 1] = '\0';
		ret_message->text[sizeof(ret_message->text) - 1] = '\0';
	}
	return r;
}
