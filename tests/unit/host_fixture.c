/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "host_fixture.h"

#define TEXT_MAX 65536

struct ks_host *load(const char *name)
{
	struct ks_host *host = NULL;
	ks_error *error = NULL;
	char path[4096];
	char *text = malloc(TEXT_MAX);
	size_t len;
	FILE *file;

	snprintf(path, sizeof(path), "%s/tests/golden/host-%s.json", getenv("KASTELLAN_SOURCE"),
		name);
	file = fopen(path, "re");
	assert_non_null(file);
	len = fread(text, 1, TEXT_MAX, file);
	fclose(file);
	if (host_read_json(text, len, &host, &error) < 0)
		fail_msg("%s: %s", name, ks_error_message(error));
	free(text);
	return host;
}

void contains(const char *text, const char *words)
{
	if (!words)
		assert_null(text);
	else if (!text || !strstr(text, words))
		fail_msg("\"%s\" is not in: %s", words, text ? text : "(nothing)");
}
