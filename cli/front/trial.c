/* SPDX-License-Identifier: Apache-2.0 */
/* Whether this jansson can be linked: see meson.build. */
#include "fortify.c"

#include <jansson.h>

int main(void)
{
	json_error_t error;
	json_t *value = json_loads("{\"a\": [1, 2.5, \"x\"]}", 0, &error);
	char *text = json_dumps(value, 0);

	return !text || strcmp(text, "{\"a\": [1, 2.5, \"x\"]}") != 0;
}
