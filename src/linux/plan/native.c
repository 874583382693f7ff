/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/plan/native.h"

#include "linux/plan/parts.h"

int plan_native(const struct plan_request *request, struct grants *grants,
	struct ks_plan **ret_plan, ks_error **reterr)
{
	return plan_linux(KS_BACKEND_NATIVE, request, grants, ret_plan, reterr);
}
