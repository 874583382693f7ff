/* SPDX-License-Identifier: Apache-2.0 */
/* The whole planning of the backends that make a jail of namespaces, on one page: they differ in
 * who makes it, not in what is made. Must not look at the host: all that is known of it is in the
 * facts and in the opened grants. */
#include "base/error.h"
#include "linux/plan/parts.h"
#include "plan/frame.h"

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

int plan_linux(enum ks_backend_kind kind, const struct plan_request *request, struct grants *grants,
	struct ks_plan **ret_plan, ks_error **reterr)
{
	const struct plan_frame frame = {
		.kind = kind, .search = PLAN_SEARCH, .fill = fill_namespaces};

	return plan_make(&frame, request, grants, ret_plan, reterr);
}
