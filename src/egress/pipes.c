/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/pipes.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* Who has used up the pages gets a pipe all the same, of a page or two: of no use here. */
static bool enlarge(int fd, int bytes)
{
	return fcntl(fd, F_SETPIPE_SZ, bytes) >= 0 || fcntl(fd, F_GETPIPE_SZ) >= PIPE_LEAST_BYTES;
}

static struct pipe_ends *make(struct pipes *pipes)
{
	bool large = pipes->n_large < PIPES_LARGE;
	struct pipe_ends *ends;
	int fds[2];

	if (pipes->count == PIPES_MAX || pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return NULL;
	ends = malloc(sizeof(*ends));
	if (!ends || !enlarge(fds[1], large ? PIPE_LARGE_BYTES : PIPE_BYTES)) {
		close(fds[0]);
		close(fds[1]);
		free(ends);
		return NULL;
	}
	*ends = (struct pipe_ends){NULL, fds[0], fds[1], large};
	pipes->count++;
	pipes->n_large += large;
	return ends;
}

struct pipe_ends *pipe_take(struct pipes *pipes)
{
	struct pipe_ends *ends = pipes->empty;

	if (!ends)
		return make(pipes);
	pipes->empty = ends->next;
	pipes->n_empty--;
	return ends;
}

static void drop(struct pipes *pipes, struct pipe_ends *ends)
{
	close(ends->from);
	close(ends->to);
	pipes->count--;
	pipes->n_large -= ends->large;
	free(ends);
}

void pipe_give(struct pipes *pipes, struct pipe_ends *ends, size_t held)
{
	if (held || pipes->n_empty == PIPES_KEPT) {
		drop(pipes, ends);
		return;
	}
	ends->next = pipes->empty;
	pipes->empty = ends;
	pipes->n_empty++;
}

ssize_t pipe_fill(const struct pipe_ends *ends, int from, size_t len)
{
	return splice(from, NULL, ends->to, NULL, len, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
}

ssize_t pipe_drain(const struct pipe_ends *ends, int to, size_t len)
{
	return splice(ends->from, NULL, to, NULL, len, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
}

void pipes_done(struct pipes *pipes)
{
	while (pipes->empty) {
		struct pipe_ends *ends = pipes->empty;

		pipes->empty = ends->next;
		drop(pipes, ends);
	}
}
