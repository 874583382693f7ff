/* SPDX-License-Identifier: Apache-2.0 */
/* What a virtual machine of Apple's container holds. */
#include <errno.h>
#include <inttypes.h>

#include "base/cleanup.h"
#include "macos/evidence.h"
#include "macos/plan/areas.h"
#include "macos/plan/container.h"
#include "macos/plan/parts.h"
#include "plan/receipt.h"
#include "plan/receipt_row.h"
#include "policy/fields.h"

#define REMEDY "use a Linux host"
#define PIECES "grant what lies beside it piece by piece, or use the backend seatbelt"

static size_t count_files(const struct grants *grants)
{
	size_t count = 0;

	for (size_t i = 0; i < grants->len; i++)
		count += !grants->items[i].directory;
	return count;
}

/* The machine's kernel tells names apart that the Mac's file system does not: another spelling
 * leads past the mount that protects the name, through the grant around it. */
static size_t count_unprotected(const struct ks_plan *plan, int *ret_error)
{
	autoareas struct areas areas = {0};
	size_t count = 0;

	*ret_error = areas_make(&plan->grants, &areas);
	for (size_t i = 0; i < areas.len; i++)
		count += !areas.items[i].writable && areas.items[i].parent != AREA_TOP;
	return count;
}

static int say_read(struct ks_plan *plan)
{
	autorow struct receipt_text text;
	int r;
	size_t unprotected = count_unprotected(plan, &r);

	receipt_text_init(&text);
	if (r < 0)
		return r;
	receipt_paths(&text.request, plan, plan->policy->fs_read, plan->policy->n_fs_read);
	strbuf_puts(&text.mechanism, "virtual machine, read-only mounts; the image's own files");
	if (count_files(&plan->grants))
		strbuf_puts(&text.mechanism,
			"; of a single file the machine, not the worker, has the directory");
	if (!unprotected)
		return receipt_row(plan, FIELD_FS_READ, &text, RECEIPT_HELD, NULL);
	strbuf_addf(&text.detail,
		"%zu inside a directory of fs_write: where the Mac's file system ignores letter "
		"case, as it usually does, another spelling of the name can be written to",
		unprotected);
	return receipt_row(plan, FIELD_FS_READ, &text, RECEIPT_ABSENT, PIECES);
}

static int say_write(struct ks_plan *plan)
{
	autorow struct receipt_text text;

	receipt_text_init(&text);
	receipt_paths(&text.request, plan, plan->policy->fs_write, plan->policy->n_fs_write);
	strbuf_puts(&text.mechanism,
		"virtual machine, mounts; its root is read-only, and its /tmp is in memory");
	return receipt_row(plan, FIELD_FS_WRITE, &text, RECEIPT_HELD, NULL);
}

static int say_net(struct ks_plan *plan)
{
	autorow struct receipt_text text;

	receipt_text_init(&text);
	receipt_net(&text.request, plan->policy);
	strbuf_puts(&text.mechanism, "virtual machine without a network device");
	if (plan->policy->net != KS_NET_ALLOWLIST)
		return receipt_row(plan, FIELD_NET, &text, RECEIPT_HELD, NULL);
	strbuf_puts(&text.mechanism, ", the egress proxy's socket relayed into it (by HTTP CONNECT "
				     "or SOCKS5)");
	return receipt_row(plan, FIELD_NET, &text, RECEIPT_HELD, NULL);
}

static int say_cpu(struct ks_plan *plan)
{
	uint64_t seconds = (plan->policy->cpu_ms + 999) / 1000;
	autofree char *request = receipt_format("%" PRIu64 " ms", plan->policy->cpu_ms);
	autofree char *mechanism = receipt_format("RLIMIT_CPU %" PRIu64 " s inside", seconds);

	if (plan->policy->cpu_ms == 0)
		return receipt_say(&plan->receipt, FIELD_CPU_MS,
			SAYS(.nothing_asked = true, .verdict = RECEIPT_HELD, .request = "no limit",
				.mechanism = "none"));
	if (!request || !mechanism)
		return -ENOMEM;
	return receipt_say(&plan->receipt, FIELD_CPU_MS,
		SAYS(.verdict = RECEIPT_DEGRADED, .request = request, .mechanism = mechanism,
			.detail = "each process has a budget of its own, in whole seconds, and a "
				  "new process starts with a fresh one",
			.remedy = REMEDY));
}

static int say_memory(struct ks_plan *plan)
{
	uint64_t mib = plan->policy->mem_mb;
	bool small = mib < CONTAINER_LEAST_MIB;
	autofree char *request = receipt_format("%" PRIu64 " MiB", mib);
	autofree char *detail = receipt_format(
		"to %u MiB, the least that a virtual machine has", CONTAINER_LEAST_MIB);

	if (mib == 0)
		return receipt_say(&plan->receipt, FIELD_MEM_MB,
			SAYS(.nothing_asked = true, .verdict = RECEIPT_HELD, .request = "no limit",
				.mechanism = "virtual machine, of container's default size"));
	if (!request || !detail)
		return -ENOMEM;
	return receipt_say(&plan->receipt, FIELD_MEM_MB,
		SAYS(.verdict = small ? RECEIPT_CLAMPED : RECEIPT_HELD, .request = request,
			.mechanism = "virtual machine of that size, its kernel included",
			.detail = small ? detail : NULL));
}

static int say_quota(struct ks_plan *plan)
{
	uint64_t percent = plan->policy->cpu_quota_pct;
	uint64_t processors = container_processors(plan);
	bool unset = percent == KS_POLICY_UNSET;
	uint64_t wanted = unset ? MACOS_CPU_QUOTA_PCT : percent;
	autofree char *request = unset ? receipt_format(
						 "default (%u %% of one CPU)", MACOS_CPU_QUOTA_PCT)
				       : receipt_format("%" PRIu64 " %% of one CPU", percent);
	autofree char *mechanism = receipt_format("virtual machine with %" PRIu64 " processor%s",
		processors, processors == 1 ? "" : "s");
	autofree char *detail = receipt_format("to %" PRIu64 " %%: %s", processors * 100,
		processors * 100 < wanted ? "this host has no more processors"
					  : "a virtual machine has whole processors");
	bool same = processors * 100 == wanted;

	if (!request || !mechanism || !detail)
		return -ENOMEM;
	return receipt_say(&plan->receipt, FIELD_CPU_QUOTA_PCT,
		SAYS(.verdict = same ? RECEIPT_HELD : RECEIPT_CLAMPED, .request = request,
			.mechanism = mechanism, .detail = same ? NULL : detail));
}

static int say_tasks(struct ks_plan *plan)
{
	uint64_t tasks = plan->limits.tasks;
	autofree char *request = plan->policy->tasks_max == KS_POLICY_UNSET
					 ? receipt_format("default (%" PRIu64 ")", tasks)
					 : receipt_format("%" PRIu64, tasks);
	autofree char *mechanism = receipt_format("RLIMIT_NPROC %" PRIu64 " inside", tasks);

	if (!request || !mechanism)
		return -ENOMEM;
	return receipt_say(&plan->receipt, FIELD_TASKS_MAX,
		SAYS(.verdict = RECEIPT_DEGRADED, .request = request, .mechanism = mechanism,
			.detail = plan->identity.uid == 0
					  ? "the machine's kernel limits every user but root, "
					    "which the worker is inside"
					  : "they are counted by user inside: a set-user-id "
					    "program of the image is not counted",
			.remedy = plan->identity.uid == 0 ? "start kastellan as another user than "
							    "root"
							  : "use an image without such programs"));
}

static int say_profile(struct ks_plan *plan)
{
	autorow struct receipt_text text;

	receipt_text_init(&text);
	strbuf_puts(&text.request, policy_profile_name(plan->policy->profile));
	strbuf_puts(&text.mechanism, "virtual machine, no capabilities");
	strbuf_puts(&text.detail,
		MACOS_EVIDENCE "; no filter of system calls stands before the machine's kernel: "
			       "its own boundary holds the worker, and both profiles are the same");
	return receipt_row(plan, FIELD_PROFILE, &text, RECEIPT_DEGRADED,
		"try the suite in tests/macos on a Mac, and report what it says");
}

static int say_env(struct ks_plan *plan)
{
	autorow struct receipt_text text;

	receipt_text_init(&text);
	receipt_env(&text.request, plan->policy);
	strbuf_puts(&text.mechanism, "a file of container, not its command line");
	strbuf_addf(&text.detail, "variables that the image %s sets come on top, as PATH does",
		plan->image);
	if (plan->network == NETWORK_DOOR)
		strbuf_puts(&text.detail, "; " RECEIPT_DOOR);
	return receipt_row(plan, FIELD_ENV, &text, RECEIPT_DEGRADED,
		"use an image that sets none, or accept what it sets");
}

int container_receipt(struct ks_plan *plan)
{
	static int (*const rows[])(struct ks_plan * plan) = {say_read, say_write, say_net,
		receipt_egress, say_cpu, say_memory, say_profile, say_quota, say_tasks, say_env};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(rows) / sizeof(rows[0]); i++)
		r = rows[i](plan);
	return r;
}
