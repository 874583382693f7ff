/* SPDX-License-Identifier: Apache-2.0 */
/* What a plan shows of an argument is what a shell would take for it, and has no byte that a
 * terminal would obey. The shell's side is written anew here. */
#include "fuzz.h"

#include "base/utf8.h"
#include "plan/quote.h"

static int hex(char digit)
{
	HOLDS((digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f'));
	return digit <= '9' ? digit - '0' : digit - 'a' + 10;
}

/* $'...' up to its end; returns what follows. */
static const char *take_escaped(const char *text, char **out)
{
	while (*text != '\'') {
		HOLDS(*text);
		if (text[0] == '\\' && text[1] == 'x') {
			*(*out)++ = (char)(hex(text[2]) << 4 | hex(text[3]));
			text += 4;
		} else if (*text == '\\') {
			HOLDS(text[1] == '\\' || text[1] == '\'');
			*(*out)++ = text[1];
			text += 2;
		} else {
			*(*out)++ = *text++;
		}
	}
	return text + 1;
}

static void unquote(const char *text, char *out)
{
	HOLDS(*text);
	while (*text) {
		if (text[0] == '$' && text[1] == '\'') {
			text = take_escaped(text + 2, &out);
		} else if (*text == '\'') {
			for (text++; *text != '\''; text++) {
				HOLDS(*text);
				*out++ = *text;
			}
			text++;
		} else if (*text == '\\') {
			*out++ = text[1];
			text += 2;
		} else {
			/* Bare, so it has to be a byte that no shell takes for anything else. */
			HOLDS(strchr("_@%+=:,./-", *text) || (*text >= '0' && *text <= '9') ||
				(*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z'));
			*out++ = *text++;
		}
	}
	*out = '\0';
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct strbuf quoted;
	char *text = malloc(len + 1), *back, *shown = NULL;

	HOLDS(text);
	if (len)
		memcpy(text, bytes, len);
	text[len] = '\0';
	strbuf_init(&quoted, (size_t)1 << 20);
	quote_shell(&quoted, text);
	HOLDS(strbuf_take(&quoted, &shown, NULL) == 0);
	HOLDS(utf8_prefix(shown, strlen(shown)) == strlen(shown));
	HOLDS(utf8_find_control(shown, strlen(shown)) == strlen(shown));
	back = malloc(strlen(shown) + 1);
	HOLDS(back);
	unquote(shown, back);
	HOLDS(strcmp(back, text) == 0);
	free(text);
	free(back);
	free(shown);
	return 0;
}
