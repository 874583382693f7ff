/* SPDX-License-Identifier: Apache-2.0 */
/* What holds of memory, tasks and CPU: the control group, or what rlimits make up for. */
#include "linux/plan/parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/cleanup.h"
#include "plan/receipt.h"
#include "plan/receipt_row.h"
#include "resolve/why_not.h"

static const char *manager_text(const struct host_cgroup *group)
{
	switch (group->manager) {
	case CGROUP_V1:
		return "cgroup v1";
	case CGROUP_V2:
		return "cgroup v2";
	case CGROUP_SCOPE:
		return group->scope_system ? "systemd scope" : "systemd user scope";
	case CGROUP_NONE:
		break;
	}
	return "no cgroup";
}

/* Short: what was attempted, and where it failed, is the doctor's to tell. */
static const char *cgroup_reason(const struct host_cgroup *group)
{
	if (group->manager == CGROUP_NONE)
		return "this caller can make no control group (kastellan doctor tells why)";
	return group->reason ? group->reason : "the control group lacks this controller";
}

static int say(struct ks_plan *plan, enum policy_field field, const struct receipt_says *says,
	bool complete)
{
	return complete ? receipt_say(&plan->receipt, field, says) : -ENOMEM;
}

static int say_nothing(struct ks_plan *plan, enum policy_field field)
{
	return receipt_say(&plan->receipt, field,
		SAYS(.nothing_asked = true, .verdict = RECEIPT_HELD, .request = "no limit",
			.mechanism = "none"));
}

static uint64_t rlimit_soft(const struct ks_plan *plan, int resource)
{
	for (size_t i = 0; i < plan->limits.n_rlimits; i++)
		if (plan->limits.rlimits[i].resource == resource)
			return plan->limits.rlimits[i].soft;
	return UINT64_MAX;
}

static int say_memory(struct ks_plan *plan, const struct host_cgroup *group, bool bounded,
	const struct why_not *why)
{
	uint64_t mem = plan->policy->mem_mb;
	autofree char *request = receipt_format("%" PRIu64 " MiB", mem);
	autofree char *mechanism = NULL;
	autofree char *detail = NULL;

	if (mem == 0)
		return say_nothing(plan, FIELD_MEM_MB);
	if (!group->memory) {
		mechanism = receipt_format("RLIMIT_DATA %" PRIu64 " MiB", mem);
		detail = receipt_format(
			"%s" RECEIPT_SO
			"the private writable memory of each process is limited, not "
			"the memory of all together; shared memory, and files in /tmp and "
			"/dev/shm, come on top%s",
			cgroup_reason(group), bounded ? ", at most half of it each" : "");
		return say(plan, FIELD_MEM_MB,
			SAYS(.verdict = RECEIPT_DEGRADED, .request = request,
				.mechanism = mechanism, .detail = detail, .remedy = why->remedy),
			request && mechanism && detail);
	}
	mechanism = receipt_format(
		"%s: memory%s", manager_text(group), group->swap ? " and swap" : "");
	if (group->swap)
		return say(plan, FIELD_MEM_MB,
			SAYS(.verdict = RECEIPT_HELD, .request = request, .mechanism = mechanism),
			request && mechanism);
	return say(plan, FIELD_MEM_MB,
		SAYS(.verdict = RECEIPT_DEGRADED, .request = request, .mechanism = mechanism,
			.detail = "swap is not counted: what is swapped out may come on top",
			.remedy = why->remedy),
		request && mechanism);
}

static int say_cpu(struct ks_plan *plan, const struct host_cgroup *group, const struct why_not *why)
{
	uint64_t cpu = plan->policy->cpu_ms;
	uint64_t backstop = rlimit_soft(plan, RLIMIT_CPU);
	autofree char *request = receipt_format("%" PRIu64 " ms", cpu);
	autofree char *mechanism = NULL;
	autofree char *detail = NULL;

	if (cpu == 0)
		return say_nothing(plan, FIELD_CPU_MS);
	if (group->cpu_time) {
		mechanism = receipt_format("%s: CPU time, watched + RLIMIT_CPU %" PRIu64
					   " s a process",
			manager_text(group), backstop);
		return say(plan, FIELD_CPU_MS,
			SAYS(.verdict = RECEIPT_HELD, .request = request, .mechanism = mechanism),
			request && mechanism);
	}
	mechanism = receipt_format("RLIMIT_CPU %" PRIu64 " s", backstop);
	detail = receipt_format("%s" RECEIPT_SO
				"each process has a budget of its own, in whole seconds, and a new "
				"process starts with a fresh one",
		cgroup_reason(group));
	return say(plan, FIELD_CPU_MS,
		SAYS(.verdict = RECEIPT_DEGRADED, .request = request, .mechanism = mechanism,
			.detail = detail, .remedy = why->remedy),
		request && mechanism && detail);
}

static int say_quota(
	struct ks_plan *plan, const struct host_cgroup *group, const struct why_not *why)
{
	bool unset = plan->policy->cpu_quota_pct == KS_POLICY_UNSET;
	autofree char *request =
		unset ? receipt_format("default (%u %% of one CPU)", DEFAULT_CPU_QUOTA_PCT)
		      : receipt_format("%" PRIu64 " %% of one CPU", plan->policy->cpu_quota_pct);
	autofree char *mechanism = receipt_format("%s: CPU bandwidth", manager_text(group));

	if (group->cpu_quota)
		return say(plan, FIELD_CPU_QUOTA_PCT,
			SAYS(.verdict = RECEIPT_HELD, .request = request, .mechanism = mechanism),
			request && mechanism);
	return say(plan, FIELD_CPU_QUOTA_PCT,
		SAYS(.verdict = RECEIPT_ABSENT, .request = request, .mechanism = "none",
			.detail = cgroup_reason(group), .remedy = why->remedy),
		request);
}

static int say_tasks(
	struct ks_plan *plan, const struct host_cgroup *group, const struct why_not *why)
{
	bool unset = plan->policy->tasks_max == KS_POLICY_UNSET;
	autofree char *request = unset ? receipt_format("default (%u)", DEFAULT_TASKS_MAX)
				       : receipt_format("%" PRIu64, plan->policy->tasks_max);
	autofree char *mechanism = NULL;
	autofree char *detail = NULL;

	if (group->tasks) {
		mechanism = receipt_format("%s: processes and threads", manager_text(group));
		return say(plan, FIELD_TASKS_MAX,
			SAYS(.verdict = RECEIPT_HELD, .request = request, .mechanism = mechanism),
			request && mechanism);
	}
	if (rlimit_soft(plan, RLIMIT_NPROC) == UINT64_MAX) {
		detail = receipt_format("%s" RECEIPT_SO
					"nothing bounds them but the caller's own limit of "
					"processes",
			cgroup_reason(group));
		return say(plan, FIELD_TASKS_MAX,
			SAYS(.verdict = RECEIPT_ABSENT, .request = request, .mechanism = "none",
				.detail = detail, .remedy = why->remedy),
			request && detail);
	}
	mechanism = receipt_format("RLIMIT_NPROC %" PRIu64, rlimit_soft(plan, RLIMIT_NPROC));
	detail = receipt_format(
		"%s" RECEIPT_SO "processes are counted by user id, one of kastellan's own "
		"included: those in the jail since Linux 5.14, before it also %s; a "
		"refused one is not reported",
		cgroup_reason(group),
		plan->identity.drop ? "kastellan's others for this worker"
				    : "all that the calling user runs");
	return say(plan, FIELD_TASKS_MAX,
		SAYS(.verdict = RECEIPT_DEGRADED, .request = request, .mechanism = mechanism,
			.detail = detail, .remedy = why->remedy),
		request && mechanism && detail);
}

int plan_receipt_limits(struct ks_plan *plan, const struct ks_host *host)
{
	const struct host_cgroup *group = &host->cgroup;
	/* An old bubblewrap cannot say how large a tmpfs may become. */
	bool sized = !plan->identity.on_host &&
		     (plan->kind != KS_BACKEND_BWRAP || host->bwrap.size);
	struct why_not why;
	int r = why_not_cgroup(host, &why);

	if (r == 0)
		r = say_cpu(plan, group, &why);
	if (r == 0)
		r = say_memory(plan, group, sized, &why);
	if (r == 0)
		r = say_quota(plan, group, &why);
	if (r == 0)
		r = say_tasks(plan, group, &why);
	why_not_done(&why);
	return r;
}
