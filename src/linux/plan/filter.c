/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/plan/parts.h"

#include <string.h>

/* Machines that filters are made for when kastellan is built. */
static const char *filter_machine(const char *machine)
{
	static const char *const machines[] = {"x86_64", "aarch64"};

	for (size_t i = 0; machine && i < sizeof(machines) / sizeof(machines[0]); i++)
		if (strcmp(machines[i], machine) == 0)
			return machines[i];
	return NULL;
}

void plan_network(struct ks_plan *plan)
{
	static const enum plan_network networks[] = {
		[KS_NET_DENY] = NETWORK_NONE,
		[KS_NET_ALLOWLIST] = NETWORK_PROXY,
		[KS_NET_PROXY_EGRESS] = NETWORK_HOST,
	};

	plan->network = networks[plan->policy->net];
}

void plan_filter(struct ks_plan *plan, const struct ks_host *host)
{
	const char *machine = filter_machine(host->machine);

	/* Whoever is given a network has to have the sockets for it. */
	plan->filter = (struct filter_plan){
		.enabled = host->seccomp && machine,
		.notify = host->seccomp && machine && host->seccomp_notify,
		.profile = plan->network == NETWORK_NONE ? plan->policy->profile
							 : KS_PROFILE_WORKER_NET_CLIENT,
		.machine = machine,
	};
}
