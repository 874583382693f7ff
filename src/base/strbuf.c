/* SPDX-License-Identifier: Apache-2.0 */
#include "base/strbuf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void strbuf_init(struct strbuf *buf, size_t ceiling)
{
	*buf = (struct strbuf){.ceiling = ceiling};
}

void strbuf_done(struct strbuf *buf)
{
	free(buf->data);
	*buf = (struct strbuf){.ceiling = buf->ceiling};
}

static int strbuf_reserve(struct strbuf *buf, size_t more)
{
	size_t room = buf->room ? buf->room : 128;
	char *data;

	if (buf->error)
		return buf->error;
	if (more > buf->ceiling - buf->len)
		return buf->error = -E2BIG;
	while (room < buf->len + more + 1)
		room *= 2;
	if (room == buf->room)
		return 0;
	data = realloc(buf->data, room);
	if (!data)
		return buf->error = -ENOMEM;
	buf->data = data;
	buf->room = room;
	return 0;
}

void strbuf_add(struct strbuf *buf, const void *bytes, size_t len)
{
	if (strbuf_reserve(buf, len) < 0)
		return;
	if (len)
		memcpy(buf->data + buf->len, bytes, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

void strbuf_puts(struct strbuf *buf, const char *text)
{
	strbuf_add(buf, text, strlen(text));
}

void strbuf_putc(struct strbuf *buf, char c)
{
	strbuf_add(buf, &c, 1);
}

void strbuf_vaddf(struct strbuf *buf, const char *format, va_list args)
{
	va_list again;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, args);
	if (len < 0)
		buf->error = buf->error ? buf->error : -EINVAL;
	else if (strbuf_reserve(buf, (size_t)len) == 0) {
		vsnprintf(buf->data + buf->len, (size_t)len + 1, format, again);
		buf->len += (size_t)len;
	}
	va_end(again);
}

void strbuf_addf(struct strbuf *buf, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	strbuf_vaddf(buf, format, args);
	va_end(args);
}

int strbuf_take(struct strbuf *buf, char **ret_text, size_t *ret_len)
{
	if (strbuf_reserve(buf, 0) < 0)
		return buf->error;
	buf->data[buf->len] = '\0';
	if (ret_len)
		*ret_len = buf->len;
	*ret_text = buf->data;
	buf->data = NULL;
	strbuf_done(buf);
	return 0;
}
