/* SPDX-License-Identifier: Apache-2.0 */
/* Pipes that bytes pass through on their way from one socket to another, without a copy. A user has
 * only so many pages for pipes, so that a connection holds one only while bytes are in it, and
 * there is a ceiling; who gets none copies instead. */
#ifndef KS_EGRESS_PIPES_H
#define KS_EGRESS_PIPES_H

#include <stddef.h>

#define PIPES_MAX 128
#define PIPE_BYTES (256 * 1024) /* asked for; the kernel gives less to a user who has many */

struct pipe_ends {
	struct pipe_ends *next; /* of those that wait empty */
	int from, to; /* read and write end */
	size_t room;
};

struct pipes {
	struct pipe_ends *empty;
	size_t count;
};

/* NULL where there is none now. */
struct pipe_ends *pipe_take(struct pipes *pipes);
/* Empty, or not: one that holds bytes is closed. */
void pipe_give(struct pipes *pipes, struct pipe_ends *ends, size_t held);
void pipes_done(struct pipes *pipes);

#endif
