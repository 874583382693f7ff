/* SPDX-License-Identifier: Apache-2.0 */
#include "macos/plan/fold.h"

#include <string.h>

/* Characters outside ASCII that fold, or decompose, to one of ASCII (Unicode, CaseFolding.txt and
 * UnicodeData.txt), as bytes of UTF-8. */
static const struct {
	char letter;
	const char *others;
} lookalikes[] = {
	{'k', "|\xe2\x84\xaa"}, /* U+212A, the sign of the kelvin */
	{'s', "|\xc5\xbf"}, /* U+017F, the long s */
	{';', "|\xcd\xbe"}, /* U+037E, the Greek question mark */
	{'`', "|\xe1\xbf\xaf"}, /* U+1FEF, the Greek varia */
};

/* One character that folds to several of ASCII. */
static const struct {
	const char *letters;
	const char *ligature;
} ligatures[] = {
	{"ss", "\xc3\x9f"}, /* U+00DF */
	{"ss", "\xe1\xba\x9e"}, /* U+1E9E */
	{"ff", "\xef\xac\x80"}, /* U+FB00 and the following */
	{"fi", "\xef\xac\x81"},
	{"fl", "\xef\xac\x82"},
	{"ffi", "\xef\xac\x83"},
	{"ffl", "\xef\xac\x84"},
	{"st", "\xef\xac\x85"},
	{"st", "\xef\xac\x86"},
};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* Not those of the C library: its user's locale has no say here. */
static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

bool fold_known(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text >= 0x80)
			return false;
	return true;
}

static void add_plain(struct strbuf *out, char c)
{
	if (strchr("\\.[](){}*+?^$|", c))
		strbuf_putc(out, '\\');
	strbuf_putc(out, c);
}

static bool starts_with(const char *text, const char *letters)
{
	for (; *letters; text++, letters++)
		if (lower(*text) != *letters)
			return false;
	return true;
}

/* Appends the ligatures that begin at `at` as alternatives: each is matched by its first letter's
 * place, and the places of the others are then empty. Returns whether this is such another. */
static bool add_ligatures(struct strbuf *out, const char *text, size_t at)
{
	bool later = false;

	for (size_t i = 0; i < COUNT(ligatures); i++) {
		size_t len = strlen(ligatures[i].letters);

		if (starts_with(text + at, ligatures[i].letters))
			strbuf_addf(out, "|%s", ligatures[i].ligature);
		for (size_t back = 1; back < len && back <= at; back++)
			later |= starts_with(text + at - back, ligatures[i].letters);
	}
	return later;
}

static void add_character(struct strbuf *out, const char *text, size_t at)
{
	char c = lower(text[at]);

	strbuf_putc(out, '(');
	add_plain(out, c);
	if (is_letter(c))
		strbuf_addf(out, "|%c", upper(c));
	for (size_t i = 0; i < COUNT(lookalikes); i++)
		if (lookalikes[i].letter == c)
			strbuf_puts(out, lookalikes[i].others);
	strbuf_puts(out, add_ligatures(out, text, at) ? ")?" : ")");
}

void fold_every_case(struct strbuf *out, const char *text)
{
	for (size_t at = 0; text[at]; at++) {
		char c = text[at];

		if (strchr("fiklst;`", lower(c)))
			add_character(out, text, at);
		else if (is_letter(c))
			strbuf_addf(out, "[%c%c]", lower(c), upper(c));
		else
			add_plain(out, c);
	}
}

void fold_exact(struct strbuf *out, const char *text)
{
	for (; *text; text++)
		add_plain(out, *text);
}
