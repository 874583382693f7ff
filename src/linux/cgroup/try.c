/* SPDX-License-Identifier: Apache-2.0 */
/* Whether control groups work at a place, found by making one there. Should: leave nothing behind.
 * Must not: believe a file's existence, or a manager's word. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "linux/cgroup/cgroup.h"
#include "linux/cgroup/group.h"
#include "linux/cgroup/probe.h"
#include "linux/cgroup/probe_child.h"

DEFINE_CLEANUP(struct cgroup *, cgroup_free);

/* Small, so that they fit into what the caller itself may use. */
#define TRY_MEMORY (16ull << 20)
#define TRY_TASKS 8
#define TRY_QUOTA_PCT 5

void cgroup_facts_set(struct host_cgroup *facts, unsigned controllers)
{
	facts->memory = controllers & CONTROLLER_MEMORY;
	facts->swap = facts->swap && facts->memory;
	facts->tasks = controllers & CONTROLLER_PIDS;
	facts->cpu_quota = controllers & CONTROLLER_CPU;
	facts->cpu_time = controllers & CONTROLLER_CPUACCT;
}

static int join_and_look(struct cgroup *group, struct probe_child *child, ks_error **reterr)
{
	int fds[CGROUP_MAX_JOIN];
	struct cgroup_usage usage;
	int n = cgroup_join_fds(group, fds);
	int r = probe_child_join(child, fds, (size_t)n, reterr);

	if (r < 0)
		return r;
	r = cgroup_usage(group, &usage);
	if (r < 0)
		error_set(reterr, r, ABOUT(.step = "cgroup"),
			"the counters of the new control group cannot be read: %s", strerror(-r));
	return r;
}

int cgroup_probe_try(const struct host_cgroup *candidate, unsigned controllers, ks_error **reterr)
{
	struct cgroup_limits limits = {
		.memory_bytes = controllers & CONTROLLER_MEMORY ? TRY_MEMORY : CGROUP_NO_LIMIT,
		.tasks = controllers & CONTROLLER_PIDS ? TRY_TASKS : CGROUP_NO_LIMIT,
		.cpu_quota_pct = controllers & CONTROLLER_CPU ? TRY_QUOTA_PCT : CGROUP_NO_LIMIT,
	};
	struct host_cgroup facts = *candidate; /* borrows the strings */
	autoclean(cgroup_free) struct cgroup *group = NULL;
	struct probe_child child;
	int r;

	cgroup_facts_set(&facts, controllers);
	r = cgroup_new(&facts, &group, reterr);
	if (r < 0)
		return r;
	if (group->controllers != controllers)
		return error_set(reterr, -EOPNOTSUPP, ABOUT(.step = "cgroup"),
			"not every controller has a hierarchy");
	r = probe_child_start(&child, group, reterr);
	if (r < 0)
		return r;
	r = cgroup_create(group, &limits, child.pid, reterr);
	if (r == 0)
		r = join_and_look(group, &child, reterr);
	cgroup_kill(group);
	cgroup_remove(group);
	probe_child_end(&child);
	return r;
}

void cgroup_facts_explain(struct host_cgroup *facts, const char *text)
{
	if (!facts->reason)
		facts->reason = strdup(text);
}

static int attempt(struct host_cgroup *candidate, unsigned controllers)
{
	ks_error *error = NULL;
	int r = cgroup_probe_try(candidate, controllers, &error);

	if (r < 0)
		cgroup_facts_explain(candidate, error ? ks_error_message(error) : strerror(-r));
	ks_error_free(error);
	return r;
}

/* One by one. Nobody asks a second time where nobody answered. */
static unsigned probe_singly(struct host_cgroup *candidate)
{
	static const unsigned single[] = {
		CONTROLLER_MEMORY, CONTROLLER_PIDS, CONTROLLER_CPU, CONTROLLER_CPUACCT};
	unsigned found = 0;

	for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++) {
		int r = attempt(candidate, single[i]);

		if (r < 0 && r != -EACCES && single[i] == CONTROLLER_MEMORY) {
			candidate->swap = false;
			r = attempt(candidate, single[i]);
		}
		if (r == 0)
			found |= single[i];
		if (r == -ETIMEDOUT || r == -ECONNREFUSED)
			break;
	}
	return found;
}

int cgroup_probe_features(struct host_cgroup *candidate)
{
	unsigned found = CONTROLLER_ALL;
	int r;

	candidate->swap = true;
	r = attempt(candidate, CONTROLLER_ALL);
	if (r == -ETIMEDOUT || r == -ECONNREFUSED)
		found = 0;
	else if (r < 0)
		found = probe_singly(candidate);
	/* What works one by one has to work together. */
	if (r < 0 && found && attempt(candidate, found) < 0)
		found = 0;
	cgroup_facts_set(candidate, found);
	return r == 0 || candidate->reason ? (int)found : -ENOMEM;
}

void cgroup_facts_done(struct host_cgroup *facts)
{
	free(facts->v1_memory);
	free(facts->v1_pids);
	free(facts->v1_cpu);
	free(facts->v1_cpuacct);
	free(facts->v2_base);
	free(facts->reason);
	*facts = (struct host_cgroup){0};
}
