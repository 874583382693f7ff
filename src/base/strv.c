/* SPDX-License-Identifier: Apache-2.0 */
#include "base/strv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int strv_take(struct strv *list, char *text)
{
	char **items = text ? realloc(list->items, (list->len + 2) * sizeof(*items)) : NULL;

	if (!items) {
		free(text);
		return -ENOMEM;
	}
	list->items = items;
	items[list->len++] = text;
	items[list->len] = NULL;
	return 0;
}

int strv_add(struct strv *list, const char *text)
{
	return strv_take(list, strdup(text));
}

int strv_addf(struct strv *list, const char *format, ...)
{
	char *text = NULL;
	va_list args;
	int len;

	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	return strv_take(list, len < 0 ? NULL : text);
}

void strv_done(struct strv *list)
{
	for (size_t i = 0; i < list->len; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct strv){0};
}
