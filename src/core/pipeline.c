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
#include "plan/open_grants.h"
#include "plan/receipt.h"
#include "policy/egress.h"
#include "report/refused.h"
#include "supervise/child.h"

static int count_argv(const char *const *argv, ks_error **reterr)
{
	size_t count = 0;

	while (argv && argv[count])
		if (++count > KS_MAX_ARGS)
			return error_set(reterr, -E2BIG,
				ABOUT(.step = "options",
					.remedy = "hand them over in a file, or through stdin"),
				"more than %d arguments are given", KS_MAX_ARGS);
	return 0;
}

int pipeline_check_argv(const char *const *argv, ks_error **reterr)
{
	if (!argv || !argv[0] || !argv[0][0])
		return error_set(reterr, -EINVAL,
			ABOUT(.step = "options",
				.remedy = "name a program: a path, or a name that is found "
					  "in the jail's /usr/bin and the like"),
			"no program is named");
	return count_argv(argv, reterr);
}

/* The working directory by its real name, as the grants have theirs. One that exists only inside
 * (/tmp of the jail) keeps the name it has. */
static char *wanted_directory(const ks_backend *backend, const char *cwd)
{
	char *real;

	/* Of another host nothing is looked at here. */
	if (backend_is_described(backend))
		return cwd ? strdup(cwd) : NULL;
	real = cwd ? realpath(cwd, NULL) : getcwd(NULL, 0);

	return real || !cwd ? real : strdup(cwd);
}

/* A stub enforces nothing, and its receipt says so in every row. */
static int plan_stub(
	ks_backend *backend, const struct plan_request *request, struct ks_plan **ret_plan)
{
	struct ks_plan *plan = plan_alloc();
	int r = plan ? 0 : -ENOMEM;

	if (r == 0)
		r = ks_policy_copy(request->policy, &plan->policy);
	for (int field = 0; r == 0 && field < FIELD_COUNT; field++)
		r = receipt_say(&plan->receipt, (enum policy_field)field,
			SAYS(.nothing_asked = field == FIELD_EGRESS &&
					      !policy_egress_used(request->policy),
				.verdict = RECEIPT_ABSENT, .request = "", .mechanism = "none",
				.detail = "a stub runs no program and enforces nothing"));
	for (size_t i = 0; r == 0 && request->argv && request->argv[i]; i++)
		r = strv_add(&plan->argv, request->argv[i]);
	if (r < 0) {
		plan_free(plan);
		return r;
	}
	plan->kind = ks_backend_kind(backend);
	*ret_plan = plan;
	return 0;
}

static int plan_on_host(ks_backend *backend, const struct plan_request *asked,
	struct ks_plan **ret_plan, ks_error **reterr)
{
	bool described = backend_is_described(backend);
	struct plan_request request = *asked;
	struct grants grants = {0};
	struct vm_look look = {0};
	int r = described ? grants_describe(request.policy, request.host, &grants, reterr)
			  : grants_open(request.policy, request.host->privileged, &grants, reterr);

	if (r == 0 && !described && backend_ops(backend)->look) {
		r = backend_ops(backend)->look(request.host, &look, reterr);
		request.look = &look;
	}
	if (r == 0)
		r = backend_ops(backend)->plan(&request, &grants, ret_plan, reterr);
	grants_done(&grants);
	return r;
}

int pipeline_plan(ks_backend *backend, const ks_policy *policy, const char *const *argv,
	const struct ks_run_options *options, struct ks_plan **ret_plan, ks_error **reterr)
{
	autofree char *cwd = wanted_directory(backend, options->cwd);
	struct plan_request request = {.policy = policy,
		.argv = argv,
		.cwd = cwd,
		.cwd_asked = options->cwd != NULL,
		.tty = options->terminal,
		.shared_proxy = options->egress_pool != NULL,
		.image = ks_backend_image(backend)};
	int r = count_argv(argv, reterr);

	if (r < 0)
		return r;
	if (options->cwd && !cwd)
		return error_oom(reterr);
	if (backend_stub(backend, NULL))
		return plan_stub(backend, &request, ret_plan) < 0 ? error_oom(reterr) : 0;
	r = backend_can_plan(backend, reterr);
	if (r == 0)
		r = backend_host(backend, false, &request.host, reterr);
	if (r == 0)
		r = plan_on_host(backend, &request, ret_plan, reterr);
	return r;
}

static int spawn_stub(ks_backend *backend, struct ks_plan *plan, const char *const *argv,
	ks_child **ret_child, ks_error **reterr)
{
	void *data = NULL;
	const struct ks_backend_stub_ops *ops = backend_stub(backend, &data);
	int code = 0;
	int r = ops->spawn ? ops->spawn(data, plan->policy, argv, &code) : 0;

	if (r < 0) {
		plan_free(plan);
		return error_set(
			reterr, r, ABOUT(.step = "stub"), "the stub refuses: %s", strerror(-r));
	}
	return child_finished(plan, code, ret_child) < 0 ? error_oom(reterr) : 0;
}

int pipeline_checked_plan(ks_backend *backend, const ks_policy *policy, const char *const *argv,
	const struct ks_run_options *options, struct ks_plan **ret_plan,
	const struct ks_host **ret_host, ks_error **reterr)
{
	const struct ks_host *host = NULL;
	struct ks_plan *plan = NULL;
	int r = pipeline_plan(backend, policy, argv, options, &plan, reterr);

	if (r == 0 && !backend_stub(backend, NULL)) {
		r = backend_host(backend, false, &host, reterr);
		if (r == 0)
			r = backend_can_spawn(backend, host, reterr);
		if (r == 0)
			r = receipt_check(&plan->receipt, options->allow_degraded, reterr);
	}
	if (r != 0) {
		if (plan && reterr)
			refused_attach(*reterr, plan);
		plan_free(plan);
		return r;
	}
	*ret_plan = plan;
	*ret_host = host;
	return 0;
}

int pipeline_spawn(ks_backend *backend, const ks_policy *policy, const char *const *argv,
	const struct ks_run_options *options, ks_child **ret_child, ks_error **reterr)
{
	struct ks_plan *plan = NULL;
	const struct ks_host *host = NULL;
	int r = pipeline_checked_plan(backend, policy, argv, options, &plan, &host, reterr);

	if (r != 0)
		return r;
	return host ? child_start(plan, host, options, ret_child, reterr)
		    : spawn_stub(backend, plan, argv, ret_child, reterr);
}

int pipeline_build(ks_backend *backend, const ks_policy *policy,
	const struct ks_run_options *options, struct ks_plan **ret_plan, struct jail **ret_jail,
	ks_error **reterr)
{
	struct ks_plan *plan = NULL;
	const struct ks_host *host = NULL;
	int r = pipeline_checked_plan(backend, policy, NULL, options, &plan, &host, reterr);

	if (r == 0 && host)
		r = jail_build(plan, host,
			&(struct jail_setup){
				.audit = child_audit(options), .pool = options->egress_pool},
			ret_jail, reterr);
	if (r < 0) {
		plan_free(plan);
		return r;
	}
	*ret_plan = plan;
	return 0;
}
