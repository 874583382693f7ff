/* SPDX-License-Identifier: Apache-2.0 */
/* The stages in order, on one page:
 *
 *   policy (parsed, validated) -> backend (resolved) -> plan -> receipt checked -> jail -> outcome
 */
#ifndef KS_CORE_PIPELINE_H
#define KS_CORE_PIPELINE_H

#include <kastellan/run.h>

#include "plan/plan.h"
#include "resolve/backends.h"

/* Complete options: every member has its meaning, none is left to a default. Returns 0, -EINVAL,
 * or -E2BIG for a newer caller's non-zero tail. */
int options_complete(
	const struct ks_run_options *given, struct ks_run_options *ret_options, ks_error **reterr);

int pipeline_plan(ks_backend *backend, const ks_policy *policy, const char *const *argv,
	const struct ks_run_options *options, struct ks_plan **ret_plan, ks_error **reterr);

int pipeline_spawn(ks_backend *backend, const ks_policy *policy, const char *const *argv,
	const struct ks_run_options *options, ks_child **ret_child, ks_error **reterr);

#endif
