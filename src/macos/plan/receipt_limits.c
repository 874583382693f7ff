/* SPDX-License-Identifier: Apache-2.0 */
/* What holds of memory, tasks and CPU under Seatbelt: nothing in the kernel counts a tree of
 * processes, so that a supervisor does, and acts when it sees that a limit is passed. */
#include <errno.h>
#include <inttypes.h>

#include "base/cleanup.h"
#include "macos/plan/parts.h"
#include "plan/receipt.h"
#include "plan/receipt_row.h"

#define WATCHED "macOS limits no tree of processes: a watchdog looks at it"
/* A tree of one process, which may make no other, cannot be left. */
#define LEFT                                                                                      \
	", and a process that cuts itself off the tree (a fork in a fork, a session of its own) " \
	"is not seen, and lives on after the worker, under the same profile"
/* A machine of its own has a size; it counts neither CPU time nor tasks of a whole tree, and has
 * not the host's network. */
#define MACHINE "use the backend container, or a Linux host"
#define LINUX "use a Linux host"

static const char *machine(const struct ks_plan *plan)
{
	return plan->policy->net == KS_NET_PROXY_EGRESS ? LINUX : MACHINE;
}

static int say_nothing(struct ks_plan *plan, enum policy_field field)
{
	return receipt_say(&plan->receipt, field,
		SAYS(.nothing_asked = true, .verdict = RECEIPT_HELD, .request = "no limit",
			.mechanism = "none"));
}

/* The request is taken; it may be NULL, which is out of memory. */
static int say_watched(struct ks_plan *plan, enum policy_field field, char *request,
	const char *mechanism, const char *between, const char *remedy)
{
	bool alone = plan->limits.tasks == 1;
	autofree char *asked = request;
	autofree char *detail = receipt_format(
		WATCHED RECEIPT_SO "%s%s", between, alone ? "" : LEFT);

	if (!asked || !detail)
		return -ENOMEM;
	return receipt_say(&plan->receipt, field,
		SAYS(.verdict = RECEIPT_DEGRADED, .request = asked, .mechanism = mechanism,
			.detail = detail, .remedy = remedy));
}

static int say_cpu(struct ks_plan *plan)
{
	if (plan->policy->cpu_ms == 0)
		return say_nothing(plan, FIELD_CPU_MS);
	return say_watched(plan, FIELD_CPU_MS,
		receipt_format("%" PRIu64 " ms", plan->policy->cpu_ms),
		"watchdog: CPU time of the tree + RLIMIT_CPU a process",
		"the budget may be passed by what is used between two looks", LINUX);
}

static int say_memory(struct ks_plan *plan)
{
	if (plan->policy->mem_mb == 0)
		return say_nothing(plan, FIELD_MEM_MB);
	return say_watched(plan, FIELD_MEM_MB,
		receipt_format("%" PRIu64 " MiB", plan->policy->mem_mb),
		"watchdog: memory of the tree",
		"what is taken between two looks is not refused, but ends the worker",
		machine(plan));
}

static int say_quota(struct ks_plan *plan)
{
	uint64_t quota = plan->policy->cpu_quota_pct;

	return say_watched(plan, FIELD_CPU_QUOTA_PCT,
		quota == KS_POLICY_UNSET
			? receipt_format("default (%u %% of one CPU)", MACOS_CPU_QUOTA_PCT)
			: receipt_format("%" PRIu64 " %% of one CPU", quota),
		"watchdog: the tree is stopped and continued",
		"the share holds on the average of some looks", machine(plan));
}

static int say_tasks(struct ks_plan *plan)
{
	uint64_t tasks = plan->policy->tasks_max;
	bool alone = plan->limits.tasks == 1;

	return say_watched(plan, FIELD_TASKS_MAX,
		tasks == KS_POLICY_UNSET ? receipt_format("default (%u)", MACOS_TASKS_MAX)
					 : receipt_format("%" PRIu64, tasks),
		alone ? "Seatbelt profile (no other process) + watchdog: threads"
		      : "watchdog: processes and threads of the tree",
		alone ? "a thread too many is not refused, but ends the worker"
		      : "one too many is not refused, but ends the worker",
		LINUX);
}

int seatbelt_receipt_limits(struct ks_plan *plan)
{
	int r = say_cpu(plan);

	if (r == 0)
		r = say_memory(plan);
	if (r == 0)
		r = say_quota(plan);
	return r < 0 ? r : say_tasks(plan);
}
