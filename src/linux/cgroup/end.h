/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_LINUX_CGROUP_END_H
#define KS_LINUX_CGROUP_END_H

#include <stddef.h>
#include <sys/types.h>

#define CGROUP_MEMBERS_AT_ONCE 128 /* pinned by a descriptor each */

/* The pids of a cgroup.procs text, without what cannot be ended. Returns their number. */
size_t cgroup_parse_members(const char *text, pid_t *pids, size_t room);

#endif
