/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_LINUX_CGROUP_SWEEP_H
#define KS_LINUX_CGROUP_SWEEP_H

#include <stdbool.h>
#include <sys/types.h>

/* Whether the name of a directory is one of ours, "kastellan-PID-N", and whose. */
bool cgroup_parse_name(const char *name, pid_t *ret_pid);

#endif
