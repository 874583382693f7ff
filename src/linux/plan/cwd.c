/* SPDX-License-Identifier: Apache-2.0 */
/* The working directory: the caller's where a grant shows it, else the root. It never adds a grant.
 * One that was asked for may also be a directory of the jail's own. */
#include "linux/plan/parts.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "plan/mounts.h"

static bool shown(const struct ks_plan *plan, const char *path, bool asked)
{
	const struct mount *mount = mount_list_covering(&plan->mounts, path);

	if (asked && strcmp(path, "/") == 0)
		return true;
	if (!mount)
		return false;
	if (mount->kind == MOUNT_BIND_GRANT)
		return plan->grants.items[mount->grant].directory;
	if (!asked)
		return false;
	return mount->kind == MOUNT_BIND_HOST ||
	       (mount->kind == MOUNT_TMPFS && strcmp(mount->path, path) == 0);
}

int plan_cwd(struct ks_plan *plan, const struct plan_request *request, ks_error **reterr)
{
	const char *cwd = "/";

	if (request->cwd && shown(plan, request->cwd, request->cwd_asked))
		cwd = request->cwd;
	else if (request->cwd && request->cwd_asked)
		return error_set(reterr, -ENOENT,
			ABOUT(.step = "plan", .path = request->cwd,
				.remedy =
					"grant the directory (fs_read or fs_write), or choose one "
					"that is visible inside, as / or /tmp"),
			"cannot start in %s: no grant shows this directory inside", request->cwd);
	plan->cwd = strdup(cwd);
	return plan->cwd ? 0 : error_oom(reterr);
}
