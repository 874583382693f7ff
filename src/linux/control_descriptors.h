/* SPDX-License-Identifier: Apache-2.0 */
/* The descriptors of a message, whatever kind of socket it goes over. */
#ifndef KS_LINUX_CONTROL_DESCRIPTORS_H
#define KS_LINUX_CONTROL_DESCRIPTORS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "linux/control_message.h"

union control_descriptors {
	struct cmsghdr align;
	char space[CMSG_SPACE(CONTROL_MAX_FDS * sizeof(int))];
};

/* At least one, and not more than CONTROL_MAX_FDS; room has to live as long as the message. */
void control_put_descriptors(
	struct msghdr *message, union control_descriptors *room, const int *fds, size_t n_fds);

/* Closes those for which there is no room. close_on_exec: recvmsg() has not seen to that, and one
 * for which it cannot be set is closed, too. */
void control_take_descriptors(
	struct msghdr *message, bool close_on_exec, struct control_message *ret);

#endif
