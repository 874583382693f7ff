/* SPDX-License-Identifier: Apache-2.0 */
/* Whether this jansson can be linked, every object file of it: see meson.build. */
#include "fortify.c"

#include <jansson.h>

int main(void)
{
	json_error_t error;
	json_t *read = json_loads("{\"a\": [1, 2.5, \"x\"]}", 0, &error);
	json_t *value = json_pack("{s:O}", "b", json_object_get(read, "a"));
	char *text = json_dumps(value, 0);

	return !text || strcmp(text, "{\"b\": [1, 2.5, \"x\"]}") != 0;
}
