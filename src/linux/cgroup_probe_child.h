/* SPDX-License-Identifier: Apache-2.0 */
/* A process that does nothing but join a group and end. It is invisible to the caller's own waits
 * and raises no SIGCHLD. */
#ifndef KS_LINUX_CGROUP_PROBE_CHILD_H
#define KS_LINUX_CGROUP_PROBE_CHILD_H

#include <stddef.h>
#include <sys/types.h>

#include <kastellan/error.h>

struct probe_child {
	pid_t pid;
	int pidfd;
	int sockets[2]; /* ours, the child's */
};

int probe_child_start(struct probe_child *ret, ks_error **reterr);

/* Has it write to the descriptors. It stays in the group. */
int probe_child_join(struct probe_child *child, const int *fds, size_t n_fds, ks_error **reterr);

void probe_child_end(struct probe_child *child);

#endif
