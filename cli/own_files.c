/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/own_files.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "plan/paths.h"

/* The longest of the grants around the path. */
static size_t around(const ks_policy *policy,
	const char *(*grant_at)(const ks_policy *, size_t, int *), const char *path)
{
	char real[PATH_MAX];
	const char *grant;
	size_t longest = 0;
	int optional;

	for (size_t i = 0; (grant = grant_at(policy, i, &optional)); i++)
		/* One that is not there is told of elsewhere. */
		if (realpath(grant, real) && path_covers(real, path) && strlen(real) > longest)
			longest = strlen(real);
	return longest;
}

/* Without mounts a grant for reading does not protect what lies in one for writing. */
static bool worker_writes(const struct arguments *arguments, const char *path)
{
	const ks_policy *policy = arguments->policy;
	size_t written = around(policy, ks_policy_write_path, path);

	if (arguments->backend && strcmp(arguments->backend, "landlock") == 0)
		return written;
	return written && written >= around(policy, ks_policy_read_path, path);
}

/* The name itself: its directory without links, and what it is called there. */
static bool real_name(const char *path, char name[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	const char *last = slash ? slash + 1 : path;
	char *directory = slash ? strndup(path, (size_t)(last - path)) : strdup(".");
	bool found = directory && realpath(directory, name);
	size_t len = found ? strlen(name) : 0;

	free(directory);
	if (!found || len + 1 + strlen(last) >= PATH_MAX)
		return false;
	name[len] = '/';
	memcpy(name + len + 1, last, strlen(last) + 1);
	return true;
}

/* The name can be replaced in its directory, and what it leads to where that lies. */
static bool can_be_replaced(const struct arguments *arguments, const char *path)
{
	char real[PATH_MAX];

	if (real_name(path, real) && worker_writes(arguments, real))
		return true;
	return realpath(path, real) && worker_writes(arguments, real);
}

static int check_output(const struct arguments *arguments, const char *option, const char *what,
	const char **where, ks_error **reterr)
{
	const char *path = *where;

	if (!path || strncmp(path, "fd:", 3) == 0 || !can_be_replaced(arguments, path))
		return 0;
	*where = NULL;
	return error_set(reterr, -EPERM,
		ABOUT(.step = "usage", .path = path,
			.remedy = "name a file outside of what is granted with fs_write"),
		"%s: %s lies in a writable grant: the worker could write its own %s", option, path,
		what);
}

int own_files_check(struct arguments *arguments, ks_error **reterr)
{
	const char *policy = arguments->policy_file;
	int r;

	if (!arguments->policy)
		return 0;
	r = check_output(arguments, "--status", "outcome", &arguments->status, reterr);
	if (r == 0)
		r = check_output(arguments, "--egress-audit", "audit", &arguments->audit, reterr);
	if (r < 0)
		return r;
	if (policy && can_be_replaced(arguments, policy))
		return error_set(reterr, -EPERM,
			ABOUT(.step = "usage", .path = policy,
				.remedy = "keep it outside of what is granted with fs_write, or "
					  "protect it there: name it in fs_read"),
			"--policy: %s lies in a writable grant: the worker could write the policy "
			"of the next run",
			policy);
	return 0;
}

/* What the tool with those arguments must not replace. */
static int check_tool(const struct arguments *one, const char *tool, const char *option,
	const char *file, ks_error **reterr)
{
	if (!file || !can_be_replaced(one, file))
		return 0;
	return error_set(reterr, -EPERM,
		ABOUT(.step = "usage", .path = file,
			.remedy = "keep it outside of what is granted with fs_write, or protect it "
				  "there: name it in fs_read"),
		"--%s: %s lies in a writable grant of tool \"%s\": its worker could write what "
		"the next ones may, or stand in for the socket",
		option, file, tool);
}

int own_files_check_tools(
	const struct arguments *arguments, const ks_tools *tools, ks_error **reterr)
{
	struct ks_tool tool = {.size = sizeof(tool)}, other = tool;
	int r = 0;

	for (size_t i = 0; r == 0 && ks_tools_get(tools, i, &tool) == 0; i++) {
		const struct arguments one = {.policy = (ks_policy *)tool.policy,
			.backend = tool.backend == KS_BACKEND_NONE
					   ? arguments->backend
					   : ks_backend_kind_name(tool.backend)};

		r = check_tool(&one, tool.name, "tools", arguments->tools_file, reterr);
		if (r == 0)
			r = check_tool(&one, tool.name, "socket", arguments->socket, reterr);
		for (size_t k = 0; r == 0 && ks_tools_get(tools, k, &other) == 0; k++)
			r = check_tool(&one, tool.name, "tools", other.policy_file, reterr);
	}
	return r;
}
