/* SPDX-License-Identifier: Apache-2.0 */
/* Processes by descent, from /proc. */
#ifndef KS_LINUX_CGROUP_FAMILY_H
#define KS_LINUX_CGROUP_FAMILY_H

#include <sys/types.h>

/* The process and its descendants, parents first. Returns their number or -errno (-E2BIG: more than
 * room). Without /proc/PID/task/TID/children only the process itself is found. */
int cgroup_family(pid_t pid, pid_t *family, int room);

/* The path of its group of version 2. -ESRCH if the process is gone, or has ended: the kernel says
 * that it moves one of these, and does not. */
int cgroup_of_process(pid_t pid, char **ret_path);

#endif
