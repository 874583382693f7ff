/* SPDX-License-Identifier: Apache-2.0 */
/* A transient scope of systemd's manager, for callers who have no group of their own to write.
 *
 *   kastellan-PID-N.scope    made by the manager, delegated to the caller
 *     ├─ supervisor          the monitor and what it starts
 *     └─ worker              the group with the limits
 *
 * Limits are set as in version 2. The manager removes the scope when its last process is gone; only
 * the worker's group is removed here.
 *
 * An unprivileged caller may move processes only inside of the scope. Whoever will join the
 * worker's group must therefore be in the scope before, so that the monitor's descendants which
 * already exist are brought in with it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "linux/cgroup/family.h"
#include "linux/cgroup/file.h"
#include "linux/cgroup/group.h"
#include "linux/cgroup/locate.h"
#include "linux/cgroup/manager.h"

#define ROUNDS 50 /* the monitor starts a handful of processes, not an endless row */
#define FAMILY_MAX 64

static const char *const supervisor = "supervisor";

struct scope {
	struct manager *manager;
	char *unit;
	char *group; /* path in the hierarchy */
	char *path; /* directory */
	int fd;
};

static void scope_done(struct scope *scope)
{
	manager_close(scope->manager);
	free(scope->unit);
	free(scope->group);
	free(scope->path);
	cleanup_close(&scope->fd);
}

static int open_scope(struct scope *scope, const char *mount, ks_error **reterr)
{
	if (asprintf(&scope->path, "%s%s", mount, scope->group) < 0) {
		scope->path = NULL;
		return error_oom(reterr);
	}
	scope->fd = cgroup_dir_open(scope->path);
	if (scope->fd < 0)
		return error_set(reterr, scope->fd,
			ABOUT(.step = "cgroup", .path = scope->path,
				.remedy = "have the unified hierarchy mounted as the service "
					  "manager sees it"),
			"the scope's control group %s cannot be opened: %s", scope->path,
			strerror(-scope->fd));
	if (mkdirat(scope->fd, supervisor, 0755) == 0)
		return 0;
	return error_set(reterr, -errno,
		ABOUT(.step = "cgroup", .path = scope->path,
			.remedy = "see whether the service manager delegates (Delegate=yes)"),
		"no group can be made in the scope %s: %s", scope->path, strerror(errno));
}

/* The path of a process's group, relative to the scope: "" = at its top, NULL = outside. */
static const char *place_in_scope(const struct scope *scope, const char *own)
{
	size_t len = strlen(scope->group);

	if (strncmp(own, scope->group, len) != 0 || (own[len] != '/' && own[len] != '\0'))
		return NULL;
	return own + len;
}

static int move_one(const struct scope *scope, pid_t pid)
{
	char number[24];
	autofd int fd = openat(scope->fd, supervisor, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	snprintf(number, sizeof(number), "%ld", (long)pid);
	return cgroup_file_write(fd, "cgroup.procs", number);
}

/* 1 = it was elsewhere. A process that has ended meanwhile is no error, but it may have started
 * another one before, which the list that is being gone through does not have. */
static int attach_one(const struct scope *scope, pid_t pid, ks_error **reterr)
{
	ks_error *error = NULL;
	int r = manager_attach(scope->manager, scope->unit, "/supervisor", pid, &error);

	if (r < 0 && r != -ESRCH && reterr)
		*reterr = error;
	else
		ks_error_free(error);
	return r < 0 && r != -ESRCH ? r : 1;
}

/* 1 = it was elsewhere, 0 = it is where it belongs, or is no more. */
static int bring_one(struct scope *scope, pid_t pid, ks_error **reterr)
{
	autofree char *own = NULL;
	const char *place;
	int r = cgroup_of_process(pid, &own);

	if (r < 0)
		return r == -ENOMEM ? error_oom(reterr) : 0;
	place = place_in_scope(scope, own);
	if (place && *place)
		return 0;
	if (place || move_one(scope, pid) == 0) {
		r = place ? move_one(scope, pid) : 0;
		if (r == 0 || r == -ESRCH)
			return 1;
		return error_set(reterr, r, ABOUT(.step = "cgroup", .path = scope->path),
			"a process cannot be moved inside the scope %s: %s", scope->path,
			strerror(-r));
	}
	return attach_one(scope, pid, reterr);
}

/* New processes appear next to their parents, so that one round without any that had to be moved
 * means that all are inside, and their children will be. */
static int bring_family(struct scope *scope, pid_t member, ks_error **reterr)
{
	pid_t family[FAMILY_MAX];

	for (int i = 0; i < ROUNDS; i++) {
		int n = cgroup_family(member, family, FAMILY_MAX);
		int moved = 0;

		if (n < 0)
			return error_set(reterr, n, ABOUT(.step = "cgroup"),
				"the monitor's processes cannot be listed: %s", strerror(-n));
		for (int j = 0; j < n; j++) {
			int r = bring_one(scope, family[j], reterr);

			if (r < 0)
				return r;
			moved += r;
		}
		if (!moved)
			return 0;
	}
	return error_set(reterr, -EBUSY, ABOUT(.step = "cgroup", .path = scope->path),
		"the monitor's processes do not come to rest in the scope %s", scope->path);
}

static int make_worker_group(struct cgroup_dir *dir, const struct scope *scope, ks_error **reterr)
{
	int r = cgroup_v2_enable(scope->path, dir->controllers, reterr);

	if (r < 0)
		return r;
	if (asprintf(&dir->path, "%s/worker", scope->path) < 0) {
		dir->path = NULL;
		return error_oom(reterr);
	}
	return cgroup_dir_make(dir, reterr);
}

static int scope_place(
	struct cgroup *group, const struct cgroup_limits *limits, pid_t member, ks_error **reterr)
{
	__attribute__((cleanup(scope_done))) struct scope scope = {.fd = -1};
	int r;

	(void)limits;
	if (!group->base)
		return error_set(reterr, -EINVAL, ABOUT(.step = "cgroup"),
			"the mount point of the unified hierarchy is not known");
	if (asprintf(&scope.unit, "%s.scope", group->name) < 0) {
		scope.unit = NULL;
		return error_oom(reterr);
	}
	r = manager_connect(group->scope_system, &scope.manager, reterr);
	if (r == 0)
		r = manager_start_scope(scope.manager, scope.unit, member, &scope.group, reterr);
	if (r == 0)
		r = open_scope(&scope, group->base, reterr);
	if (r == 0)
		r = bring_family(&scope, member, reterr);
	if (r == 0)
		r = make_worker_group(&group->dirs[0], &scope, reterr);
	return r;
}

const struct cgroup_ops cgroup_scope_ops = {.place = scope_place,
	.set_limits = cgroup_v2_set_limits,
	.usage = cgroup_v2_usage,
	.join_file = "cgroup.procs"};
