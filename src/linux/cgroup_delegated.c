/* SPDX-License-Identifier: Apache-2.0 */
/* Where a caller may make groups of version 2 by itself.
 *
 * With systemd every group has one writer: the unit that it was delegated to. Groups made elsewhere
 * work at first, and lose their limits silently when systemd takes a controller back for want of
 * units that need it. So only a group with the mark of delegation counts there, as far up as the
 * caller's own unit; everybody else asks the manager for a scope. Without systemd, whatever can be
 * written may be used.
 *
 * A group that holds processes cannot pass controllers on (but for the real root), so that the
 * search goes up from the caller's own group. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "linux/cgroup_file.h"
#include "linux/cgroup_probe.h"

static bool has_mark(const char *path, const char *name)
{
	char value[2] = "";

	return getxattr(path, name, value, sizeof(value)) == 1 && value[0] == '1';
}

/* user.delegate since systemd 251, trusted.delegate (for root alone) since 236. */
static bool is_delegated(const char *path)
{
	return has_mark(path, "user.delegate") || has_mark(path, "trusted.delegate");
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text);
	size_t end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static bool is_unit(const char *path)
{
	return ends_with(path, ".service") || ends_with(path, ".scope") ||
	       ends_with(path, ".slice");
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
				  "the caller's control group %s is not in a delegated subtree "
				  "with a "
				  "free inner group",
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
	for (;;) {
		/* Anything above the own unit is somebody else's. */
		bool last = strlen(path) <= floor || (systemd && is_unit(path));

		if ((!systemd || is_delegated(path)) && is_usable(path)) {
			*ret_base = take_ptr(path);
			return 0;
		}
		if (last)
			break;
		*strrchr(path, '/') = '\0';
	}
	return set_reason(ret_reason, systemd, own);
}
