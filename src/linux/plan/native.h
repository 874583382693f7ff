/* SPDX-License-Identifier: Apache-2.0 */
/* Planning for the Native backend: facts in, plan out, no effect on the host. */
#ifndef KS_LINUX_PLAN_NATIVE_H
#define KS_LINUX_PLAN_NATIVE_H

#include "plan/plan.h"

/* As plan_bwrap(), without a helper: kastellan-init makes the jail from the list of mounts. */
int plan_native(const struct plan_request *request, struct grants *grants,
	struct ks_plan **ret_plan, ks_error **reterr);

#endif
