/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes cannot be moved between a socket and a pipe there: everything is copied. */
#include "egress/pipes.h"

#include <errno.h>

struct pipe_ends *pipe_take(struct pipes *pipes)
{
	(void)pipes;
	return NULL;
}

void pipe_give(struct pipes *pipes, struct pipe_ends *ends, size_t held)
{
	(void)pipes;
	(void)ends;
	(void)held;
}

static ssize_t nothing(void)
{
	errno = ENOSYS;
	return -1;
}

ssize_t pipe_fill(const struct pipe_ends *ends, int from, size_t len)
{
	(void)ends;
	(void)from;
	(void)len;
	return nothing();
}

ssize_t pipe_drain(const struct pipe_ends *ends, int to, size_t len)
{
	(void)ends;
	(void)to;
	(void)len;
	return nothing();
}

void pipes_done(struct pipes *pipes)
{
	(void)pipes;
}
