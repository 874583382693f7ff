/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/splice.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static void put_flat(struct strbuf *to, const char *text, size_t len)
{
	while (len) {
		size_t plain = 0;

		while (plain < len && text[plain] != '\n' && text[plain] != '\r')
			plain++;
		strbuf_add(to, text, plain);
		if (plain < len) {
			strbuf_putc(to, ' ');
			plain++;
		}
		text += plain;
		len -= plain;
	}
}

/* The first edit that begins at that place or behind it. */
static const struct edit *next_edit(size_t at, const struct edit *edits, size_t n)
{
	const struct edit *next = NULL;

	for (size_t i = 0; i < n; i++)
		if (edits[i].span.at >= at && (!next || edits[i].span.at < next->span.at))
			next = &edits[i];
	return next;
}

void splice_part(struct strbuf *to, const struct message *message, struct span part,
	const struct edit *edits, size_t n)
{
	const struct edit *edit;
	size_t at = part.at;

	for (size_t from = at; (edit = next_edit(from, edits, n)); from = edit->span.at + 1) {
		put_flat(to, message->text + at, edit->span.at - at);
		strbuf_puts(to, edit->text);
		at = edit->span.end;
	}
	put_flat(to, message->text + at, part.end - at);
}

void splice_line(
	struct strbuf *to, const struct message *message, const struct edit *edits, size_t n)
{
	splice_part(to, message, (struct span){0, message->len}, edits, n);
	strbuf_putc(to, '\n');
}

char *splice_string(const struct message *message, struct span span)
{
	json_t *json = json_loadb(
		message->text + span.at, span.end - span.at, JSON_DECODE_ANY, NULL);
	char *text = json_is_string(json) ? strdup(json_string_value(json)) : NULL;

	json_decref(json);
	return text;
}

char *splice_copy(const struct message *message, struct span span)
{
	return strndup(message->text + span.at, span.end - span.at);
}
