/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/init/message.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "linux/control.h"
#include "linux/control_message.h"

#define SEND_ATTEMPTS 20 /* a millisecond apart, where memory is short for a moment */

int message_send(int socket, uint32_t type, int32_t value, const void *data, size_t len)
{
	struct pollfd room = {.fd = socket, .events = POLLOUT};
	int attempts = SEND_ATTEMPTS;

	for (;;) {
		int r = control_send(socket, type, value, data, len, NULL, 0);

		if (r == 0 || r == -EPIPE || r == -E2BIG)
			return r;
		if (r == -EAGAIN)
			poll(&room, 1, -1);
		else if (--attempts > 0)
			poll(NULL, 0, 1);
		else
			return r;
	}
}

int failure_send(int socket, uint32_t type, const struct failure *failure)
{
	char data[FAILURE_STEP + KS_MAX_STEP_TEXT];
	size_t step = strlen(failure->step) + 1;
	size_t detail = strlen(failure->detail) + 1;

	memcpy(data, failure->step, step);
	memcpy(data + step, failure->detail, detail);
	return message_send(socket, type, failure->code, data, step + detail);
}
