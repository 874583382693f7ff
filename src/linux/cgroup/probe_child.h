/* SPDX-License-Identifier: Apache-2.0 */
/* A process that does nothing but have a child of its own join a group; and that removes the group
 * if the caller is killed meanwhile. Both are invisible to the caller's own waits and raise no
 * SIGCHLD. */
#ifndef KS_LINUX_CGROUP_PROBE_CHILD_H
#define KS_LINUX_CGROUP_PROBE_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <kastellan/error.h>

struct probe_child {
	pid_t pid;
	int pidfd;
	int caller; /* pidfd */
	bool asked; /* to join */
	int sockets[2]; /* ours, the child's */
};

struct cgroup;

/* Before anything of the group is made, whose directories are read here. */
int probe_child_start(struct probe_child *ret, const struct cgroup *group, ks_error **reterr);

/* Has its child write to the descriptors. That stays in the group until it is killed there. */
int probe_child_join(struct probe_child *child, const int *fds, size_t n_fds, ks_error **reterr);

void probe_child_end(struct probe_child *child);

#endif
