/* SPDX-License-Identifier: Apache-2.0 */
/* What the managers have in common: names, the order of the steps, descriptors. Should: have every
 * limit read back before a descriptor to join is handed out. Must not: end a process. */
#include "linux/cgroup/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "linux/cgroup/file.h"
#include "linux/cgroup/group.h"

#define NAME_ATTEMPTS 1000
#define SWEEP_EVERY 64 /* groups: a sweep reads whole directories */

static const char *const none_remedy =
	"see kastellan doctor for what this host lacks, or run without limits on memory, tasks and "
	"CPU quota (mem_mb 0)";

/* Counts the groups of this process. */
static atomic_uint next_group;

const struct cgroup_dir *cgroup_dir_of(const struct cgroup *group, unsigned controller)
{
	for (size_t i = 0; i < group->n_dirs; i++)
		if (group->dirs[i].controllers & controller)
			return &group->dirs[i];
	return NULL;
}

static int add_dir(struct cgroup *group, const char *base, unsigned controller)
{
	struct cgroup_dir *dir;
	char *path;

	if (!(group->controllers & controller))
		return 0;
	if (!base) {
		group->controllers &= ~controller;
		return 0;
	}
	if (asprintf(&path, "%s/%s", base, group->name) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < group->n_dirs; i++)
		if (strcmp(group->dirs[i].path, path) == 0) {
			group->dirs[i].controllers |= controller;
			free(path);
			return 0;
		}
	dir = &group->dirs[group->n_dirs++];
	*dir = (struct cgroup_dir){.path = path, .controllers = controller, .fd = -1, .join = -1};
	return 0;
}

static int add_dirs(struct cgroup *group, const struct host_cgroup *host)
{
	int r;

	switch (host->manager) {
	case CGROUP_V1:
		r = add_dir(group, host->v1_memory, CONTROLLER_MEMORY);
		if (r == 0)
			r = add_dir(group, host->v1_pids, CONTROLLER_PIDS);
		if (r == 0)
			r = add_dir(group, host->v1_cpuacct, CONTROLLER_CPUACCT);
		if (r == 0)
			r = add_dir(group, host->v1_cpu, CONTROLLER_CPU);
		return r;
	case CGROUP_V2:
		return add_dir(group, host->v2_base, group->controllers);
	default:
		/* Only the service manager knows where its scope will be. */
		group->dirs[group->n_dirs++] = (struct cgroup_dir){
			.controllers = group->controllers, .fd = -1, .join = -1};
		return 0;
	}
}

static void drop_dirs(struct cgroup *group)
{
	for (size_t i = 0; i < group->n_dirs; i++) {
		struct cgroup_dir *dir = &group->dirs[i];

		cleanup_close(&dir->fd);
		cleanup_close(&dir->join);
		free(dir->path);
	}
	group->n_dirs = 0;
}

static bool is_taken(const struct cgroup *group)
{
	for (size_t i = 0; i < group->n_dirs; i++)
		if (group->dirs[i].path && access(group->dirs[i].path, F_OK) == 0)
			return true;
	return false;
}

/* Pids are not enough: supervisors in different pid namespaces can have the same one and share the
 * hierarchy, also at the same moment. */
static unsigned fresh_number(void)
{
	unsigned number;

	if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != sizeof(number))
		number = atomic_fetch_add(&next_group, 1);
	return number;
}

/* A predecessor may have left groups of the same name. */
static int choose_name(struct cgroup *group, const struct host_cgroup *host, unsigned *ret_number)
{
	for (int i = 0; i < NAME_ATTEMPTS; i++) {
		unsigned number = fresh_number();
		int r;

		free(group->name);
		if (asprintf(&group->name, CGROUP_NAME_PREFIX "%ld-%u", (long)getpid(), number) <
			0) {
			group->name = NULL;
			return -ENOMEM;
		}
		drop_dirs(group);
		r = add_dirs(group, host);
		if (r < 0)
			return r;
		if (!is_taken(group)) {
			*ret_number = number;
			return 0;
		}
	}
	return -EEXIST;
}

static void sweep_all(const struct host_cgroup *host)
{
	if (host->manager == CGROUP_V2)
		cgroup_sweep(host->v2_base, CGROUP_SETTLE_SECONDS);
	if (host->manager != CGROUP_V1)
		return;
	cgroup_sweep(host->v1_memory, CGROUP_SETTLE_SECONDS);
	cgroup_sweep(host->v1_pids, CGROUP_SETTLE_SECONDS);
	cgroup_sweep(host->v1_cpu, CGROUP_SETTLE_SECONDS);
	cgroup_sweep(host->v1_cpuacct, CGROUP_SETTLE_SECONDS);
}

static const struct cgroup_ops *manager_ops(enum host_cgroup_manager manager)
{
	switch (manager) {
	case CGROUP_V1:
		return &cgroup_v1_ops;
	case CGROUP_V2:
		return &cgroup_v2_ops;
	case CGROUP_SCOPE:
		return &cgroup_scope_ops;
	default:
		return NULL;
	}
}

static int fill_new(struct cgroup *group, const struct host_cgroup *host, unsigned *ret_number)
{
	group->controllers = (host->memory ? CONTROLLER_MEMORY : 0u) |
			     (host->tasks ? CONTROLLER_PIDS : 0u) |
			     (host->cpu_quota ? CONTROLLER_CPU : 0u) |
			     (host->cpu_time ? CONTROLLER_CPUACCT : 0u);
	group->swap = host->swap;
	group->scope_system = host->scope_system;
	if (host->v2_base) {
		group->base = strdup(host->v2_base);
		if (!group->base)
			return -ENOMEM;
	}
	return choose_name(group, host, ret_number);
}

int cgroup_new(const struct host_cgroup *host, struct cgroup **ret_group, ks_error **reterr)
{
	const struct cgroup_ops *ops = manager_ops(host->manager);
	struct cgroup *group;
	unsigned number = 0;
	int r;

	if (!ops)
		return error_set(reterr, -EOPNOTSUPP,
			ABOUT(.step = "cgroup", .remedy = none_remedy),
			"no control group can be made on this host: %s",
			host->reason ? host->reason : "no manager was found");
	group = calloc(1, sizeof(*group));
	if (!group)
		return error_oom(reterr);
	group->ops = ops;
	group->event_fd = -1;
	group->limits = (struct cgroup_limits){CGROUP_NO_LIMIT, CGROUP_NO_LIMIT, CGROUP_NO_LIMIT};
	r = fill_new(group, host, &number);
	if (r < 0) {
		cgroup_free(group);
		if (r == -ENOMEM)
			return error_oom(reterr);
		return error_set(reterr, r,
			ABOUT(.step = "cgroup", .remedy = "remove groups named " CGROUP_NAME_PREFIX
							  "* that are left over, with rmdir"),
			"no free name for a control group was found in %d attempts", NAME_ATTEMPTS);
	}
	if (number % SWEEP_EVERY == 0)
		sweep_all(host);
	*ret_group = group;
	return 0;
}

int cgroup_directories(const struct cgroup *group, struct strv *ret)
{
	for (size_t i = 0; i < group->n_dirs; i++) {
		int r = group->dirs[i].path ? strv_add(ret, group->dirs[i].path) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

int cgroup_dir_make(struct cgroup_dir *dir, ks_error **reterr)
{
	if (mkdir(dir->path, 0755) < 0)
		return error_set(reterr, -errno,
			ABOUT(.step = "cgroup", .path = dir->path, .remedy = none_remedy),
			"the control group %s cannot be made: %s", dir->path, strerror(errno));
	dir->exists = true;
	dir->fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (dir->fd < 0)
		return error_set(reterr, -errno, ABOUT(.step = "cgroup", .path = dir->path),
			"the control group %s cannot be opened: %s", dir->path, strerror(errno));
	/* Tells a sweep in any pid namespace that somebody cares for this group. Where it fails,
	 * the pid in the name still does. */
	flock(dir->fd, LOCK_SH | LOCK_NB);
	return 0;
}

static int refuse(const char *field, const char *what, ks_error **reterr)
{
	return error_set(reterr, -EOPNOTSUPP,
		ABOUT(.step = "cgroup", .field = field, .remedy = none_remedy),
		"the control groups of this host cannot limit %s", what);
}

static int check_wanted(
	const struct cgroup *group, const struct cgroup_limits *limits, ks_error **reterr)
{
	if (limits->memory_bytes != CGROUP_NO_LIMIT && !(group->controllers & CONTROLLER_MEMORY))
		return refuse("mem_mb", "memory", reterr);
	if (limits->tasks != CGROUP_NO_LIMIT && !(group->controllers & CONTROLLER_PIDS))
		return refuse("tasks_max", "the number of tasks", reterr);
	if (limits->cpu_quota_pct != CGROUP_NO_LIMIT && !(group->controllers & CONTROLLER_CPU))
		return refuse("cpu_quota_pct", "the use of processors", reterr);
	if (cgroup_round_to_pages(limits->memory_bytes) != 0 && limits->tasks != 0 &&
		limits->cpu_quota_pct != 0)
		return 0;
	return error_set(reterr, -EINVAL, ABOUT(.step = "cgroup"),
		"a limit of a control group is zero, which nothing can run under");
}

static int open_join(struct cgroup *group, ks_error **reterr)
{
	for (size_t i = 0; i < group->n_dirs; i++) {
		struct cgroup_dir *dir = &group->dirs[i];

		if (!dir->exists)
			continue;
		dir->join = openat(dir->fd, group->ops->join_file, O_WRONLY | O_CLOEXEC);
		if (dir->join < 0)
			return error_set(reterr, -errno,
				ABOUT(.step = "cgroup", .path = dir->path, .remedy = none_remedy),
				"%s of the control group %s cannot be opened: %s",
				group->ops->join_file, dir->path, strerror(errno));
	}
	return 0;
}

int cgroup_create(
	struct cgroup *group, const struct cgroup_limits *limits, pid_t member, ks_error **reterr)
{
	int r = check_wanted(group, limits, reterr);

	if (r < 0)
		return r;
	r = group->ops->place(group, limits, member, reterr);
	if (r == 0)
		r = cgroup_set_limits(group, limits, reterr);
	if (r == 0)
		r = open_join(group, reterr);
	if (r == 0) {
		r = group->ops == &cgroup_v1_ops ? cgroup_watch_v1(group) : cgroup_watch_v2(group);
		if (r < 0)
			error_set(reterr, r, ABOUT(.step = "cgroup", .field = "mem_mb"),
				"out-of-memory events of the control group cannot be watched: %s",
				strerror(-r));
	}
	if (r < 0)
		cgroup_remove(group);
	return r;
}

int cgroup_set_limits(struct cgroup *group, const struct cgroup_limits *limits, ks_error **reterr)
{
	int r = check_wanted(group, limits, reterr);

	if (r == 0)
		r = group->ops->set_limits(group, limits, reterr);
	return r;
}

int cgroup_join_fds(const struct cgroup *group, int ret_fds[CGROUP_MAX_JOIN])
{
	int n = 0;

	for (size_t i = 0; i < group->n_dirs; i++)
		if (group->dirs[i].join >= 0)
			ret_fds[n++] = group->dirs[i].join;
	return n;
}

int cgroup_usage(const struct cgroup *group, struct cgroup_usage *ret)
{
	struct cgroup_usage usage = {0};
	int r = group->ops->usage(group, &usage);

	if (r == 0)
		*ret = usage;
	return r;
}

void cgroup_free(struct cgroup *group)
{
	if (!group)
		return;
	drop_dirs(group);
	cleanup_close(&group->event_fd);
	free(group->name);
	free(group->base);
	free(group);
}
