/* SPDX-License-Identifier: Apache-2.0 */
/* A stream that a worker writes, cut into its messages: one a line, as MCP's stdio transport has
 * them. Pure: bytes come in as they were read, in pieces of any size, and the same lines and the
 * same error come out however they were cut. It must not keep more than one line of the bound, and
 * must not go on after an error: nobody knows where the next message of such a stream begins. */
#ifndef KS_WORKERS_LINES_H
#define KS_WORKERS_LINES_H

#include <stddef.h>

#include "base/strbuf.h"

struct lines {
	struct strbuf pending; /* the line so far */
	size_t max; /* bytes of a line, without its end */
	int ready; /* pending was handed out, and goes with the next call */
	int error; /* 0, or the -errno that ended the stream */
};

/* max: at least 1, at most KS_MAX_TEXT / 2. */
void lines_init(struct lines *lines, size_t max);
void lines_done(struct lines *lines);

/* Takes bytes up to the end of the next line; *ret_used says how many. A line ends with a line
 * feed, or with a carriage return and a line feed; an empty one is passed over.
 * Returns 1 with a line, NUL-terminated, without its end, valid until the next call; 0 when all
 * bytes are taken and no line has ended; or an error, again at every later call:
 * -E2BIG for a line past the bound, as soon as it is past; -EBADMSG for a NUL; -EILSEQ for bytes
 * that are not UTF-8; -ELOOP for more than KS_MAX_MESSAGE_DEPTH arrays and objects in one another;
 * -ENOMEM. */
int lines_next(struct lines *lines, const char *bytes, size_t len, size_t *ret_used,
	const char **ret_line, size_t *ret_len);

/* At the end of the stream: 0, -EPIPE in the middle of a line, or the earlier error. */
int lines_end(const struct lines *lines);

#endif
