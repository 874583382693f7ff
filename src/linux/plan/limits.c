/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of the tree by its control group, and of single processes by rlimits: as a second layer
 * where the group works, as a poor substitute where it does not. */
#include "linux/plan/parts.h"

#include <sys/resource.h>

#define MIB (1024ull * 1024)

/* The kernel takes a core limit of one byte as "never", also where cores go to a program; a limit
 * of 0 bytes would still start that program. */
#define CORE_NEVER 1

#define FILES_SOFT 1024
#define FILES_HARD 4096
#define LOCKED (8 * MIB) /* the kernel's own default */

static void add_rlimit(
	struct limits_plan *limits, int resource, const char *name, uint64_t soft, uint64_t hard)
{
	limits->rlimits[limits->n_rlimits++] = (struct rlimit_plan){
		.resource = resource, .name = name, .soft = soft, .hard = hard};
}

static void add_rlimits(struct ks_plan *plan, const struct ks_host *host, uint64_t tasks)
{
	struct limits_plan *limits = &plan->limits;
	const struct ks_policy *policy = plan->policy;
	/* One second past the budget, so that the watched budget ends the worker first. */
	uint64_t seconds = (policy->cpu_ms + 999) / 1000 + 1;

	if (policy->cpu_ms)
		add_rlimit(limits, RLIMIT_CPU, "cpu", seconds, seconds + 1);
	add_rlimit(limits, RLIMIT_CORE, "core", CORE_NEVER, CORE_NEVER);
	/* Not RLIMIT_AS: runtimes reserve many times the address space that they ever use, and node
	 * crashes under it before it has done anything. */
	if (policy->mem_mb && !host->cgroup.memory)
		add_rlimit(limits, RLIMIT_DATA, "data", policy->mem_mb * MIB, policy->mem_mb * MIB);
	/* Pid 1 of the jail is one of those counted. Without a user namespace so are all that the
	 * caller runs, unless the worker has a user of its own: then no number would be right. */
	if (!host->cgroup.tasks && (!plan->identity.on_host || plan->identity.drop))
		add_rlimit(limits, RLIMIT_NPROC, "nproc", tasks + 1, tasks + 1);
	/* What users of sound and games are given on desktops would let a worker stop the machine:
	 * the group's bandwidth does not count real-time tasks, and locked memory cannot be
	 * swapped.
	 */
	add_rlimit(limits, RLIMIT_RTPRIO, "rtprio", 0, 0);
	add_rlimit(limits, RLIMIT_NICE, "nice", 0, 0);
	add_rlimit(limits, RLIMIT_MEMLOCK, "memlock", LOCKED, LOCKED);
	/* Last: nothing may have to be opened after it. */
	add_rlimit(limits, RLIMIT_NOFILE, "nofile", FILES_SOFT, FILES_HARD);
}

void plan_limits(struct ks_plan *plan, const struct ks_host *host)
{
	const struct ks_policy *policy = plan->policy;
	const struct host_cgroup *group = &host->cgroup;
	uint64_t tasks = policy->tasks_max == KS_POLICY_UNSET ? DEFAULT_TASKS_MAX
							      : policy->tasks_max;
	uint64_t quota = policy->cpu_quota_pct == KS_POLICY_UNSET ? DEFAULT_CPU_QUOTA_PCT
								  : policy->cpu_quota_pct;

	plan->limits = (struct limits_plan){
		.memory_bytes = policy->mem_mb && group->memory ? policy->mem_mb * MIB : UINT64_MAX,
		.tasks = group->tasks ? tasks : UINT64_MAX,
		.cpu_quota_pct = group->cpu_quota ? quota : UINT64_MAX,
		.cpu_budget_usec = policy->cpu_ms ? policy->cpu_ms * 1000 : UINT64_MAX,
		.group = group->manager != CGROUP_NONE,
	};
	add_rlimits(plan, host, tasks);
}
