/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of a worker without namespaces, for hosts that allow none. What it needs of the host's
 * files is ruled in, and everything else stays closed; what nothing here can hold is said in the
 * receipt. */
#include "linux/plan/landlock_backend.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "linux/plan/parts.h"
#include "plan/frame.h"
#include "plan/landlock.h"
#include "plan/paths.h"

#define TEMPORARY "/tmp"

/* The caller's own, or ids that own nothing where it may give some away; never a mapped one. */
static void plan_ids(struct ks_plan *plan, const struct ks_host *host)
{
	plan->identity = (struct identity_plan){
		.uid = host->uid, .gid = host->gid, .drop = host->set_ids, .on_host = true};
}

/* Every socket would be the host's, so both profiles have none. */
static void plan_host_filter(struct ks_plan *plan, const struct ks_host *host)
{
	plan_filter(plan, host);
	plan->filter.on_host = true;
	plan->filter.scoped = plan->landlock.scoped & LANDLOCK_BIT(SCOPE_SIGNAL) ? true : false;
}

static int check_grants(const struct ks_plan *plan, ks_error **reterr)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->grants.len; i++)
		r = plan_check_grant(&plan->grants.items[i], reterr);
	return r;
}

static bool is_system(const struct ks_host *host, const char *path)
{
	for (size_t i = 0; i < host->n_paths; i++)
		if (host->paths[i].kind == HOST_DIRECTORY &&
			!path_beneath("/proc", host->paths[i].path) &&
			path_covers(host->paths[i].path, path))
			return true;
	return false;
}

static bool is_granted(const struct grants *grants, const char *path)
{
	for (size_t i = 0; i < grants->len; i++)
		if (grants->items[i].directory && path_covers(grants->items[i].path, path))
			return true;
	return false;
}

static int plan_host_cwd(
	struct ks_plan *plan, const struct plan_request *request, ks_error **reterr)
{
	const char *cwd = "/";

	if (request->cwd && (is_granted(&plan->grants, request->cwd) ||
				    (request->cwd_asked && is_system(request->host, request->cwd))))
		cwd = request->cwd;
	else if (request->cwd && request->cwd_asked && strcmp(request->cwd, "/") != 0)
		return error_set(reterr, -ENOENT,
			ABOUT(.step = "plan", .path = request->cwd,
				.remedy = "grant the directory (fs_read or fs_write), or choose "
					  "one that the worker may read, as / or /usr"),
			"cannot start in %s: no grant shows this directory inside", request->cwd);
	plan->cwd = strdup(cwd);
	return plan->cwd ? 0 : error_oom(reterr);
}

static bool names_directory(const struct ks_policy *policy)
{
	for (size_t i = 0; i < policy->n_env; i++)
		if (strcmp(policy->env[i].name, "TMPDIR") == 0)
			return true;
	return false;
}

static int check_net(const struct ks_plan *plan, ks_error **reterr)
{
	if (plan->policy->net != KS_NET_PROXY_EGRESS)
		return 0;
	return error_set(reterr, -EOPNOTSUPP,
		ABOUT(.step = "plan", .field = "net",
			.remedy = "use backend Bwrap or Native for it"),
		"net: \"ProxyEgress\" gives the host's network, before which this backend has "
		"nothing to hold the worker's sockets apart");
}

static int fill(struct ks_plan *plan, const struct plan_request *request, ks_error **reterr)
{
	const struct ks_host *host = request->host;
	int r = check_net(plan, reterr);

	if (r == 0)
		r = check_grants(plan, reterr);

	if (r == 0)
		r = plan_host_cwd(plan, request, reterr);
	if (r < 0)
		return r;
	plan->temporary = strdup(TEMPORARY);
	plan->temporary_named = !names_directory(plan->policy);
	plan_ids(plan, host);
	if (!plan->temporary || plan_landlock_on_host(plan, host) < 0)
		return error_oom(reterr);
	plan_host_filter(plan, host);
	plan_limits(plan, host);
	if (plan_receipt_on_host(plan) < 0 || plan_receipt_limits(plan, host) < 0)
		return error_oom(reterr);
	return 0;
}

int plan_landlock_backend(const struct plan_request *request, struct grants *grants,
	struct ks_plan **ret_plan, ks_error **reterr)
{
	const struct plan_frame frame = {
		.kind = KS_BACKEND_LANDLOCK, .search = PLAN_SEARCH, .fill = fill};

	return plan_make(&frame, request, grants, ret_plan, reterr);
}
