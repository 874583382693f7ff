/* SPDX-License-Identifier: Apache-2.0 */
/* A connection of the worker's that is carried over the channel, the same at both ends: in the
 * guest the socket is what the worker connected to, in kastellan-vm what is connected to the egress
 * proxy. Its bytes, the end of either way, a reset and the other side's not reading are passed on;
 * nothing is ever waited for.
 *
 * CLOSE is each side's last frame of it, and is sent once the side's socket is closed: without
 * FRAME_CUT both ways have ended, with it the socket was reset, and so the other one is to be. What
 * comes until the other side's CLOSE is thrown away, within its window. After both the stream is
 * free for another connection. */
#ifndef KS_VM_CHANNEL_CONNECTION_H
#define KS_VM_CHANNEL_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "vm/channel/flow.h"
#include "vm/channel/frame.h"
#include "vm/channel/outbox.h"
#include "vm/channel/ring.h"

struct connection {
	uint16_t stream;
	bool used;
	bool connecting; /* the socket is on its way */
	bool read_ended; /* the socket gives no more, and ... */
	bool end_told; /* ... EOF is sent */
	bool take_ended; /* EOF has come, and ... */
	bool shut; /* ... the socket has been told */
	bool cut; /* it was reset */
	bool closed; /* CLOSE is sent */
	bool other_closed; /* CLOSE has come */
	int fd; /* non-blocking; -1: closed here */
	int watched; /* where poll() was asked about it; -1: it was not */
	struct flow_out out;
	struct flow_in in;
	struct ring ring; /* for the socket; as large as the window */
};

/* Takes the socket; -1: there is none, and the other side is to be reset. */
void connection_begin(struct connection *connection, int fd, bool connecting);

/* A frame of the other side's. NULL, or why it is out of order, as words for people. */
const char *connection_take(
	struct connection *connection, const struct frame_header *header, const uint8_t *payload);

/* What poll() is to wait for; false: nothing. outbox NULL: nothing is read any more. */
bool connection_wants(
	const struct connection *connection, const struct outbox *outbox, short *ret_events);
void connection_polled(struct connection *connection, short revents, struct outbox *outbox);

/* Says what is due: EOF, WINDOW, CLOSE. */
void connection_speak(struct connection *connection, struct outbox *outbox);

/* The socket is reset. */
void connection_cut(struct connection *connection);

#endif
