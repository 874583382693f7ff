/* SPDX-License-Identifier: Apache-2.0 */
/* Where a caller may make groups of version 2 by itself.
 *
 * With systemd every group has one writer: its manager, or the unit that it was delegated to.
 * Groups made elsewhere work at first, and lose their limits silently when the manager takes a
 * controller back for want of units that need it. A caller in a sub-group of a unit's group is in a
 * delegated unit, because nobody else may make sub-groups; so the search goes up to the own unit
 * and no further, and everybody else asks the manager for a scope. (Marks of delegation in extended
 * attributes say less: a user's manager does not set them.) Without systemd, whatever can be
 * written may be used.
 *
 * A group that holds processes cannot pass controllers on (but for the real root), so that the
 * search hardly ever ends at the caller's own group. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "linux/cgroup/file.h"
#include "linux/cgroup/probe.h"

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text);
	size_t end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* Slices belong to the manager, always. */
static bool is_slice(const char *path)
{
	return ends_with(path, ".slice");
}

static bool is_unit(const char *path)
{
	return ends_with(path, ".service") || ends_with(path, ".scope");
}

/* Whether groups can be made in it and get controllers. */
static bool is_usable(const char *path)
{
	autofd int dir = -1;
	char text[KS_MAX_CGROUP_FILE];

	if (faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) < 0)
		return false;
	dir = cgroup_dir_open(path);
	if (dir < 0)
		return false;
	if (cgroup_file_read(dir, "cgroup.subtree_control", text) > 0 &&
		cgroup_has_word(text, "memory") && cgroup_has_word(text, "pids"))
		return true;
	if (cgroup_file_read(dir, "cgroup.controllers", text) <= 0 ||
		!(cgroup_has_word(text, "memory") || cgroup_has_word(text, "pids")))
		return false;
	if (faccessat(dir, "cgroup.subtree_control", W_OK, AT_EACCESS) < 0)
		return false;
	/* The real root alone has no such file, and no rule against processes. */
	return !cgroup_file_exists(dir, "cgroup.events") ||
	       cgroup_file_read(dir, "cgroup.procs", text) == 0;
}

static int set_reason(char **ret_reason, bool systemd, const char *own)
{
	int n = systemd ? asprintf(ret_reason,
				  "the caller's control group %s is not below a unit's that is "
				  "delegated and free of processes itself",
				  own)
			: asprintf(ret_reason,
				  "neither the caller's control group %s nor one above it can be "
				  "written, has the controllers memory or pids and is free of "
				  "processes",
				  own);

	if (n >= 0)
		return 0;
	*ret_reason = NULL;
	return -ENOMEM;
}

int cgroup_find_delegated(
	const char *mount, const char *own, bool systemd, char **ret_base, char **ret_reason)
{
	autofree char *path = strdup(access(own, F_OK) == 0 ? own : mount);
	size_t floor = strlen(mount);

	if (!path)
		return -ENOMEM;
	while (strlen(path) >= floor) {
		bool unit = is_unit(path);

		if ((!systemd || unit) && is_usable(path)) {
			*ret_base = take_ptr(path);
			return 0;
		}
		if ((systemd && (unit || is_slice(path))) || strlen(path) == floor)
			break;
		*strrchr(path, '/') = '\0';
	}
	return set_reason(ret_reason, systemd, own);
}
