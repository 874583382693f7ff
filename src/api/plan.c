/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include <kastellan/plan.h>

#include "core/pipeline.h"
#include "policy/fields.h"
#include "report/outcome.h"

unsigned ks_field_from_name(const char *name)
{
	int field = policy_field_from_name(name, strlen(name));

	return field < 0 ? 0 : 1u << field;
}

int ks_plan_new(ks_backend *backend, const ks_policy *policy, const char *const *argv,
	ks_plan **ret_plan, ks_error **reterr)
{
	struct ks_run_options options;
	struct ks_plan *plan = NULL;
	int r = options_complete(NULL, &options, reterr);

	if (r == 0)
		r = pipeline_plan(backend, policy, argv, &options, &plan, reterr);
	if (r == 0)
		r = backend_why_not(backend, &plan->why_not, reterr);
	if (r < 0) {
		plan_free(plan);
		return r;
	}
	*ret_plan = plan;
	return 0;
}

void ks_plan_free(ks_plan *plan)
{
	plan_free(plan);
}

int ks_plan_text(const ks_plan *plan, char **ret_text)
{
	return plan_write_text(plan, ret_text);
}

int ks_plan_json(const ks_plan *plan, char **ret_text)
{
	return plan_write_json(plan, ret_text);
}

int ks_plan_receipt(const ks_plan *plan, size_t index, struct ks_receipt_row *ret_row)
{
	return receipt_row_out(&plan->receipt, index, ret_row);
}

int ks_plan_check(const ks_plan *plan, unsigned allow_degraded, ks_error **reterr)
{
	int r = why_not_error(&plan->why_not, reterr);

	return r < 0 ? r : receipt_check(&plan->receipt, allow_degraded, reterr);
}
