/* SPDX-License-Identifier: Apache-2.0 */
/* What the processes of a jail report, and how: by message only, never on a terminal. */
#ifndef KS_LINUX_INIT_MESSAGE_H
#define KS_LINUX_INIT_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "linux/init/failure.h"

/* Like control_send(), but waits while the socket is full. */
int message_send(int socket, uint32_t type, int32_t value, const void *data, size_t len);

/* The failure as a message of the given type: value is the errno, data "step NUL detail NUL". */
int failure_send(int socket, uint32_t type, const struct failure *failure);

#endif
