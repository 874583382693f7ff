/* SPDX-License-Identifier: Apache-2.0 */
/* A descriptor that takes lines and is never waited for. A line goes out whole or not at all; only
 * a full disk can cut one, and then the next line starts on a line of its own. */
#ifndef KS_EGRESS_AUDIT_SINK_H
#define KS_EGRESS_AUDIT_SINK_H

#include <stdbool.h>
#include <stddef.h>

enum sink_kind {
	SINK_NONE, /* no descriptor, or one whose reader is gone for good */
	SINK_FILE, /* regular: a write waits for the disk at worst */
	SINK_SOCKET,
	SINK_NONBLOCKING, /* pipe, terminal or device: opened once more, for this program alone */
	SINK_POLLED, /* the same where that was refused: asked for room before every write */
};

struct sink {
	enum sink_kind kind;
	int fd;
	char *backlog; /* lines that wait for room, the first one perhaps begun */
	size_t start, len, room;
	size_t lines; /* in it */
	bool torn; /* the file ends in half a line */
};

/* Owns the descriptor, which may be -1, if it returns 0; -ENOMEM. */
int sink_open(struct sink *sink, int fd, size_t backlog);
void sink_close(struct sink *sink);

/* True: written, or waiting to be. False: lost. len is at most PIPE_BUF. */
bool sink_line(struct sink *sink, const char *line, size_t len);

/* Writes what waits and finds room. Returns how many lines were lost with a reader that is gone. */
size_t sink_flush(struct sink *sink);

/* Nobody is waited for any longer. Returns how many lines still waited. */
size_t sink_give_up(struct sink *sink);

#endif
