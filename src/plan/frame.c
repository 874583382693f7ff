/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/frame.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"

static int copy_request(
	struct ks_plan *plan, const struct plan_frame *frame, const struct plan_request *request)
{
	int r = ks_policy_copy(request->policy, &plan->policy);

	for (const char *const *arg = request->argv; r == 0 && arg && *arg; arg++)
		r = strv_add(&plan->argv, *arg);
	plan->kind = frame->kind;
	plan->evidence = frame->evidence;
	plan->tty = request->tty;
	plan->shared_proxy = request->shared_proxy;
	plan->search = strdup(frame->search);
	return r == 0 && !plan->search ? -ENOMEM : r;
}

int plan_make(const struct plan_frame *frame, const struct plan_request *request,
	struct grants *grants, struct ks_plan **ret_plan, ks_error **reterr)
{
	struct ks_plan *plan = plan_alloc();
	int r;

	if (!plan)
		return error_oom(reterr);
	plan->grants = *grants;
	if (copy_request(plan, frame, request) < 0)
		r = error_oom(reterr);
	else
		r = frame->fill(plan, request, reterr);
	if (r < 0) {
		plan->grants = (struct grants){0};
		plan_free(plan);
		return r;
	}
	*grants = (struct grants){0};
	*ret_plan = plan;
	return 0;
}
