/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/init/message.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "linux/control.h"
#include "linux/jail_linux.h"

int message_send(int socket, uint32_t type, int32_t value, const void *data, size_t len)
{
	struct pollfd room = {.fd = socket, .events = POLLOUT};
	int r;

	while ((r = control_send(socket, type, value, data, len, NULL, 0)) == -EAGAIN)
		poll(&room, 1, -1);
	return r;
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
