/* SPDX-License-Identifier: Apache-2.0 */
/* A policy that is taken is written in one form, which reads as the same policy; and the proxy
 * takes every endpoint that the policy took. */
#include "fuzz.h"

#include <kastellan/policy.h>

#include "egress/rules.h"

static void check_endpoints(const ks_policy *policy)
{
	struct rules rules = {0};
	enum host_fault fault;
	const char *text;

	for (size_t i = 0; (text = ks_policy_endpoint(policy, i)); i++) {
		HOLDS(rules_add(&rules, text, strlen(text), &fault) == 0);
		HOLDS(strcmp(rules.items[i].text, text) == 0);
	}
	rules_done(&rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	ks_policy *policy = NULL, *again = NULL;
	char *text = NULL, *text_again = NULL;
	ks_error *error = NULL;

	if (ks_policy_parse((const char *)bytes, len, "fuzz", &policy, &error) < 0) {
		HOLDS(!policy && error && ks_error_message(error)[0]);
		ks_error_free(error);
		return 0;
	}
	HOLDS(policy && !error);
	HOLDS(ks_policy_write(policy, &text) == 0);
	HOLDS(ks_policy_parse(text, strlen(text), "written", &again, &error) == 0);
	HOLDS(ks_policy_write(again, &text_again) == 0);
	HOLDS(strcmp(text, text_again) == 0);
	check_endpoints(policy);
	free(text);
	free(text_again);
	ks_policy_free(policy);
	ks_policy_free(again);
	return 0;
}
