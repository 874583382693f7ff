/* SPDX-License-Identifier: Apache-2.0 */
/* Where no descriptor tells of signals: a handler writes their numbers to a pipe. */
#include "cli/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

static const int forwarded[] = {SIGNALS_FORWARDED};
static int writing_end = -1;

/* A full pipe has enough of them. */
static void note(int number)
{
	int saved = errno;
	unsigned char byte = (unsigned char)number;
	ssize_t written = write(writing_end, &byte, 1);

	(void)written;
	errno = saved;
}

static bool make_private(int fd)
{
	return fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0;
}

int signals_open(void)
{
	struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};
	int ends[2];

	if (pipe(ends) < 0)
		return -errno;
	if (!make_private(ends[0]) || !make_private(ends[1])) {
		close(ends[0]);
		close(ends[1]);
		return -EBADF;
	}
	writing_end = ends[1];
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(forwarded) / sizeof(forwarded[0]); i++)
		if (sigaction(forwarded[i], &action, NULL) < 0)
			return -errno;
	/* A reader of our output that leaves must not end the supervision. */
	signal(SIGPIPE, SIG_IGN);
	return ends[0];
}

int signals_next(int fd)
{
	unsigned char number;

	return read(fd, &number, 1) == 1 ? number : 0;
}
