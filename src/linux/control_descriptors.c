/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/control_descriptors.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

void control_put_descriptors(
	struct msghdr *message, union control_descriptors *room, const int *fds, size_t n_fds)
{
	struct cmsghdr *head;

	memset(room, 0, sizeof(*room));
	message->msg_control = room->space;
	message->msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
	head = CMSG_FIRSTHDR(message);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
	memcpy(CMSG_DATA(head), fds, n_fds * sizeof(int));
}

void control_take_descriptors(
	struct msghdr *message, bool close_on_exec, struct control_message *ret)
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
			if (ret->n_fds < CONTROL_MAX_FDS &&
				(!close_on_exec || fcntl(fd, F_SETFD, FD_CLOEXEC) == 0))
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
