/* SPDX-License-Identifier: Apache-2.0 */
/* Planning for the Landlock backend: facts in, plan out, no effect on the host. */
#ifndef KS_LINUX_PLAN_LANDLOCK_BACKEND_H
#define KS_LINUX_PLAN_LANDLOCK_BACKEND_H

#include "plan/plan.h"

/* As plan_bwrap(), without any namespace or mount: the worker lives in the host's, and its domain
 * and its filter say what it reaches there. */
int plan_landlock_backend(const struct plan_request *request, struct grants *grants,
	struct ks_plan **ret_plan, ks_error **reterr);

#endif
