/* SPDX-License-Identifier: Apache-2.0 */
#include "macos/plan/proxy.h"

#include "base/error.h"
#include "macos/plan/seatbelt.h"
#include "policy/policy.h"
#include "resolve/host.h"

/* Nobody may write there, whatever a profile says. */
#define NO_PLACE "/private/var/empty"

static int plan_it(const char *program, struct ks_policy *policy, const struct ks_host *host,
	struct strv *ret_argv, ks_error **reterr)
{
	const char *const argv[] = {program, NULL};
	const struct plan_request request = {.policy = policy, .host = host, .argv = argv};
	const struct seatbelt_late late = {.program = program, .temporary = NO_PLACE};
	struct grants grants = {0};
	struct ks_plan *plan = NULL;
	int r;

	policy->net = KS_NET_PROXY_EGRESS;
	policy->cpu_ms = policy->mem_mb = 0;
	policy->tasks_max = 1;
	r = plan_seatbelt(&request, &grants, &plan, reterr);
	if (r == 0 && seatbelt_command(plan, &late, ret_argv) < 0)
		r = error_oom(reterr);
	plan_free(plan);
	grants_done(&grants);
	return r;
}

int proxy_command(const char *program, struct strv *ret_argv, ks_error **reterr)
{
	struct ks_host *host = host_new();
	ks_policy *policy = NULL;
	int r = host && ks_policy_new(&policy) == 0
			? plan_it(program, policy, host, ret_argv, reterr)
			: error_oom(reterr);

	ks_policy_free(policy);
	host_free(host);
	return r;
}
