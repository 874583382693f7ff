/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

static void close_three(int fds[3])
{
	for (int i = 0; i < 3; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

void stdio_close_worker(struct stdio_ends *ends)
{
	close_three(ends->worker);
}

void stdio_close(struct stdio_ends *ends)
{
	close_three(ends->worker);
	close_three(ends->caller);
}

static int open_null(int stream)
{
	return open("/dev/null", (stream == 0 ? O_RDONLY : O_WRONLY) | O_CLOEXEC);
}

static int open_pipe(int stream, struct stdio_ends *ends)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	ends->worker[stream] = stream == 0 ? fds[0] : fds[1];
	ends->caller[stream] = stream == 0 ? fds[1] : fds[0];
	return 0;
}

/* 0, or -errno. */
static int open_stream(const struct ks_run_options *options, int stream, struct stdio_ends *ends)
{
	int *fd = &ends->worker[stream];

	switch (options->stdio[stream]) {
	case KS_STDIO_NULL:
		*fd = open_null(stream);
		break;
	case KS_STDIO_INHERIT:
		*fd = fcntl(stream, F_DUPFD_CLOEXEC, 3);
		/* A caller without this stream has none to give. */
		if (*fd < 0 && errno == EBADF)
			*fd = open_null(stream);
		break;
	case KS_STDIO_PIPE:
		return open_pipe(stream, ends) < 0 ? -errno : 0;
	case KS_STDIO_FD:
		*fd = fcntl(options->stdio_fd[stream], F_DUPFD_CLOEXEC, 3);
		break;
	default:
		return -EINVAL;
	}
	return *fd < 0 ? -errno : 0;
}

int stdio_open(const struct ks_run_options *options, struct stdio_ends *ret, ks_error **reterr)
{
	static const char *const names[] = {"stdin", "stdout", "stderr"};
	struct stdio_ends ends = STDIO_ENDS_NONE;

	for (int stream = 0; !options->terminal && stream < 3; stream++) {
		int r = open_stream(options, stream, &ends);

		if (r < 0) {
			stdio_close(&ends);
			return error_set(reterr, r, ABOUT(.step = "stdio", .path = names[stream]),
				"stdio: the worker's %s cannot be opened: %s", names[stream],
				strerror(-r));
		}
	}
	*ret = ends;
	return 0;
}
