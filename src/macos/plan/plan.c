/* SPDX-License-Identifier: Apache-2.0 */
/* What the planners of both backends begin with. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "macos/evidence.h"
#include "macos/plan/parts.h"
#include "plan/paths.h"

/* /usr/local and Homebrew's last: whoever may write there must not shadow the system's programs. */
#define SEARCH "/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin:/opt/homebrew/bin"

static int refuse_terminal(ks_error **reterr)
{
	return error_set(reterr, -EOPNOTSUPP,
		ABOUT(.step = "plan", .remedy = "leave --tty out: streams work as they are"),
		"a terminal of its own is not given to a worker on macOS in this version");
}

int macos_plan_with(plan_fill *fill, enum ks_backend_kind kind, const struct plan_request *request,
	struct grants *grants, struct ks_plan **ret_plan, ks_error **reterr)
{
	const struct plan_frame frame = {
		.kind = kind, .search = SEARCH, .evidence = MACOS_EVIDENCE, .fill = fill};
	int r = request->tty ? refuse_terminal(reterr) : macos_spell_grants(grants, reterr);

	return r < 0 ? r : plan_make(&frame, request, grants, ret_plan, reterr);
}

static bool names(const struct ks_policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->n_env; i++)
		if (strcmp(policy->env[i].name, name) == 0)
			return true;
	return false;
}

int macos_door_env(const struct ks_policy *policy, const char *path, struct strv *env)
{
	int r = 0;

	if (!names(policy, "KASTELLAN_PROXY"))
		r = strv_addf(env, "KASTELLAN_PROXY=unix:%s", path);
	if (r == 0 && !names(policy, "ALL_PROXY"))
		r = strv_addf(env, "ALL_PROXY=socks5h://localhost%s", path);
	return r;
}

static bool is_shown(const struct grants *grants, const char *path, bool by_asked)
{
	for (size_t i = 0; i < grants->len; i++) {
		const struct grant *grant = &grants->items[i];

		if (grant->directory && path_covers(by_asked ? grant->asked : grant->path, path))
			return true;
	}
	return false;
}

int macos_plan_cwd(
	struct ks_plan *plan, const struct plan_request *request, bool by_asked, ks_error **reterr)
{
	const char *cwd = request->cwd ? request->cwd : "/";
	char *wanted = by_asked ? strdup(cwd) : macos_spell(cwd);

	if (!wanted)
		return error_oom(reterr);
	if (strcmp(wanted, "/") == 0 || is_shown(&plan->grants, wanted, by_asked)) {
		plan->cwd = wanted;
		return 0;
	}
	free(wanted);
	if (request->cwd_asked)
		return error_set(reterr, -ENOENT,
			ABOUT(.step = "plan", .path = request->cwd,
				.remedy = "grant the directory (fs_read or fs_write), or choose /"),
			"cannot start in %s: no grant shows this directory inside", request->cwd);
	plan->cwd = strdup("/");
	return plan->cwd ? 0 : error_oom(reterr);
}
