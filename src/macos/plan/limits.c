/* SPDX-License-Identifier: Apache-2.0 */
/* Limits under Seatbelt. There is no control group: a supervisor looks at the tree again and again,
 * and the limits of single processes stand behind it. */
#include <sys/resource.h>

#include "macos/plan/parts.h"

#define MIB (1024ull * 1024)
#define FILES_SOFT 1024
#define FILES_HARD 4096
#define LOCKED (8 * MIB)

static void add_rlimit(
	struct limits_plan *limits, int resource, const char *name, uint64_t soft, uint64_t hard)
{
	limits->rlimits[limits->n_rlimits++] = (struct rlimit_plan){
		.resource = resource, .name = name, .soft = soft, .hard = hard};
}

/* Not RLIMIT_AS, which the loader's reservations exceed at once; not RLIMIT_NPROC, which counts all
 * that the user runs. */
void seatbelt_limits(struct ks_plan *plan)
{
	const struct ks_policy *policy = plan->policy;
	struct limits_plan *limits = &plan->limits;
	/* Past the watched budget: one process alone, which the watching has missed. */
	uint64_t seconds = (policy->cpu_ms + 999) / 1000 + 1;

	*limits = (struct limits_plan){
		.memory_bytes = policy->mem_mb ? policy->mem_mb * MIB : UINT64_MAX,
		.tasks = policy->tasks_max == KS_POLICY_UNSET ? MACOS_TASKS_MAX : policy->tasks_max,
		.cpu_quota_pct = policy->cpu_quota_pct == KS_POLICY_UNSET ? MACOS_CPU_QUOTA_PCT
									  : policy->cpu_quota_pct,
		.cpu_budget_usec = policy->cpu_ms ? policy->cpu_ms * 1000 : UINT64_MAX,
	};
	if (policy->cpu_ms)
		add_rlimit(limits, RLIMIT_CPU, "cpu", seconds, seconds + 1);
	add_rlimit(limits, RLIMIT_CORE, "core", 0, 0);
	add_rlimit(limits, RLIMIT_MEMLOCK, "memlock", LOCKED, LOCKED);
	add_rlimit(limits, RLIMIT_NOFILE, "nofile", FILES_SOFT, FILES_HARD);
}
