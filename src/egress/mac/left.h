/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_EGRESS_MAC_LEFT_H
#define KS_EGRESS_MAC_LEFT_H

#include <poll.h>
#include <stdbool.h>

/* Whether the other end of a stream is closed, so that all that will ever come is there. Asked
 * before the bytes are looked at: who waits for the rest of a message that was cut off would be
 * woken by the hang-up without end. */
static inline bool is_left(int socket)
{
	struct pollfd end = {.fd = socket, .events = POLLIN};

	return poll(&end, 1, 0) > 0 && end.revents & (POLLHUP | POLLERR | POLLNVAL);
}

#endif
