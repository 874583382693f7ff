/* SPDX-License-Identifier: Apache-2.0 */
/* The whole planning of the backends that make a jail of namespaces, on one page: they differ in
 * who makes it, not in what is made; and the frame of the one that has none. Must not look at the
 * host: all that is known of it is in the facts and in the opened grants. */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "linux/plan/parts.h"

#define SEARCH "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"

static int copy_request(
	struct ks_plan *plan, enum ks_backend_kind kind, const struct plan_request *request)
{
	int r = ks_policy_copy(request->policy, &plan->policy);

	for (const char *const *arg = request->argv; r == 0 && arg && *arg; arg++)
		r = strv_add(&plan->argv, *arg);
	plan->kind = kind;
	plan->tty = request->tty;
	plan->search = strdup(SEARCH);
	return r == 0 && !plan->search ? -ENOMEM : r;
}

static int fill_namespaces(
	struct ks_plan *plan, const struct plan_request *request, ks_error **reterr)
{
	const struct ks_host *host = request->host;
	int r;

	plan_network(plan);
	plan_identity(plan, host);
	plan_filter(plan, host);
	plan_limits(plan, host);
	r = plan_mounts(plan, host, reterr);
	if (r < 0)
		return r;
	r = plan_cwd(plan, request, reterr);
	if (r < 0)
		return r;
	if (plan_landlock(plan, host) < 0 || plan_receipt(plan, host) < 0 ||
		plan_receipt_limits(plan, host) < 0)
		return error_oom(reterr);
	return 0;
}

int plan_with(plan_fill *fill, enum ks_backend_kind kind, const struct plan_request *request,
	struct grants *grants, struct ks_plan **ret_plan, ks_error **reterr)
{
	struct ks_plan *plan;
	int r;

	plan = plan_alloc();
	if (!plan)
		return error_oom(reterr);
	if (copy_request(plan, kind, request) < 0) {
		plan_free(plan);
		return error_oom(reterr);
	}
	plan->grants = *grants;
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

int plan_linux(enum ks_backend_kind kind, const struct plan_request *request, struct grants *grants,
	struct ks_plan **ret_plan, ks_error **reterr)
{
	return plan_with(fill_namespaces, kind, request, grants, ret_plan, reterr);
}
