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

static int copy_request(
	struct ks_plan *plan, enum ks_backend_kind kind, const struct plan_request *request)
{
	int r = ks_policy_copy(request->policy, &plan->policy);

	for (const char *const *arg = request->argv; r == 0 && arg && *arg; arg++)
		r = strv_add(&plan->argv, *arg);
	plan->kind = kind;
	plan->evidence = MACOS_EVIDENCE;
	plan->search = strdup(SEARCH);
	return r == 0 && !plan->search ? -ENOMEM : r;
}

static int refuse_terminal(ks_error **reterr)
{
	return error_set(reterr, -EOPNOTSUPP,
		ABOUT(.step = "plan", .remedy = "leave --tty out: streams work as they are"),
		"a terminal of its own is not given to a worker on macOS in this version");
}

int macos_plan_with(macos_fill *fill, enum ks_backend_kind kind, const struct plan_request *request,
	struct grants *grants, struct ks_plan **ret_plan, ks_error **reterr)
{
	struct ks_plan *plan;
	int r = request->tty ? refuse_terminal(reterr) : macos_spell_grants(grants, reterr);

	if (r < 0)
		return r;
	plan = plan_alloc();
	if (!plan)
		return error_oom(reterr);
	plan->grants = *grants;
	if (copy_request(plan, kind, request) < 0)
		r = error_oom(reterr);
	else
		r = fill(plan, request, reterr);
	if (r < 0) {
		plan->grants = (struct grants){0};
		plan_free(plan);
		return r;
	}
	*grants = (struct grants){0};
	*ret_plan = plan;
	return 0;
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
