/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include <kastellan/kastellan.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "core/pipeline.h"
#include "supervise/child.h"

const char *ks_version(void)
{
	return KASTELLAN_VERSION;
}

int ks_child_spawn(ks_backend *backend, const ks_policy *policy, const char *const *argv,
	const struct ks_run_options *options, ks_child **ret_child, ks_error **reterr)
{
	struct ks_run_options complete;
	int r = options_complete(options, &complete, reterr);

	if (r < 0)
		return r;
	r = pipeline_check_argv(argv, reterr);
	if (r < 0)
		return r;
	return pipeline_spawn(backend, policy, argv, &complete, ret_child, reterr);
}

int ks_run(ks_backend *backend, const ks_policy *policy, const char *const *argv,
	const struct ks_run_options *options, ks_outcome **ret_outcome, ks_error **reterr)
{
	ks_child *child = NULL;
	int r = ks_child_spawn(backend, policy, argv, options, &child, reterr);

	if (r == 0)
		r = ks_child_wait(child, reterr);
	if (r == 0 && child)
		*ret_outcome = take_ptr(child->outcome);
	ks_child_free(child);
	return r;
}
