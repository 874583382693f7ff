/* SPDX-License-Identifier: Apache-2.0 */
#include "workers/lines.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/bounds.h"
#include "base/utf8.h"

void lines_init(struct lines *lines, size_t max)
{
	*lines = (struct lines){.max = max};
	strbuf_init(&lines->pending, KS_MAX_TEXT);
}

void lines_done(struct lines *lines)
{
	strbuf_done(&lines->pending);
}

/* Brackets are counted and not matched: the parser says what is JSON, this only keeps a message
 * from choosing how deep its recursion goes. */
static bool too_deep(const char *text, size_t len)
{
	bool in_string = false;
	size_t depth = 0;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string && (c == '[' || c == '{') && ++depth > KS_MAX_MESSAGE_DEPTH)
			return true;
		else if (!in_string && (c == ']' || c == '}') && depth > 0)
			depth--;
	}
	return false;
}

static int check_line(const char *text, size_t len)
{
	if (memchr(text, '\0', len))
		return -EBADMSG;
	if (utf8_prefix(text, len) != len)
		return -EILSEQ;
	return len > KS_MAX_MESSAGE_DEPTH && too_deep(text, len) ? -ELOOP : 0;
}

/* Looks before it keeps: a carriage return may yet turn out to belong to the end of the line. */
static int keep(struct lines *lines, const char *bytes, size_t len)
{
	struct strbuf *pending = &lines->pending;
	bool cr;

	if (!len)
		return 0;
	cr = bytes[len - 1] == '\r';
	if (len > lines->max + 1 || pending->len + len - cr > lines->max)
		return -E2BIG;
	strbuf_add(pending, bytes, len);
	return pending->error;
}

static void forget(struct lines *lines)
{
	lines->pending.len = 0;
	lines->ready = 0;
}

/* The line is whole: 1 to hand it out, 0 for an empty one. */
static int finish(struct lines *lines)
{
	struct strbuf *pending = &lines->pending;
	int r;

	if (pending->len > 0 && pending->data[pending->len - 1] == '\r')
		pending->data[--pending->len] = '\0';
	if (!pending->len)
		return 0;
	r = check_line(pending->data, pending->len);
	return r < 0 ? r : 1;
}

int lines_next(struct lines *lines, const char *bytes, size_t len, size_t *ret_used,
	const char **ret_line, size_t *ret_len)
{
	size_t at = 0;

	if (lines->error)
		return lines->error;
	if (lines->ready)
		forget(lines);
	while (at < len) {
		const char *end = memchr(bytes + at, '\n', len - at);
		size_t part = end ? (size_t)(end - bytes) - at : len - at;
		int r = keep(lines, bytes + at, part);

		at += part + (end ? 1 : 0);
		if (r == 0 && end)
			r = finish(lines);
		if (r < 0)
			return lines->error = r;
		if (r == 1) {
			lines->ready = 1;
			*ret_used = at;
			*ret_line = lines->pending.data;
			*ret_len = lines->pending.len;
			return 1;
		}
	}
	*ret_used = at;
	return 0;
}

int lines_end(const struct lines *lines)
{
	if (lines->error)
		return lines->error;
	return lines->pending.len > 0 && !lines->ready ? -EPIPE : 0;
}
