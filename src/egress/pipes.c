/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/pipes.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static struct pipe_ends *make(struct pipes *pipes)
{
	struct pipe_ends *ends;
	int fds[2], room;

	if (pipes->count == PIPES_MAX)
		return NULL;
	ends = malloc(sizeof(*ends));
	if (!ends)
		return NULL;
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0) {
		free(ends);
		return NULL;
	}
	room = fcntl(fds[1], F_SETPIPE_SZ, PIPE_BYTES);
	if (room < 0)
		room = fcntl(fds[1], F_GETPIPE_SZ);
	*ends = (struct pipe_ends){NULL, fds[0], fds[1], room > 0 ? (size_t)room : 4096};
	pipes->count++;
	return ends;
}

struct pipe_ends *pipe_take(struct pipes *pipes)
{
	struct pipe_ends *ends = pipes->empty;

	if (!ends)
		return make(pipes);
	pipes->empty = ends->next;
	return ends;
}

static void drop(struct pipes *pipes, struct pipe_ends *ends)
{
	close(ends->from);
	close(ends->to);
	free(ends);
	pipes->count--;
}

void pipe_give(struct pipes *pipes, struct pipe_ends *ends, size_t held)
{
	if (held) {
		drop(pipes, ends);
		return;
	}
	ends->next = pipes->empty;
	pipes->empty = ends;
}

void pipes_done(struct pipes *pipes)
{
	while (pipes->empty) {
		struct pipe_ends *ends = pipes->empty;

		pipes->empty = ends->next;
		drop(pipes, ends);
	}
}
