/* SPDX-License-Identifier: Apache-2.0 */
/* The control group of the egress proxy: what the worker makes it, and the kernel on its behalf,
 * hold is counted apart from the worker's own memory, and has an end. A group of its own, as the
 * worker's would end it together with the worker, before it could tell what it has seen. */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "egress/network_memory.h"
#include "linux/jail/parts.h"

int jail_make_network_group(const struct ks_plan *plan, const struct ks_host *host,
	struct jail *jail, pid_t proxy, ks_error **reterr)
{
	const struct cgroup_limits limits = {
		.memory_bytes = network_memory_of(&plan->policy->egress),
		.tasks = CGROUP_NO_LIMIT,
		.cpu_quota_pct = CGROUP_NO_LIMIT};
	const struct host_cgroup alone = network_memory_alone(&host->cgroup);
	int r;

	if (!plan->limits.group || !host->cgroup.memory)
		return 0;
	r = cgroup_new(&alone, &jail->egress_group, reterr);
	/* It is told before and after, as the worker's group is. */
	if (r == 0)
		r = jail_announce_group(jail, jail->egress_group, reterr);
	if (r == 0)
		r = cgroup_create(jail->egress_group, &limits, proxy, reterr);
	return r < 0 ? r : jail_announce_group(jail, jail->egress_group, reterr);
}

bool jail_network_out_of_memory(const struct jail *jail)
{
	struct cgroup_usage usage;

	return jail->egress_group && cgroup_usage(jail->egress_group, &usage) == 0 &&
	       usage.oom_kills > 0;
}

void jail_remove_network_group(struct jail *jail)
{
	if (!jail->egress_group)
		return;
	/* Its resolver may take a moment longer than the proxy. What cannot be removed is left to
	 * the monitor, which has been told of it. */
	if (!cgroup_remove_empty(jail->egress_group) && cgroup_kill(jail->egress_group) == 0)
		cgroup_remove(jail->egress_group);
	cgroup_free(jail->egress_group);
	jail->egress_group = NULL;
}
