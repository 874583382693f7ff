/* SPDX-License-Identifier: Apache-2.0 */
/* All connections that a machine can have at once, by their streams. */
#ifndef KS_VM_CHANNEL_CONNECTIONS_H
#define KS_VM_CHANNEL_CONNECTIONS_H

#include <poll.h>
#include <stddef.h>

#include "vm/channel/connection.h"

struct connections {
	struct connection *items;
	uint32_t size; /* 0: there is no network */
	uint32_t high; /* none from here on has ever been used */
	uint32_t turn; /* whose turn it is first */
};

/* Room for so many, and for those that are one too many for a moment; memory that is not used costs
 * nothing. 0 or -errno. */
int connections_make(struct connections *connections, uint32_t at_once);

/* That of the stream, used or not; NULL: the machine has no such. */
struct connection *connections_find(struct connections *connections, uint16_t stream);
/* One that is not used, or NULL. */
struct connection *connections_free(struct connections *connections);
/* Begins it: see connection_begin(). */
void connections_begin(
	struct connections *connections, struct connection *connection, int fd, bool connecting);

/* Appends to fds, which have room for all, and returns how many there are then. outbox: as
 * connection_wants(). */
size_t connections_watch(
	struct connections *connections, const struct outbox *outbox, struct pollfd *fds, size_t n);
void connections_polled(
	struct connections *connections, const struct pollfd *fds, struct outbox *outbox);
void connections_speak(struct connections *connections, struct outbox *outbox);

#endif
