/* SPDX-License-Identifier: Apache-2.0 */
/* Fails the n-th allocation, for every n, of reading a manifest, good and bad, and of writing its
 * schema: a clean error, no half-made object, nothing leaked (which the sanitizer and valgrind
 * see). fail_alloc.c does it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fail_alloc.h"
#include "workers/tools.h"

static const char good[] =
	"{\"$schema\": \"x\", \"tools\": {\"a\": {\"arguments\": [\"x\", \"y\"], \"program\": "
	"\"p\","
	"\"working_directory\": \"/srv\", \"container_image\": \"i\","
	"\"policy\": {\"fs_read\": [\"/srv\"], \"env\": {\"A\": \"b\"}},"
	"\"lifecycle\": {\"IdleTimeout\": {\"idle_seconds\": 1}}}, \"b\": {\"program\": \"q\"}}}";
static const char bad[] =
	"{\"tools\": {\"a\": {\"program\": 1, \"policy\": {\"mem_mb\": -1}, \"x\": 1,"
	"\"sandbox_backend\": \"x\"}, \"b\": {\"policy\": \"/nonexistent\"}}}";

static ks_tools *whole; /* what good is while nothing fails */

static int parse(const char *text)
{
	ks_tools *tools = NULL;
	ks_error *error = NULL;
	int r = ks_tools_parse(text, strlen(text), "tools.json", &tools, &error);

	assert_true((r == 0) == (tools != NULL));
	assert_true(r < 0 || !error);
	countdown = 0;
	if (r == 0 && whole)
		assert_int_equal(tool_same(&tools->tools[0], &whole->tools[0]), 1);
	ks_error_free(error);
	ks_tools_free(tools);
	return r;
}

static int read_good(void)
{
	return parse(good);
}

static int read_bad(void)
{
	return parse(bad);
}

static char *schema; /* as it is while nothing fails */

static int write_schema(void)
{
	char *text = NULL;
	int r = ks_tools_schema(&text);

	assert_true((r == 0) == (text != NULL));
	if (r == 0 && schema)
		assert_string_equal(text, schema);
	free(text);
	return r;
}

static void fail_each(int (*act)(void), int wanted)
{
	unsigned n = 0;

	do {
		int r;

		failed = false;
		countdown = ++n;
		r = act();
		countdown = 0;
		/* jansson may do without an allocation that failed; a bad text stays bad. */
		if (r != -ENOMEM && r != wanted)
			fail_msg("allocation %u: %d", n, r);
	} while (failed);
	assert_true(n > 20);
}

static void every_failure_is_clean(void **state)
{
	(void)state;
	assert_int_equal(ks_tools_parse(good, strlen(good), "tools.json", &whole, NULL), 0);
	fail_each(read_good, 0);
	ks_tools_free(whole);
	whole = NULL;
	fail_each(read_bad, -EINVAL);
	assert_int_equal(ks_tools_schema(&schema), 0);
	fail_each(write_schema, 0);
	free(schema);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_failure_is_clean),
	};

	return cmocka_run_group_tests_name("tools-oom", tests, NULL, NULL);
}
