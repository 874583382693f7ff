/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/say.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

#define QUOTE_MAX 100 /* bytes of a quotation before it is cut */
#define WORD_MAX 32 /* longer words are not compared with a choice */

struct phrase phrase(const char *format, ...)
{
	struct phrase out;
	va_list args;

	va_start(args, format);
	vsnprintf(out.text, sizeof(out.text), format, args);
	va_end(args);
	return out;
}

/* The form in which one character of len bytes is shown; step is 0 for a byte that is no UTF-8. */
static size_t show_char(char *room, const char *bytes, size_t step, bool escape)
{
	unsigned char c = (unsigned char)bytes[0];

	if (step == 0)
		return (size_t)snprintf(room, 8, "\\x%02x", c);
	if (utf8_find_control(bytes, step) < step)
		return (size_t)snprintf(
			room, 8, "\\u%04x", step == 1 ? c : (unsigned)(unsigned char)bytes[1]);
	if (escape && (c == '"' || c == '\\'))
		return (size_t)snprintf(room, 8, "\\%c", c);
	memcpy(room, bytes, step);
	room[step] = '\0';
	return step;
}

static struct phrase show(const char *bytes, size_t len, const char *mark)
{
	struct phrase out = {""};
	size_t used = (size_t)snprintf(out.text, sizeof(out.text), "%s", mark);
	const char *tail = "";

	for (size_t at = 0; at < len;) {
		size_t step = utf8_step(bytes + at, len - at);
		char room[8];
		size_t width = show_char(room, bytes + at, step, *mark);

		if (used + width > QUOTE_MAX) {
			tail = "…";
			break;
		}
		memcpy(out.text + used, room, width);
		used += width;
		at += step ? step : 1;
	}
	snprintf(out.text + used, sizeof(out.text) - used, "%s%s", tail, mark);
	return out;
}

struct phrase quoted(const char *bytes, size_t len)
{
	return show(bytes, len, "\"");
}

struct phrase as_written(const char *bytes, size_t len)
{
	return show(bytes, len, "");
}

/* Lower case, without separators, so that memMb and mem-mb are as good as mem_mb. */
static size_t reduce(const char *word, size_t len, char *room)
{
	size_t used = 0;

	for (size_t i = 0; i < len && used < WORD_MAX; i++) {
		char c = word[i];

		if (c == '_' || c == '-' || c == '.' || c == ' ')
			continue;
		room[used++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	return used;
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/* Levenshtein's distance, one row at a time. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t row[WORD_MAX + 1];

	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t above = row[j];

			row[j] = min3(above + 1, row[j - 1] + 1, corner + (a[i - 1] != b[j - 1]));
			corner = above;
		}
	}
	return row[b_len];
}

int closest_choice(const char *word, size_t len, const char *const *choices, size_t n_choices)
{
	char given[WORD_MAX], known[WORD_MAX];
	size_t given_len, best = 3; /* three edits away is another word */
	int found = -1;

	if (len > WORD_MAX)
		return -1;
	given_len = reduce(word, len, given);
	for (size_t i = 0; i < n_choices; i++) {
		size_t known_len = reduce(choices[i], strlen(choices[i]), known);
		size_t edits = distance(given, given_len, known, known_len);

		if (edits < best && edits <= known_len / 2 && edits < given_len) {
			best = edits;
			found = (int)i;
		}
	}
	return found;
}
