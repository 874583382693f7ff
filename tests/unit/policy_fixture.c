/* SPDX-License-Identifier: Apache-2.0 */
#include "policy_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

ks_policy *new_policy(void)
{
	ks_policy *policy = NULL;

	assert_int_equal(ks_policy_new(&policy), 0);
	return policy;
}

void expect_error(int r, ks_error **error, int code, const char *field, const char *message,
	const char *remedy)
{
	assert_int_equal(r, code);
	assert_non_null(*error);
	assert_int_equal(ks_error_code(*error), code);
	assert_string_equal(ks_error_step(*error), "policy");
	assert_string_equal(ks_error_field(*error), field);
	assert_int_equal(ks_error_line(*error), 0);
	assert_int_equal(ks_error_column(*error), 0);
	if (!strstr(ks_error_message(*error), message))
		fail_msg("'%s' without '%s'", ks_error_message(*error), message);
	if (!strstr(ks_error_remedy(*error), remedy))
		fail_msg("'%s' without '%s'", ks_error_remedy(*error), remedy);
	assert_null(ks_error_next(*error));
	ks_error_free(*error);
	*error = NULL;
}
