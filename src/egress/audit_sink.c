/* SPDX-License-Identifier: Apache-2.0 */
/* O_NONBLOCK belongs to the open file, which the descriptor's giver shares and did not ask to have
 * changed: where the kernel lets us, the pipe or terminal is opened once more. That takes /proc, so
 * it has to be done before the program is confined. */
#include "egress/audit_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "egress/socket.h"

/* A second open file would start a regular file anew, so that it is for streams alone. */
static enum sink_kind open_again(int *fd)
{
	char path[32];
	int flags = fcntl(*fd, F_GETFL);
	int again;

	/* What was handed over for reading is not made writable here. */
	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
		return SINK_POLLED;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", *fd);
	again = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (again < 0)
		return SINK_POLLED;
	close(*fd);
	*fd = again;
	return SINK_NONBLOCKING;
}

static enum sink_kind kind_of(int *fd)
{
	struct stat st;

	if (fstat(*fd, &st) < 0)
		return SINK_NONE;
	if (S_ISREG(st.st_mode))
		return SINK_FILE;
	return S_ISSOCK(st.st_mode) ? SINK_SOCKET : open_again(fd);
}

int sink_open(struct sink *sink, int fd, size_t backlog)
{
	*sink = (struct sink){.kind = SINK_NONE, .fd = fd, .room = backlog};
	if (fd < 0)
		return 0;
	sink->backlog = malloc(backlog);
	if (!sink->backlog)
		return -ENOMEM;
	sink->kind = kind_of(&sink->fd);
	return 0;
}

void sink_close(struct sink *sink)
{
	free(sink->backlog);
	if (sink->fd >= 0)
		close(sink->fd);
	*sink = (struct sink){.fd = -1};
}

static bool has_room(int fd)
{
	struct pollfd wait = {.fd = fd, .events = POLLOUT};

	/* With an error there is no room either, but the write that tells it does not wait. */
	return poll(&wait, 1, 0) > 0;
}

/* Bytes written, or -errno. */
static ssize_t write_some(const struct sink *sink, const char *text, size_t len)
{
	ssize_t written;

	if (sink->kind == SINK_POLLED && !has_room(sink->fd))
		return -EAGAIN;
	do {
		written = sink->kind == SINK_SOCKET
				  ? send(sink->fd, text, len, MSG_DONTWAIT | socket_quiet)
				  : write(sink->fd, text, len);
	} while (written < 0 && errno == EINTR);
	return written < 0 ? -errno : written;
}

/* Whoever read is gone for good; any other error may pass. */
static bool is_end(ssize_t code)
{
	return code == -EPIPE || code == -ECONNRESET || code == -ENOTCONN || code == -EBADF;
}

static void wait_for_room(struct sink *sink, const char *text, size_t len)
{
	if (sink->start + sink->len + len > sink->room) {
		memmove(sink->backlog, sink->backlog + sink->start, sink->len);
		sink->start = 0;
	}
	memcpy(sink->backlog + sink->start + sink->len, text, len);
	sink->len += len;
	sink->lines++;
}

static bool write_file_line(struct sink *sink, const char *line, size_t len)
{
	ssize_t written;

	if (sink->torn && write_some(sink, "\n", 1) != 1)
		return false;
	sink->torn = false;
	written = write_some(sink, line, len);
	sink->torn = written > 0 && (size_t)written < len;
	return written == (ssize_t)len;
}

bool sink_line(struct sink *sink, const char *line, size_t len)
{
	ssize_t written;

	if (sink->kind == SINK_NONE || len > sink->room - sink->len)
		return false;
	if (sink->kind == SINK_FILE)
		return write_file_line(sink, line, len);
	written = sink->len ? -EAGAIN : write_some(sink, line, len);
	if (written == (ssize_t)len)
		return true;
	/* Terminals and stream sockets take a part. */
	if (written >= 0 || written == -EAGAIN) {
		size_t done = written > 0 ? (size_t)written : 0;

		wait_for_room(sink, line + done, len - done);
		return true;
	}
	if (is_end(written))
		sink->kind = SINK_NONE;
	return false;
}

/* The first line of the backlog is over, written or not. */
static void drop_first(struct sink *sink, size_t len)
{
	sink->start += len;
	sink->len -= len;
	sink->lines--;
}

size_t sink_flush(struct sink *sink)
{
	size_t lost = 0;

	while (sink->len && sink->kind != SINK_NONE) {
		const char *first = sink->backlog + sink->start;
		size_t len = (size_t)((const char *)memchr(first, '\n', sink->len) - first) + 1;
		ssize_t written = write_some(sink, first, len);

		if (written == -EAGAIN)
			break;
		if (is_end(written)) {
			sink->kind = SINK_NONE;
		} else if (written < 0 || (size_t)written == len) {
			lost += written < 0;
			drop_first(sink, len);
		} else {
			sink->start += (size_t)written;
			sink->len -= (size_t)written;
		}
	}
	return sink->kind == SINK_NONE ? lost + sink_give_up(sink) : lost;
}

size_t sink_give_up(struct sink *sink)
{
	size_t lost = sink->lines;

	sink->lines = sink->len = 0;
	return lost;
}
