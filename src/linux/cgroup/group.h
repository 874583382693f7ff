/* SPDX-License-Identifier: Apache-2.0 */
/* A control group from the inside, for the managers (v1.c, v2.c, scope.c) and
 * the parts that they share. */
#ifndef KS_LINUX_CGROUP_GROUP_H
#define KS_LINUX_CGROUP_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "linux/cgroup/cgroup.h"

enum {
	CONTROLLER_MEMORY = 1 << 0,
	CONTROLLER_PIDS = 1 << 1,
	CONTROLLER_CPU = 1 << 2,
	CONTROLLER_CPUACCT = 1 << 3,
	CONTROLLER_ALL = (1 << 4) - 1
};

/* One directory: a hierarchy of version 1, or the group of version 2. */
struct cgroup_dir {
	char *path; /* NULL: a scope that has not been made yet */
	unsigned controllers; /* of ours, that count in it */
	bool exists; /* made by us and not removed yet */
	int fd; /* of the directory; holds the lock that says "in use" */
	int join; /* O_WRONLY, or -1 */
};

struct cgroup_ops {
	/* Makes and opens the directories. On failure what exists is marked so. */
	int (*place)(struct cgroup *group, const struct cgroup_limits *limits, pid_t member,
		ks_error **reterr);
	/* Writes what differs from group->limits and reads it back. */
	int (*set_limits)(
		struct cgroup *group, const struct cgroup_limits *limits, ks_error **reterr);
	int (*usage)(const struct cgroup *group, struct cgroup_usage *ret);
	/* The file to write "0" to. */
	const char *join_file;
};

struct cgroup {
	const struct cgroup_ops *ops;
	unsigned controllers; /* that may be used */
	bool swap;
	bool scope_system;
	char *name;
	char *base; /* v2: where the group goes; scope: mount point of the hierarchy */
	struct cgroup_dir dirs[CGROUP_MAX_JOIN];
	size_t n_dirs;
	struct cgroup_limits limits; /* in force */
	int event_fd;
	uint32_t event_mask;
	uint64_t event_kills; /* as counted when the event was last cleared */
};

extern const struct cgroup_ops cgroup_v1_ops;
extern const struct cgroup_ops cgroup_v2_ops;
extern const struct cgroup_ops cgroup_scope_ops;

/* The directory in which a controller counts, or NULL. */
const struct cgroup_dir *cgroup_dir_of(const struct cgroup *group, unsigned controller);

/* Makes the directory and opens it. */
int cgroup_dir_make(struct cgroup_dir *dir, ks_error **reterr);

/* Version 2, also inside of a scope. */
int cgroup_v2_set_limits(
	struct cgroup *group, const struct cgroup_limits *limits, ks_error **reterr);
int cgroup_v2_usage(const struct cgroup *group, struct cgroup_usage *ret);
/* Has the group at path pass the controllers on to its children. */
int cgroup_v2_enable(const char *path, unsigned controllers, ks_error **reterr);

/* Events (watch.c): opens what cgroup_event_fd() gives; a group without memory has none. */
int cgroup_watch_v1(struct cgroup *group);
int cgroup_watch_v2(struct cgroup *group);

/* Removes empty groups below base whose supervisor is gone and which are older than settle_seconds
 * (sweep.c). base may be NULL. */
#define CGROUP_SETTLE_SECONDS 10 /* longer than it takes from a group's making to its lock */
void cgroup_sweep(const char *base, int settle_seconds);

/* One percent of the period of a quota, which is the kernel's default of both versions. */
#define CGROUP_PERIOD_USEC 100000
#define CGROUP_PERCENT_USEC (CGROUP_PERIOD_USEC / 100)

#define CGROUP_NAME_PREFIX "kastellan-"

#endif
