/* SPDX-License-Identifier: Apache-2.0 */
/* The schema that is shipped is the one that the table makes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <kastellan/policy.h>

#include "base/cleanup.h"

#define ROOM (256 * 1024)

static void shipped_schema_is_current(void **state)
{
	const char *source = getenv("KASTELLAN_SOURCE");
	autofree char *shipped = calloc(1, ROOM), *made = NULL;
	autofile FILE *file = NULL;
	char path[1024];

	(void)state;
	assert_non_null(shipped);
	snprintf(
		path, sizeof(path), "%s/share/kastellan/policy.schema.json", source ? source : ".");
	file = fopen(path, "re");
	if (!file)
		fail_msg("cannot open %s", path);
	assert_true(fread(shipped, 1, ROOM - 1, file) > 0);
	assert_int_equal(ks_policy_schema(&made), 0);
	if (strcmp(shipped, made) != 0)
		fail_msg(
			"%s is not current: run `kastellan schema` and put its output there", path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shipped_schema_is_current),
	};

	return cmocka_run_group_tests_name("policy-schema", tests, NULL, NULL);
}
