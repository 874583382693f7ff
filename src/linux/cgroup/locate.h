/* SPDX-License-Identifier: Apache-2.0 */
/* Where a hierarchy is mounted and which directory of it is the caller's own group. Pure: takes the
 * texts of /proc/self/mountinfo and /proc/self/cgroup. */
#ifndef KS_LINUX_CGROUP_LOCATE_H
#define KS_LINUX_CGROUP_LOCATE_H

#define CGROUP_UNIFIED NULL /* in place of a controller's name: version 2 */

/* *ret_mount: the mount point. *ret_own: the directory of the caller's own group below it, which is
 * the mount point itself where the group lies outside of what is mounted (a container whose mount
 * shows a part of the hierarchy). Both are the caller's to free. -ENOENT: not mounted, -ENOMEM. */
int cgroup_locate(const char *mountinfo, const char *own_groups, const char *controller,
	char **ret_mount, char **ret_own);

/* The path of the caller's own group as /proc/self/cgroup has it. -ENOENT if it has none. */
int cgroup_own_path(const char *own_groups, const char *controller, char **ret_path);

#endif
