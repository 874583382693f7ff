/* SPDX-License-Identifier: Apache-2.0 */
/* What every planner begins and ends with. */
#ifndef KS_PLAN_FRAME_H
#define KS_PLAN_FRAME_H

#include "plan/plan.h"

typedef int plan_fill(struct ks_plan *plan, const struct plan_request *request, ks_error **reterr);

struct plan_frame {
	enum ks_backend_kind kind;
	const char *search; /* where a program without a slash is looked for */
	const char *evidence; /* as in the plan */
	plan_fill *fill;
};

/* Copies the request, has the plan filled, hands the grants over. On success the plan owns *grants,
 * which is then empty; on failure the caller still does. */
int plan_make(const struct plan_frame *frame, const struct plan_request *request,
	struct grants *grants, struct ks_plan **ret_plan, ks_error **reterr);

#endif
