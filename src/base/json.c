/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"
#include "base/strbuf.h"
#include "base/utf8.h"

/* jansson takes the value also where it refuses it, but not where there is no object. */
json_t *json_with(json_t *object, const char *key, json_t *value)
{
	if (!object)
		json_decref(value);
	else if (json_object_set_new(object, key, value) == 0)
		return object;
	json_decref(object);
	return NULL;
}

json_t *json_and(json_t *array, json_t *value)
{
	if (!array)
		json_decref(value);
	else if (json_array_append_new(array, value) == 0)
		return array;
	json_decref(array);
	return NULL;
}

json_t *json_text(const char *bytes)
{
	size_t left = strlen(bytes);
	autostrbuf struct strbuf valid;
	json_t *json = NULL;

	strbuf_init(&valid, KS_MAX_TEXT);
	while (left) {
		size_t good = utf8_prefix(bytes, left);

		strbuf_add(&valid, bytes, good);
		if (good < left) {
			strbuf_puts(&valid, "\xef\xbf\xbd");
			good++;
		}
		bytes += good;
		left -= good;
	}
	if (!valid.error)
		json = json_stringn(valid.data ? valid.data : "", valid.len);
	return json;
}

json_t *json_text_or_null(const char *bytes)
{
	return bytes ? json_text(bytes) : json_null();
}

char *json_write(const json_t *json, size_t flags)
{
	/* Counted first, and then written into room that need not grow. */
	size_t size = json_dumpb(json, NULL, 0, flags);
	char *text = size ? malloc(size + 1) : NULL;

	if (!text)
		return NULL;
	if (json_dumpb(json, text, size, flags) != size) {
		free(text);
		return NULL;
	}
	text[size] = '\0';
	return text;
}

int json_page(json_t *json, char **ret_text)
{
	char *text = json_write(json, JSON_INDENT(2));
	char *page = NULL;

	json_decref(json);
	if (text && asprintf(&page, "%s\n", text) < 0)
		page = NULL;
	free(text);
	if (!page)
		return -ENOMEM;
	*ret_text = page;
	return 0;
}
