/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_LINUX_CGROUP_PIDS_H
#define KS_LINUX_CGROUP_PIDS_H

#include "linux/cgroup/group.h"

#define CGROUP_NUMBER_TEXT 24

/* A limit as most files want it; "max" is none. */
void cgroup_limit_text(uint64_t value, char text[CGROUP_NUMBER_TEXT]);

/* For the managers: set_limits and usage of the one controller. */
int cgroup_set_tasks(struct cgroup *group, uint64_t tasks, ks_error **reterr);
int cgroup_tasks_usage(const struct cgroup_dir *dir, struct cgroup_usage *ret);

#endif
