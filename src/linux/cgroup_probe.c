/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the manager of control groups by doing: a feature is there if a group with it could be
 * made, was joined by a process and was removed. Should: leave nothing behind. Must not: believe a
 * file's existence, or a manager's word; but where everything is in its place, and only then, a
 * spawn does without the attempt: it makes its own group next, reads every limit back, and fails
 * with the reason where one does not stick. */
#include "linux/cgroup_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "linux/cgroup_file.h"
#include "linux/cgroup_group.h"
#include "linux/cgroup_locate.h"
#include "linux/cgroup_probe_child.h"

DEFINE_CLEANUP(struct cgroup *, cgroup_free);

/* Small, so that they fit into what the caller itself may use. */
#define TRY_MEMORY (16ull << 20)
#define TRY_TASKS 8
#define TRY_QUOTA_PCT 5

static void set_features(struct host_cgroup *facts, unsigned controllers)
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

	set_features(&facts, controllers);
	r = cgroup_new(&facts, &group, reterr);
	if (r < 0)
		return r;
	if (group->controllers != controllers)
		return error_set(reterr, -EOPNOTSUPP, ABOUT(.step = "cgroup"),
			"not every controller has a hierarchy");
	r = probe_child_start(&child, reterr);
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

static void keep_reason(struct host_cgroup *facts, const char *text)
{
	if (!facts->reason)
		facts->reason = strdup(text);
}

static int attempt(struct host_cgroup *candidate, unsigned controllers)
{
	ks_error *error = NULL;
	int r = cgroup_probe_try(candidate, controllers, &error);

	if (r < 0)
		keep_reason(candidate, error ? ks_error_message(error) : strerror(-r));
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
	set_features(candidate, found);
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

struct texts {
	char *mountinfo;
	char *own;
	bool tried;
};

static int read_file(const char *path, char **ret_text)
{
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
	autostrbuf struct strbuf text;
	char part[4096];
	ssize_t n;

	strbuf_init(&text, KS_MAX_TEXT);
	if (fd < 0)
		return -errno;
	while ((n = read(fd, part, sizeof(part))) != 0) {
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			strbuf_add(&text, part, (size_t)n);
	}
	strbuf_puts(&text, "");
	return strbuf_take(&text, ret_text, NULL);
}

static bool can_write(const char *dir)
{
	return faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) == 0;
}

/* The caller's own group; or a group "kastellan" in it or at the top, which an administrator has
 * made over to an unprivileged caller. Where none can be written, the own group stays, so that the
 * attempt gives the reason. */
static int choose_v1_base(const char *mount, const char *own, char **ret_base)
{
	const char *const parents[] = {own, mount};
	autofree char *base = strdup(access(own, F_OK) == 0 ? own : mount);

	if (!base)
		return -ENOMEM;
	for (size_t i = 0; i < 2 && !can_write(base); i++) {
		autofree char *given = NULL;

		if (asprintf(&given, "%s/kastellan", parents[i]) < 0) {
			given = NULL;
			return -ENOMEM;
		}
		if (can_write(given)) {
			free(base);
			base = take_ptr(given);
		}
	}
	*ret_base = take_ptr(base);
	return 0;
}

static int locate_v1(const struct texts *texts, const char *controller, char **ret_base)
{
	autofree char *mount = NULL;
	autofree char *own = NULL;
	int r = cgroup_locate(texts->mountinfo, texts->own, controller, &mount, &own);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return choose_v1_base(mount, own, ret_base);
}

static int everything(struct host_cgroup *facts)
{
	facts->swap = true;
	set_features(facts, CONTROLLER_ALL);
	return CONTROLLER_ALL;
}

static bool v1_in_place(const struct host_cgroup *facts)
{
	char swap[KS_MAX_PATH];

	if (!facts->v1_memory || !facts->v1_pids || !facts->v1_cpu || !facts->v1_cpuacct)
		return false;
	snprintf(swap, sizeof(swap), "%s/memory.memsw.limit_in_bytes", facts->v1_memory);
	return access(swap, F_OK) == 0 && can_write(facts->v1_memory) &&
	       can_write(facts->v1_pids) && can_write(facts->v1_cpu) &&
	       can_write(facts->v1_cpuacct);
}

static int probe_v1(const struct texts *texts, struct host_cgroup *facts)
{
	int r = locate_v1(texts, "memory", &facts->v1_memory);

	if (r == 0)
		r = locate_v1(texts, "pids", &facts->v1_pids);
	if (r == 0)
		r = locate_v1(texts, "cpu", &facts->v1_cpu);
	if (r == 0)
		r = locate_v1(texts, "cpuacct", &facts->v1_cpuacct);
	if (r < 0)
		return r;
	if (!facts->v1_memory && !facts->v1_pids && !facts->v1_cpu)
		return 0;
	facts->manager = CGROUP_V1;
	if (!texts->tried && v1_in_place(facts))
		return everything(facts);
	return cgroup_probe_features(facts);
}

static bool runs_systemd(void)
{
	return access("/run/systemd/system", F_OK) == 0;
}

/* The children of the group have all controllers already, and count swap: nothing is to be enabled
 * first. (The real root does not show the latter.) */
static bool v2_in_place(const char *path)
{
	autofd int dir = cgroup_dir_open(path);
	char text[KS_MAX_CGROUP_FILE];

	return dir >= 0 && cgroup_file_exists(dir, "memory.swap.max") &&
	       cgroup_file_read(dir, "cgroup.subtree_control", text) > 0 &&
	       cgroup_has_word(text, "memory") && cgroup_has_word(text, "pids") &&
	       cgroup_has_word(text, "cpu");
}

static int probe_v2(const struct texts *texts, struct host_cgroup *facts)
{
	autofree char *mount = NULL;
	autofree char *own = NULL;
	int r = cgroup_locate(texts->mountinfo, texts->own, CGROUP_UNIFIED, &mount, &own);

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = cgroup_find_delegated(
			mount, own, runs_systemd(), &facts->v2_base, &facts->reason);
	if (r < 0 || !facts->v2_base)
		return r;
	facts->manager = CGROUP_V2;
	if (!texts->tried && can_write(facts->v2_base) && v2_in_place(facts->v2_base))
		return everything(facts);
	return cgroup_probe_features(facts);
}

/* In the hybrid layout, where the controllers are on version 1, a manager makes a user's scope as
 * asked, and limits nothing. */
static bool has_controllers(const char *mount)
{
	autofd int dir = cgroup_dir_open(mount);
	char text[KS_MAX_CGROUP_FILE];

	return dir >= 0 && cgroup_file_read(dir, "cgroup.controllers", text) > 0 &&
	       (cgroup_has_word(text, "memory") || cgroup_has_word(text, "pids"));
}

static int probe_scope(const struct texts *texts, struct host_cgroup *facts)
{
	autofree char *own = NULL;
	int r = runs_systemd() ? cgroup_locate(texts->mountinfo, texts->own, CGROUP_UNIFIED,
					 &facts->v2_base, &own)
			       : -ENOENT;

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (!has_controllers(facts->v2_base)) {
		keep_reason(facts, "the unified hierarchy does not have the controllers memory and "
				   "pids (boot with systemd.unified_cgroup_hierarchy=1)");
		return facts->reason ? 0 : -ENOMEM;
	}
	facts->manager = CGROUP_SCOPE;
	facts->scope_system = geteuid() == 0;
	return cgroup_probe_features(facts);
}

static int weight(int controllers)
{
	return !!(controllers & CONTROLLER_MEMORY) * 4 + !!(controllers & CONTROLLER_PIDS) * 4 +
	       !!(controllers & CONTROLLER_CPU) * 2 + !!(controllers & CONTROLLER_CPUACCT);
}

static int add_reason(struct strbuf *reasons, const char *name, const char *reason)
{
	if (reason)
		strbuf_addf(reasons, "%s%s: %s", reasons->len ? "; " : "", name, reason);
	return reasons->error;
}

static int probe_all(const struct texts *texts, struct host_cgroup *best, struct strbuf *reasons)
{
	static const struct {
		const char *name;
		int (*probe)(const struct texts *texts, struct host_cgroup *facts);
	} managers[] = {
		{"version 1", probe_v1},
		{"version 2", probe_v2},
		{"systemd scope", probe_scope},
	};
	int best_features = 0;

	for (size_t i = 0; i < sizeof(managers) / sizeof(managers[0]); i++) {
		struct host_cgroup facts = {0};
		int features = managers[i].probe(texts, &facts);
		int r = features < 0 ? features
				     : add_reason(reasons, managers[i].name, facts.reason);

		if (r == 0 && weight(features) > weight(best_features)) {
			cgroup_facts_done(best);
			*best = facts;
			best_features = features;
			if (features == CONTROLLER_ALL)
				return 0;
			continue;
		}
		cgroup_facts_done(&facts);
		if (r < 0)
			return r;
	}
	return 0;
}

int cgroup_probe(bool tried, struct host_cgroup *ret)
{
	struct host_cgroup best = {0};
	autofree char *mountinfo = NULL;
	autofree char *own = NULL;
	autostrbuf struct strbuf reasons;
	int r = read_file("/proc/self/mountinfo", &mountinfo);

	strbuf_init(&reasons, KS_MAX_TEXT);
	if (r == 0)
		r = read_file("/proc/self/cgroup", &own);
	if (r == 0)
		r = probe_all(&(const struct texts){mountinfo, own, tried}, &best, &reasons);
	else if (r != -ENOMEM) {
		strbuf_addf(&reasons, "the caller's control groups cannot be read from /proc: %s",
			strerror(-r));
		r = 0;
	}
	if (r == 0 && best.manager == CGROUP_NONE && reasons.len == 0)
		strbuf_puts(&reasons, "no control group hierarchy is mounted");
	free(best.reason);
	best.reason = NULL;
	/* Reasons of managers that are not used do not matter once one does everything. */
	if (r == 0 && !(best.memory && best.swap && best.tasks && best.cpu_quota && best.cpu_time))
		r = strbuf_take(&reasons, &best.reason, NULL);
	if (r < 0) {
		cgroup_facts_done(&best);
		return -ENOMEM;
	}
	*ret = best;
	return 0;
}
