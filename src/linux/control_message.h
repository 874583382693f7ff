/* SPDX-License-Identifier: Apache-2.0 */
/* One message over a SOCK_SEQPACKET pair: a header, bytes, descriptors. What the numbers mean is
 * said where the two sides are: control.h for a jail, egress/control.h for the proxy. */
#ifndef KS_LINUX_CONTROL_MESSAGE_H
#define KS_LINUX_CONTROL_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#define CONTROL_MAX 4096 /* bytes of one message, header included */
#define CONTROL_MAX_FDS 4

struct control_header {
	uint32_t type;
	int32_t value;
};

/* One message. fds are lent. Returns 0 or -errno (-EPIPE: the other side is gone). Never blocks,
 * raises no SIGPIPE. */
int control_send(int socket, uint32_t type, int32_t value, const void *data, size_t len,
	const int *fds, size_t n_fds);

struct control_message {
	struct control_header header;
	char data[CONTROL_MAX];
	size_t len; /* of data; a NUL follows */
	int fds[CONTROL_MAX_FDS];
	size_t n_fds; /* the receiver owns them */
};

/* Receives without blocking: 1 = a message, 0 = nothing there, -EPIPE = hang-up, other -errno. */
int control_receive(int socket, struct control_message *ret);
void control_message_drop_fds(struct control_message *message);

#endif
