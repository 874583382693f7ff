/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of the Container backend, on one page: a virtual machine of its own for each worker. */
#include "macos/plan/container.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"
#include "base/error.h"
#include "macos/kinds.h"
#include "macos/plan/container_check.h"
#include "macos/plan/parts.h"
#include "macos/version.h"

#define MIB (1024ull * 1024)

int container_version_why_not(const struct host_macos *mac, struct why_not *ret)
{
	bool known = mac->container_version && version_known(mac->container_version);
	int r;

	if (known && version_compare(mac->container_version, CONTAINER_OLDEST) >= 0)
		return 0;
	if (known)
		r = why_not_say(ret, KS_FINDING_FAILS, -EOPNOTSUPP, "container",
			"container %s is older than " CONTAINER_OLDEST
			", the first that can drop capabilities",
			mac->container_version);
	else
		r = why_not_say(ret, KS_FINDING_FAILS, -EOPNOTSUPP, "container",
			"container does not tell its version: a text such as \"" CONTAINER_OLDEST
			"\" is expected");
	return r < 0 ? r
		     : why_not_advise(ret,
			       "install " CONTAINER_OLDEST " or later from " CONTAINER_RELEASES
			       ", then container system start");
}

/* One that is not installed yet is taken to be new enough. */
static int check_version(const struct ks_host *host, ks_error **reterr)
{
	struct why_not why = {0};
	int r = host->macos.container ? container_version_why_not(&host->macos, &why) : 0;

	return why_not_refuse(r, &why, reterr);
}

static int check_door(const struct ks_plan *plan, const struct ks_host *host, ks_error **reterr)
{
	const char *version = host->macos.container_version;

	if (plan->network != NETWORK_DOOR || !version ||
		version_compare(version, CONTAINER_OLDEST_DOOR) >= 0)
		return 0;
	return error_set(reterr, -EOPNOTSUPP,
		ABOUT(.step = "plan", .field = "net",
			.remedy = "install " CONTAINER_OLDEST_DOOR
				  " or later from " CONTAINER_RELEASES
				  ", or use the backend seatbelt with the profile WorkerStrict"),
		"net: container %s relays no socket of the host to a worker that is not root, and "
		"an allowlist needs the egress proxy's; " CONTAINER_OLDEST_DOOR " is the first "
		"that does",
		version);
}

/* Whole ones, and no more than the host has: a larger machine does not start. */
static uint64_t processors(const struct ks_policy *policy, const struct ks_host *host)
{
	uint64_t percent = policy->cpu_quota_pct;
	uint64_t wanted = (percent == KS_POLICY_UNSET ? MACOS_CPU_QUOTA_PCT : percent) + 99;

	wanted /= 100;
	return host->processors && wanted > host->processors ? host->processors : wanted;
}

uint64_t container_processors(const struct ks_plan *plan)
{
	return plan->limits.cpu_quota_pct / 100;
}

static void container_limits(struct ks_plan *plan, const struct ks_host *host)
{
	const struct ks_policy *policy = plan->policy;
	uint64_t mib = policy->mem_mb < CONTAINER_LEAST_MIB ? CONTAINER_LEAST_MIB : policy->mem_mb;

	plan->limits = (struct limits_plan){
		.memory_bytes = policy->mem_mb ? mib * MIB : UINT64_MAX,
		.tasks = policy->tasks_max == KS_POLICY_UNSET ? MACOS_TASKS_MAX : policy->tasks_max,
		.cpu_quota_pct = processors(policy, host) * 100,
		.cpu_budget_usec = UINT64_MAX,
	};
}

static int fill_helper(struct ks_plan *plan)
{
	static const struct container_late shown = {
		.name = "kastellan-" CONTAINER_ID,
		.cid_file = MACOS_TEMPORARY "/kastellan-" CONTAINER_ID "/cid",
		.env_file = MACOS_TEMPORARY "/kastellan-" CONTAINER_ID "/env",
		.egress = MACOS_TEMPORARY "/kastellan-" CONTAINER_ID "/egress",
	};

	return container_command(plan, &shown, &plan->helper);
}

static int fill(struct ks_plan *plan, const struct plan_request *request, ks_error **reterr)
{
	const char *image = request->image ? request->image : CONTAINER_DEFAULT_IMAGE;
	int r = check_version(request->host, reterr);

	if (plan->policy->net == KS_NET_ALLOWLIST)
		plan->network = NETWORK_DOOR;
	if (r == 0)
		r = check_door(plan, request->host, reterr);
	if (r == 0)
		r = container_check(plan, image, reterr);
	if (r == 0)
		r = macos_plan_cwd(plan, request, true, reterr);
	if (r < 0)
		return r;
	plan->image = strdup(image);
	plan->identity = (struct identity_plan){
		.uid = request->host->uid, .gid = request->host->gid, .on_host = true};
	container_limits(plan, request->host);
	if (!plan->image || fill_helper(plan) < 0 || container_receipt(plan) < 0)
		return error_oom(reterr);
	return 0;
}

int plan_container(const struct plan_request *request, struct grants *grants,
	struct ks_plan **ret_plan, ks_error **reterr)
{
	if (request->policy->net == KS_NET_PROXY_EGRESS)
		return error_set(reterr, -EOPNOTSUPP,
			ABOUT(.step = "plan", .field = "net",
				.remedy = "use the backend seatbelt for it"),
			"net: \"ProxyEgress\" gives the host's network, and a virtual machine has "
			"one of its own");
	return macos_plan_with(fill, KIND_CONTAINER, request, grants, ret_plan, reterr);
}
