/* SPDX-License-Identifier: Apache-2.0 */
/* The control group of the egress proxy: what the worker makes it, and the kernel on its behalf,
 * hold is counted apart from the worker's own memory, and has an end. A group of its own, as the
 * worker's would end it together with the worker, before it could tell what it has seen. */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "linux/jail/parts.h"

#define MIB ((uint64_t)1024 * 1024)
#define BASE (64 * MIB) /* two programs with their libraries, and pipes that are full */
/* Its struct, two sockets of the kernel's, and the least that each buffers under pressure. */
#define FOR_CONNECTION ((uint64_t)64 * 1024)
#define FOR_NAME ((uint64_t)512)

static uint64_t memory_of(const struct policy_egress *egress)
{
	return BASE + egress->connections * FOR_CONNECTION + egress->names * FOR_NAME;
}

/* Memory alone: it has one thread and as many more as its resolver, and no way to make others. */
static struct host_cgroup memory_alone(const struct host_cgroup *host)
{
	struct host_cgroup alone = *host;

	alone.tasks = alone.cpu_quota = alone.cpu_time = false;
	return alone;
}

int jail_make_network_group(const struct ks_plan *plan, const struct ks_host *host,
	struct jail *jail, pid_t proxy, ks_error **reterr)
{
	const struct cgroup_limits limits = {.memory_bytes = memory_of(&plan->policy->egress),
		.tasks = CGROUP_NO_LIMIT,
		.cpu_quota_pct = CGROUP_NO_LIMIT};
	const struct host_cgroup alone = memory_alone(&host->cgroup);
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
