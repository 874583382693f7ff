/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/scan.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

bool scan_peek(const struct positions *p, size_t at, char c)
{
	return at < p->len && p->text[at] == c;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void scan_space(const struct positions *p, size_t *at)
{
	while (*at < p->len && is_space(p->text[*at]))
		++*at;
}

static bool starts(const struct positions *p, size_t at, const char *word)
{
	size_t len = strlen(word);

	return p->len - at >= len && memcmp(p->text + at, word, len) == 0;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* What its author most likely wants to do about the byte that stopped the scan. */
static const char *advise(const struct positions *p, size_t at, const char *expected)
{
	char c;

	if (at >= p->len)
		return "close every brace, bracket and quote that is open";
	c = p->text[at];
	if (strstr(expected, "after the comma"))
		return "remove the comma before it";
	if (strcmp(expected, "the end of the text") == 0)
		return "remove what follows the policy: one file holds one";
	if (c == '/' || c == '#')
		return "remove the comment: JSON has none";
	if (c == '\'')
		return "write names and strings in double quotes";
	if (strcmp(expected, "a colon and a value") == 0)
		return "put a colon between the key and its value";
	if (strstr(expected, "a comma"))
		return c == '"' || c == '{' || c == '[' || is_digit(c)
			       ? "put a comma before it"
			       : "put a comma between two entries, or close the list";
	if (c == ',')
		return "remove the comma, or write what is missing before it";
	if (is_letter(c) || (unsigned char)c >= 0x80)
		return "write names and strings in double quotes; only true, false and null go "
		       "without";
	return "write a number, a string in double quotes, a list or an object there";
}

int scan_stop(struct positions *p, size_t at, const char *expected)
{
	p->stop = at;
	p->expected = expected;
	if (!p->remedy)
		p->remedy = advise(p, at, expected);
	return -EINVAL;
}

static int stop_with(struct positions *p, size_t at, const char *expected, const char *remedy)
{
	p->remedy = remedy;
	return scan_stop(p, at, expected);
}

/* The value of four hexadecimal digits, or -1. */
static int hex4(const struct positions *p, size_t at)
{
	int value = 0;

	if (p->len - at < 4)
		return -1;
	for (size_t i = 0; i < 4; i++) {
		char c = p->text[at + i];
		int digit = is_digit(c)		   ? c - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
			    : c >= 'A' && c <= 'F' ? c - 'A' + 10
						   : -1;

		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

/* How many bytes a character of the basic plane has in UTF-8. */
static size_t utf8_width(int code)
{
	return code < 0x80 ? 1 : code < 0x800 ? 2 : 3;
}

/* What follows "\\u"; *at is at the backslash. */
static int scan_unicode(struct positions *p, size_t *at, size_t *length)
{
	size_t start = *at;
	int code = hex4(p, start + 2), low;

	if (code < 0)
		return stop_with(p, start, "an escape of JSON",
			"write exactly four hexadecimal digits after \\u");
	*at += 6;
	if (code < 0xd800 || code > 0xdfff) {
		*length += utf8_width(code);
		return 0;
	}
	if (code <= 0xdbff && starts(p, *at, "\\u")) {
		low = hex4(p, *at + 2);
		*at += 6;
		*length += 4;
		if (low >= 0xdc00 && low <= 0xdfff)
			return 0;
	}
	return stop_with(p, start, "a whole surrogate pair",
		"write the character itself, or both halves of its pair");
}

/* A backslash and what belongs to it. */
static int scan_escape(struct positions *p, size_t *at, size_t *length)
{
	if (*at + 1 >= p->len)
		return scan_stop(p, p->len, "the rest of an escape");
	if (p->text[*at + 1] == 'u')
		return scan_unicode(p, at, length);
	if (!p->text[*at + 1] || !strchr("\"\\/bfnrt", p->text[*at + 1]))
		return stop_with(p, *at, "an escape of JSON",
			"write two backslashes for one, or \\u and four hexadecimal digits");
	*at += 2;
	++*length;
	return 0;
}

int scan_string(struct positions *p, size_t *at, size_t *ret_length)
{
	size_t length = 0;

	++*at;
	while (*at < p->len) {
		unsigned char c = (unsigned char)p->text[*at];

		if (c == '"') {
			++*at;
			*ret_length = length;
			return 0;
		}
		if (c == '\n' || c == '\r')
			return stop_with(p, *at, "a closing double quote",
				"close the string before the end of its line; write \\n for a line "
				"break");
		if (c < 0x20)
			return stop_with(p, *at, "no control character in a string",
				"write it as \\u and four hexadecimal digits");
		if (c == '\\') {
			if (scan_escape(p, at, &length) < 0)
				return -EINVAL;
			continue;
		}
		++*at;
		++length;
	}
	return scan_stop(p, p->len, "a closing double quote");
}

static bool scan_digits(const struct positions *p, size_t *at)
{
	size_t start = *at;

	while (*at < p->len && is_digit(p->text[*at]))
		++*at;
	return *at > start;
}

static int scan_number(struct positions *p, size_t *at)
{
	size_t start = *at;

	if (scan_peek(p, *at, '-'))
		++*at;
	if (scan_peek(p, *at, '0'))
		++*at;
	else if (!scan_digits(p, at))
		return scan_stop(p, start, "a number");
	if (*at < p->len && is_digit(p->text[*at]))
		return stop_with(
			p, start, "a number without leading zeros", "remove the leading zeros");
	if (scan_peek(p, *at, '.')) {
		++*at;
		if (!scan_digits(p, at))
			return scan_stop(p, start, "digits behind the decimal point");
	}
	if (scan_peek(p, *at, 'e') || scan_peek(p, *at, 'E')) {
		++*at;
		if (scan_peek(p, *at, '+') || scan_peek(p, *at, '-'))
			++*at;
		if (!scan_digits(p, at))
			return scan_stop(p, start, "digits of the exponent");
	}
	/* `64M` and `0x40` are one word to their author, so that its start is what to show. */
	if (*at < p->len && is_letter(p->text[*at]))
		return stop_with(
			p, start, "a number in decimal digits", "write the number without a unit");
	return 0;
}

int scan_scalar(struct positions *p, size_t *at, size_t *ret_length)
{
	static const char *const words[] = {"true", "false", "null"};

	if (scan_peek(p, *at, '"'))
		return scan_string(p, at, ret_length);
	if (*at < p->len && (is_digit(p->text[*at]) || p->text[*at] == '-'))
		return scan_number(p, at);
	for (size_t i = 0; i < 3; i++) {
		size_t end = *at + strlen(words[i]);

		if (!starts(p, *at, words[i]) || (end < p->len && is_letter(p->text[end])))
			continue;
		*at = end;
		return 0;
	}
	return scan_stop(p, *at, "a value");
}
