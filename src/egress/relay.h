/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes from one socket to another, one direction at a time. What cannot be passed on stays where
 * it is, in the kernel's receive buffer, so that the sender's own window closes: the first bytes
 * are looked at, sent and only then taken; after RELAY_COPY bytes they go through a pipe without
 * being copied. A connection in which nothing moves has no memory here beyond its structs. */
#ifndef KS_EGRESS_RELAY_H
#define KS_EGRESS_RELAY_H

#include "egress/loop.h"
#include "egress/pipes.h"

#define RELAY_COPY 65536 /* bytes of a direction that are copied before pipes are used */
#define RELAY_SCRATCH 65536 /* for one copy */
#define RELAY_MOVE ((size_t)1024 * 1024) /* for one move through a pipe */
#define RELAY_TURN ((size_t)1024 * 1024) /* bytes of a direction before others have their turn */

#define RELAY_EVENTS (POLLER_IN | POLLER_OUT | POLLER_END | POLLER_URGENT)

/* One of the two sockets of a connection, and what the kernel last said of it. */
struct end {
	struct watch watch;
	bool readable, writable;
	bool finished; /* its peer sends no more, though bytes of it may be there still */
	bool failed; /* reset, or worse */
	bool urgent; /* splice() would stop before TCP's urgent byte for ever */
};

struct direction {
	uint64_t bytes; /* that were passed on */
	struct pipe_ends *pipe; /* while bytes are in it */
	size_t held; /* bytes in it */
	bool ended; /* all was read */
	bool shut; /* and that was passed on, too */
	bool last; /* the other one is shut already: to close the sockets will pass on its end */
};

/* Where the one thread of a process works: nothing of a connection stays in it. */
struct relay_room {
	struct pipes pipes;
	char scratch[RELAY_SCRATCH];
};

/* What all connections of a tenant share. */
struct relay {
	struct relay_room *room;
	uint64_t bytes_left; /* that the policy allows */
};

void end_note(struct end *end, uint32_t events);

enum relay_result {
	RELAY_WAITS, /* until one of the two is ready */
	RELAY_MORE, /* the turn is over, but not the work */
	RELAY_RESET, /* one of the two is gone */
	RELAY_SPENT, /* the policy's bytes are */
};

/* Passes on what there is, and the end of it, for a turn. *ret_moved becomes true where a byte
 * moved, and else stays. */
enum relay_result relay_pump(struct relay *relay, struct end *from, struct end *to,
	struct direction *way, bool *ret_moved);

/* Passes on the first len bytes, which lie in the scratch and in the socket that they came from; at
 * the beginning of a connection, where there is room for them. RELAY_WAITS: it is done. */
enum relay_result relay_pass(
	struct relay *relay, struct end *from, struct end *to, struct direction *way, size_t len);

/* Gives back what the direction holds. */
void relay_done(struct relay *relay, struct direction *way);

#endif
