/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_POLICY_FIXTURE_H
#define TESTS_POLICY_FIXTURE_H

#include <kastellan/policy.h>

/* Both fail the running test instead of returning an error. */

ks_policy *new_policy(void);

/* The call failed with that code, an error without a position and these words; frees the error. */
void expect_error(int r, ks_error **error, int code, const char *field, const char *message,
	const char *remedy);

#endif
