/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/mountinfo.h"

#include <stdlib.h>
#include <string.h>

/* Before the type of a mount, and nowhere else in its line: names are written without blanks. */
#define SEPARATOR " - "

/* A source without a name is an empty field, so exactly one blank is passed over. */
static struct span next_field(const char **cursor)
{
	struct span field = {*cursor, strcspn(*cursor, " \n")};

	*cursor += field.len;
	*cursor += **cursor == ' ';
	return field;
}

bool span_is(struct span span, const char *text)
{
	return strncmp(span.start, text, span.len) == 0 && text[span.len] == '\0';
}

/* "id parent major:minor root point options optional... - type source super-options" */
static bool parse_line(const char *line, struct mount_line *ret)
{
	struct span field;

	for (int i = 0; i < 3; i++)
		next_field(&line);
	ret->root = next_field(&line);
	ret->point = next_field(&line);
	do {
		field = next_field(&line);
	} while (field.len && !span_is(field, "-"));
	ret->type = next_field(&line);
	next_field(&line);
	ret->super = next_field(&line);
	return ret->type.len > 0;
}

bool mountinfo_next_of(
	const char **cursor, bool (*wanted)(struct span type), struct mount_line *ret_line)
{
	const char *mark;

	while ((mark = strstr(*cursor, SEPARATOR))) {
		const char *type = mark + strlen(SEPARATOR);
		const char *line = mark;
		const char *start = *cursor;

		*cursor = strchrnul(type, '\n');
		*cursor += **cursor == '\n';
		if (!wanted((struct span){type, strcspn(type, " \n")}))
			continue;
		/* A line without the mark may stand before it. */
		while (line > start && line[-1] != '\n')
			line--;
		if (parse_line(line, ret_line))
			return true;
	}
	*cursor += strlen(*cursor);
	return false;
}

static bool is_octal(const char *text)
{
	return text[0] >= '0' && text[0] <= '3' && text[1] >= '0' && text[1] <= '7' &&
	       text[2] >= '0' && text[2] <= '7';
}

char *mountinfo_path(struct span field)
{
	char *text = malloc(field.len + 1);
	size_t out = 0;

	if (!text)
		return NULL;
	for (size_t i = 0; i < field.len; i++) {
		const char *at = field.start + i;

		if (*at == '\\' && i + 3 < field.len && is_octal(at + 1)) {
			text[out++] = (char)((at[1] - '0') * 64 + (at[2] - '0') * 8 +
					     (at[3] - '0'));
			i += 3;
		} else {
			text[out++] = *at;
		}
	}
	text[out] = '\0';
	return text;
}
