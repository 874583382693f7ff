/* SPDX-License-Identifier: Apache-2.0 */
/* What holds behind a kernel of the guest's own. Files are held by the host's kernel all the same,
 * for the server of them; memory and tasks by the guest's, in a machine that is no larger; and
 * processor time from outside, as a guest's clock is what the host makes of it. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/cleanup.h"
#include "linux/plan/parts.h"
#include "plan/receipt.h"
#include "plan/receipt_row.h"
#include "resolve/why_not.h"
#include "vm/plan/parts.h"

#define MIB (UINT64_C(1024) * 1024)
#define HOST_NETWORK "the host's own network is not carried into a machine"
#define HOST_NETWORK_REMEDY "use the backend bwrap or native for it"

/* Puts it before what the row says already. */
static int put_before(struct receipt_row *row, const char *text)
{
	char *both = receipt_format("%s%s", text, row->mechanism);

	if (!both)
		return -ENOMEM;
	free(row->mechanism);
	row->mechanism = both;
	return 0;
}

/* Without a filter the guest's kernel is still one that has no device, and the channel carries
 * nothing but connections and questions for names. */
static int say_proxy(struct ks_plan *plan, struct receipt_text *text)
{
	strbuf_puts(&text->mechanism,
		"no network device in the machine + a channel to a network namespace that leads to "
		"the egress proxy");
	if (plan->filter.enabled)
		strbuf_puts(&text->mechanism, " + seccomp (TCP and UDP sockets alone)");
	return receipt_row(plan, FIELD_NET, text, RECEIPT_HELD, NULL);
}

static int say_net(struct ks_plan *plan)
{
	autorow struct receipt_text text;

	receipt_text_init(&text);
	receipt_net(&text.request, plan->policy);
	if (plan->policy->net == KS_NET_PROXY_EGRESS) {
		strbuf_puts(&text.mechanism, "none");
		strbuf_puts(&text.detail, HOST_NETWORK);
		return receipt_row(plan, FIELD_NET, &text, RECEIPT_ABSENT, HOST_NETWORK_REMEDY);
	}
	if (plan->network == NETWORK_PROXY)
		return say_proxy(plan, &text);
	strbuf_puts(&text.mechanism, "no network device in the machine");
	if (plan->filter.enabled && plan->filter.profile == KS_PROFILE_WORKER_STRICT)
		strbuf_puts(&text.mechanism, " + seccomp (no sockets)");
	return receipt_row(plan, FIELD_NET, &text, RECEIPT_HELD, NULL);
}

/* A row whose texts are all there. */
static int say(struct ks_plan *plan, enum policy_field field, const struct receipt_says *says)
{
	return says->request && says->mechanism ? receipt_say(&plan->receipt, field, says)
						: -ENOMEM;
}

static int say_memory(struct ks_plan *plan)
{
	uint64_t mem = plan->policy->mem_mb;
	uint64_t guest = plan->vm.guest_bytes / MIB;
	autofree char *request = receipt_format(mem ? "%" PRIu64 " MiB" : "no limit", mem);
	autofree char *mechanism = receipt_format("%sa machine of %" PRIu64
						  " MiB, for the guest's kernel too, and %" PRIu64
						  " MiB with its emulator",
		mem ? "the guest's cgroup v2: memory; " : "", guest, plan->vm.host_bytes / MIB);

	return say(plan, FIELD_MEM_MB,
		SAYS(.nothing_asked = !mem, .verdict = RECEIPT_HELD, .request = request,
			.mechanism = mechanism));
}

static uint64_t seconds_of(const struct ks_plan *plan)
{
	for (size_t i = 0; i < plan->limits.n_rlimits; i++)
		if (plan->limits.rlimits[i].resource == RLIMIT_CPU)
			return plan->limits.rlimits[i].soft;
	return 0;
}

static int say_cpu(struct ks_plan *plan, const struct ks_host *host, const struct why_not *why)
{
	uint64_t cpu = plan->policy->cpu_ms;
	autofree char *request = receipt_format("%" PRIu64 " ms", cpu);
	autofree char *mechanism = receipt_format("%sin the guest RLIMIT_CPU %" PRIu64
						  " s a process",
		host->cgroup.cpu_time ? "the machine's time from the program's start on, watched "
					"by the host's cgroup; "
				      : "",
		seconds_of(plan));

	if (cpu == 0)
		return receipt_say(&plan->receipt, FIELD_CPU_MS,
			SAYS(.nothing_asked = true, .verdict = RECEIPT_HELD, .request = "no limit",
				.mechanism = "none"));
	if (host->cgroup.cpu_time)
		return say(plan, FIELD_CPU_MS,
			SAYS(.verdict = RECEIPT_HELD, .request = request, .mechanism = mechanism));
	return say(plan, FIELD_CPU_MS,
		SAYS(.verdict = RECEIPT_DEGRADED, .request = request, .mechanism = mechanism,
			.detail = "the host has no control group that tells the machine's time; "
				  "each process has a budget of its own, in whole seconds of the "
				  "guest's clock",
			.remedy = why->remedy));
}

static int say_quota(struct ks_plan *plan)
{
	bool unset = plan->policy->cpu_quota_pct == KS_POLICY_UNSET;
	uint64_t asked = unset ? DEFAULT_CPU_QUOTA_PCT : plan->policy->cpu_quota_pct;
	bool clamped = asked > (uint64_t)100 * GUEST_PROCESSORS;
	autofree char *request = receipt_format(
		unset ? "default (%" PRIu64 " %% of one CPU)" : "%" PRIu64 " %% of one CPU", asked);
	const char *mechanism = plan->vm.quota_pct != UINT64_MAX
					? "the host's cgroup: CPU bandwidth of the machine, from "
					  "the program's start on"
					: "the guest's cgroup v2: CPU bandwidth, by its clock";

	return say(plan, FIELD_CPU_QUOTA_PCT,
		SAYS(.verdict = clamped ? RECEIPT_CLAMPED : RECEIPT_HELD, .request = request,
			.mechanism = mechanism,
			.detail = clamped ? "to 100 %: the machine has one processor" : NULL));
}

static int say_tasks(struct ks_plan *plan)
{
	bool unset = plan->policy->tasks_max == KS_POLICY_UNSET;
	autofree char *request = unset ? receipt_format("default (%u)", DEFAULT_TASKS_MAX)
				       : receipt_format("%" PRIu64, plan->policy->tasks_max);

	return say(plan, FIELD_TASKS_MAX,
		SAYS(.verdict = RECEIPT_HELD, .request = request,
			.mechanism = "the guest's cgroup v2: processes and threads"));
}

static int say_limits(struct ks_plan *plan, const struct ks_host *host)
{
	struct why_not why = {0};
	int r = why_not_cgroup(host, &why);

	if (r == 0)
		r = say_cpu(plan, host, &why);
	if (r == 0)
		r = say_memory(plan);
	if (r == 0)
		r = say_quota(plan);
	if (r == 0)
		r = say_tasks(plan);
	why_not_done(&why);
	return r;
}

int vm_receipt(struct ks_plan *plan, const struct ks_host *host)
{
	struct ks_host guest;
	struct receipt_row *rows = plan->receipt.rows;
	int r;

	vm_guest_facts(host, &guest);
	/* Of the idmap, which grants are shown with, the host's own facts are still in it. */
	r = plan_receipt(plan, &guest);
	if (r == 0)
		r = put_before(&rows[FIELD_FS_READ], "host kernel through the file server + ");
	if (r == 0)
		r = put_before(&rows[FIELD_FS_WRITE], "host kernel through the file server + ");
	if (r == 0)
		r = put_before(&rows[FIELD_PROFILE],
			plan->vm.templates ? "a kernel of its own, from a template where that can "
					     "be restored + "
					   : "a kernel of its own + ");
	if (r == 0)
		r = say_net(plan);
	if (r == 0)
		r = receipt_egress(plan);
	return r < 0 ? r : say_limits(plan, host);
}
