/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/quote.h"

#include <string.h>

#include "base/utf8.h"

static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
			    "_@%+=:,./-";

static void quote_single(struct strbuf *out, const char *text)
{
	strbuf_putc(out, '\'');
	for (; *text; text++) {
		if (*text == '\'')
			strbuf_puts(out, "'\\''");
		else
			strbuf_putc(out, *text);
	}
	strbuf_putc(out, '\'');
}

/* One character, of len bytes, or one byte that is none (0). */
static void quote_character(struct strbuf *out, const char *text, size_t len)
{
	if (len == 0 || utf8_find_control(text, len) < len) {
		for (size_t i = 0; i < (len ? len : 1); i++)
			strbuf_addf(out, "\\x%02x", (unsigned char)text[i]);
		return;
	}
	if (*text == '\'' || *text == '\\')
		strbuf_putc(out, '\\');
	strbuf_add(out, text, len);
}

static void quote_escaped(struct strbuf *out, const char *text)
{
	size_t left = strlen(text);

	strbuf_puts(out, "$'");
	while (left) {
		size_t len = utf8_step(text, left);

		quote_character(out, text, len);
		text += len ? len : 1;
		left -= len ? len : 1;
	}
	strbuf_putc(out, '\'');
}

void quote_shell(struct strbuf *out, const char *text)
{
	size_t len = strlen(text);

	if (len && strspn(text, plain) == len)
		strbuf_puts(out, text);
	else if (utf8_prefix(text, len) == len && utf8_find_control(text, len) == len)
		quote_single(out, text);
	else
		quote_escaped(out, text);
}
