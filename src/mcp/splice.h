/* SPDX-License-Identifier: Apache-2.0 */
/* Messages with other bytes in some places, and everything else as it was written. Pure. */
#ifndef KS_MCP_SPLICE_H
#define KS_MCP_SPLICE_H

#include "base/strbuf.h"
#include "workers/message.h"

/* Where it begins and ends alike, the text is put in; a text of "" takes out. */
struct edit {
	struct span span;
	const char *text;
};

/* Adds that part of the message with the edits, which lie in it and may be in any order. What ends
 * a line becomes a space: in JSON it can only stand between two tokens. */
void splice_part(struct strbuf *to, const struct message *message, struct span part,
	const struct edit *edits, size_t n);

/* The whole message as a line. */
void splice_line(
	struct strbuf *to, const struct message *message, const struct edit *edits, size_t n);

/* The string at that place, decoded, for free(); NULL for what is no string, for one with a NUL,
 * and where memory ran out. */
char *splice_string(const struct message *message, struct span span);

/* A copy of the bytes at that place. NULL where memory ran out. */
char *splice_copy(const struct message *message, struct span span);

#endif
