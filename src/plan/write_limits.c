/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/write_limits.h"

#include <inttypes.h>

/* Who holds them. */
static const char *holder(const struct ks_plan *plan)
{
	if (plan->seatbelt.profile)
		return "watched, and by process";
	if (plan->image)
		return "of a virtual machine";
	if (plan->vm.emulator)
		return "with a control group in the guest";
	return plan->limits.group ? "with a control group" : "without a control group";
}

static void put_limit(struct strbuf *out, const char *name, uint64_t value, const char *unit)
{
	if (value != UINT64_MAX)
		strbuf_addf(out, "  %-12s  %" PRIu64 "%s\n", name, value, unit);
}

void write_limits(struct strbuf *out, const struct ks_plan *plan)
{
	const struct limits_plan *limits = &plan->limits;

	strbuf_addf(out, "\nlimits, %s\n", holder(plan));
	put_limit(out, "memory", limits->memory_bytes, " bytes");
	put_limit(out, "tasks", limits->tasks, "");
	put_limit(out, "cpu quota", limits->cpu_quota_pct, " % of one CPU");
	put_limit(out, "cpu budget", limits->cpu_budget_usec, " us");
	for (size_t i = 0; i < limits->n_rlimits; i++)
		strbuf_addf(out, "  rlimit %-6s %" PRIu64 " (hard %" PRIu64 ")\n",
			limits->rlimits[i].name, limits->rlimits[i].soft, limits->rlimits[i].hard);
}
