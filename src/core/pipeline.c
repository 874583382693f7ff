/* SPDX-License-Identifier: Apache-2.0 */
#include "core/pipeline.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "supervise/child.h"

static int check_argv(const char *const *argv, ks_error **reterr)
{
	size_t count = 0;

	while (argv && argv[count])
		if (++count > KS_MAX_ARGS)
			return error_set(reterr, -E2BIG, ABOUT(.step = "exec"),
				"more than %d arguments are given", KS_MAX_ARGS);
	return 0;
}

/* The working directory by its real name, as the grants have theirs. One that exists only inside
 * (/tmp of the jail) keeps the name it has. */
static char *wanted_directory(const char *cwd)
{
	char *real = cwd ? realpath(cwd, NULL) : getcwd(NULL, 0);

	return real || !cwd ? real : strdup(cwd);
}

int pipeline_plan(ks_backend *backend, const ks_policy *policy, const char *const *argv,
	const struct ks_run_options *options, struct ks_plan **ret_plan, ks_error **reterr)
{
	autofree char *cwd = wanted_directory(options->cwd);
	struct plan_request request = { .policy = policy,
		.argv = argv,
		.cwd = cwd,
		.cwd_asked = options->cwd != NULL,
		.tty = options->terminal };
	int r = check_argv(argv, reterr);

	if (r < 0)
		return r;
	if (options->cwd && !cwd)
		return error_oom(reterr);
	r = backend_host(backend, &request.host, reterr);
	if (r < 0)
		return r;
	return backend->ops->plan(backend, &request, ret_plan, reterr);
}

int pipeline_spawn(ks_backend *backend, const ks_policy *policy, const char *const *argv,
	const struct ks_run_options *options, ks_child **ret_child, ks_error **reterr)
{
	struct ks_plan *plan = NULL;
	const struct ks_host *host;
	int r = backend->ops->ready ? backend->ops->ready(backend, reterr) : 0;

	if (r == 0)
		r = pipeline_plan(backend, policy, argv, options, &plan, reterr);
	if (r == 0)
		r = receipt_check(&plan->receipt, options->allow_degraded, reterr);
	if (r == 0)
		r = backend_host(backend, &host, reterr);
	if (r < 0) {
		plan_free(plan);
		return r;
	}
	return child_start(plan, host, options, ret_child, reterr);
}
