/* SPDX-License-Identifier: Apache-2.0 */
/* A distribution's libjansson.a is compiled with checks of glibc's that musl does not have. */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int __snprintf_chk(char *text, size_t room, int flag, size_t size, const char *format, ...);
int __vsnprintf_chk(
	char *text, size_t room, int flag, size_t size, const char *format, va_list arguments);
char *__strncpy_chk(char *to, const char *from, size_t len, size_t size);

int __vsnprintf_chk(
	char *text, size_t room, int flag, size_t size, const char *format, va_list arguments)
{
	(void)flag;
	if (room > size)
		abort();
	return vsnprintf(text, room, format, arguments);
}

int __snprintf_chk(char *text, size_t room, int flag, size_t size, const char *format, ...)
{
	va_list arguments;
	int r;

	va_start(arguments, format);
	r = __vsnprintf_chk(text, room, flag, size, format, arguments);
	va_end(arguments);
	return r;
}

char *__strncpy_chk(char *to, const char *from, size_t len, size_t size)
{
	if (len > size)
		abort();
	return memset(to, 0, len), memcpy(to, from, strnlen(from, len));
}
