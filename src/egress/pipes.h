/* SPDX-License-Identifier: Apache-2.0 */
/* Pipes that bytes pass through on their way from one socket to another, without a copy. A user has
 * only so many pages for pipes, so that a connection holds one only while bytes are in it, and
 * there is a ceiling; who gets none copies instead. On a Mac nobody gets one (mac/pipes.c). */
#ifndef KS_EGRESS_PIPES_H
#define KS_EGRESS_PIPES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define PIPES_MAX 128
#define PIPES_LARGE \
	8 /* of them: hardly more are in use at once, but for readers that stand still */
#define PIPES_KEPT 8 /* empty ones */
/* What is asked for. All together are less than the 16384 pages that a user may have. */
#define PIPE_LARGE_BYTES (1024 * 1024)
#define PIPE_BYTES (256 * 1024)
#define PIPE_LEAST_BYTES (64 * 1024) /* with less than that, a copy is faster */

struct pipe_ends {
	struct pipe_ends *next; /* of those that wait empty */
	int from, to; /* read and write end */
	bool large;
};

struct pipes {
	struct pipe_ends *empty;
	size_t count, n_large, n_empty;
};

/* NULL where there is none now. */
struct pipe_ends *pipe_take(struct pipes *pipes);
/* Empty, or not: one that holds bytes is closed. */
void pipe_give(struct pipes *pipes, struct pipe_ends *ends, size_t held);
/* From a socket, and into one, without waiting: how many bytes, or -1 with errno. */
ssize_t pipe_fill(const struct pipe_ends *ends, int from, size_t len);
ssize_t pipe_drain(const struct pipe_ends *ends, int to, size_t len);
void pipes_done(struct pipes *pipes);

#endif
