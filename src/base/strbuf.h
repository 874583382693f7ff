/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer with a ceiling and a sticky error: append without checking, look once at
 * the end. The bytes are always NUL-terminated, so that text can be used as it is. */
#ifndef KS_BASE_STRBUF_H
#define KS_BASE_STRBUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct strbuf {
	char *data;
	size_t len;
	size_t room;
	size_t ceiling;
	int error; /* 0, or the first -errno: -ENOMEM, -E2BIG past the ceiling */
};

/* Pass one of the ceilings of bounds.h. */
void strbuf_init(struct strbuf *buf, size_t ceiling);
void strbuf_done(struct strbuf *buf);

void strbuf_add(struct strbuf *buf, const void *bytes, size_t len);
void strbuf_puts(struct strbuf *buf, const char *text);
void strbuf_putc(struct strbuf *buf, char c);
void strbuf_addf(struct strbuf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void strbuf_vaddf(struct strbuf *buf, const char *format, va_list args);

/* Hands the text to the caller (free with free()) and resets the buffer. Returns 0, or the sticky
 * error with *ret_text untouched. ret_len may be NULL. */
int strbuf_take(struct strbuf *buf, char **ret_text, size_t *ret_len);

#define autostrbuf __attribute__((cleanup(strbuf_done)))

#endif
