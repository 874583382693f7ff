/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the manager of control groups: where each could work, and which does (try.c). Where
 * everything is in its place, and only then, a spawn does without the attempt: it makes its own
 * group next, reads every limit back, and fails with the reason where one does not stick. */
#include "linux/cgroup/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "linux/cgroup/file.h"
#include "linux/cgroup/group.h"
#include "linux/cgroup/locate.h"
#include "linux/cgroup/manager.h"
#include "linux/mount_table.h"

struct texts {
	char *mountinfo;
	char *own;
	bool tried;
};

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
	/* The own group may lie outside of what is mounted here, and only then is the top the
	 * place. */
	autofree char *base = strdup(access(own, F_OK) == 0 || errno != ENOENT ? own : mount);

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
	cgroup_facts_set(facts, CONTROLLER_ALL);
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

/* The file names all controllers, and swap is counted. (The real root does not show the latter.) */
static bool v2_in_place(const char *path, const char *file)
{
	autofd int dir = cgroup_dir_open(path);
	char text[KS_MAX_CGROUP_FILE];

	return dir >= 0 && cgroup_file_exists(dir, "memory.swap.max") &&
	       cgroup_file_read(dir, file, text) > 0 && cgroup_has_word(text, "memory") &&
	       cgroup_has_word(text, "pids") && cgroup_has_word(text, "cpu");
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
	if (!texts->tried && can_write(facts->v2_base) &&
		/* Nothing is to be enabled first. */
		v2_in_place(facts->v2_base, "cgroup.subtree_control"))
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

/* The manager answers, and it has all controllers to delegate. */
static bool scope_in_place(const struct host_cgroup *facts)
{
	char path[KS_MAX_PATH];
	struct manager *manager;
	unsigned long uid = (unsigned long)geteuid();

	if (facts->scope_system)
		snprintf(path, sizeof(path), "%s/system.slice", facts->v2_base);
	else
		snprintf(path, sizeof(path), "%s/user.slice/user-%lu.slice/user@%lu.service",
			facts->v2_base, uid, uid);
	if (!v2_in_place(path, "cgroup.controllers") ||
		manager_connect(facts->scope_system, &manager, NULL) < 0)
		return false;
	manager_close(manager);
	return true;
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
		cgroup_facts_explain(facts,
			"the unified hierarchy does not have the controllers memory and "
			"pids (boot with systemd.unified_cgroup_hierarchy=1)");
		return facts->reason ? 0 : -ENOMEM;
	}
	facts->manager = CGROUP_SCOPE;
	facts->scope_system = geteuid() == 0;
	if (!texts->tried && scope_in_place(facts))
		return everything(facts);
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
	int r = mount_table_text(&mountinfo);

	strbuf_init(&reasons, KS_MAX_TEXT);
	if (r == 0)
		r = file_read_text("/proc/self/cgroup", &own);
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
