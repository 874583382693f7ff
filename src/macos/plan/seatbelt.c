/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of the Seatbelt backend, on one page. */
#include "macos/plan/seatbelt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "macos/kinds.h"
#include "macos/plan/parts.h"
#include "macos/plan/profile.h"
#include "policy/fields.h"

/* Of the 1 MiB that macOS hands to a program in all, what is left for the system itself and for the
 * values that are known at the start only. */
#define MAX_ARGUMENTS (1024 * 1024 - 64 * 1024)

static bool names_temporary(const struct ks_policy *policy)
{
	for (size_t i = 0; i < policy->n_env; i++)
		if (strcmp(policy->env[i].name, "TMPDIR") == 0)
			return true;
	return false;
}

/* The system takes these from the environment of its own programs, and sandbox-exec is one. */
static int check_env(const struct ks_policy *policy, ks_error **reterr)
{
	for (size_t i = 0; i < policy->n_env; i++)
		if (strncmp(policy->env[i].name, "DYLD_", strlen("DYLD_")) == 0)
			return error_set(reterr, -EINVAL,
				ABOUT(.step = "plan", .field = "env", .path = policy->env[i].name,
					.remedy = "leave it out, and build the program so that it "
						  "finds its libraries"),
				"env: %s would never reach the worker: sandbox-exec, as every "
				"program of macOS, is started without it",
				policy->env[i].name);
	return 0;
}

static size_t env_bytes(const struct ks_policy *policy)
{
	size_t bytes = 0;

	for (size_t i = 0; i < policy->n_env; i++)
		bytes += strlen(policy->env[i].name) + strlen(policy->env[i].value) + 2 +
			 sizeof(char *);
	return bytes;
}

static size_t program_bytes(const struct ks_plan *plan)
{
	size_t bytes = 0;

	for (size_t i = 0; i < plan->argv.len; i++)
		bytes += strlen(plan->argv.items[i]) + 1 + sizeof(char *);
	return bytes;
}

static size_t profile_bytes(const struct ks_plan *plan)
{
	const struct seatbelt_plan *seatbelt = &plan->seatbelt;
	size_t bytes = strlen(seatbelt->profile) + 1;

	for (size_t i = 0; i < seatbelt->n_params; i++)
		bytes += strlen(seatbelt->params[i].name) + sizeof("-D") + 2 + 2 * sizeof(char *) +
			 (seatbelt->params[i].value ? strlen(seatbelt->params[i].value) : 0);
	return bytes;
}

/* The largest part is the one that is named. */
static int check_size(const struct ks_plan *plan, ks_error **reterr)
{
	size_t env = env_bytes(plan->policy);
	size_t program = program_bytes(plan);
	size_t profile = profile_bytes(plan);
	const char *field = env > profile ? "env" : "fs_read, fs_write";
	size_t most = env > profile ? env : profile;

	if (env + program + profile <= MAX_ARGUMENTS)
		return 0;
	if (program > most)
		return error_set(reterr, -E2BIG,
			ABOUT(.step = "plan",
				.remedy = "hand them over in a file, or through stdin"),
			"the program's arguments are longer than macOS passes on");
	return error_set(reterr, -E2BIG,
		ABOUT(.step = "plan", .field = field,
			.remedy = env > profile
					  ? "pass large values in a file that the worker may read"
					  : "grant a directory around them instead of each"),
		"%s: longer than macOS hands to a program, which is 1 MiB in all", field);
}

static int fill(struct ks_plan *plan, const struct plan_request *request, ks_error **reterr)
{
	int r = check_env(plan->policy, reterr);

	if (r == 0)
		r = macos_plan_cwd(plan, request, false, reterr);
	if (r < 0)
		return r;
	plan->identity = (struct identity_plan){
		.uid = request->host->uid, .gid = request->host->gid, .on_host = true};
	if (plan->policy->net == KS_NET_PROXY_EGRESS)
		plan->network = NETWORK_HOST;
	if (plan->policy->net == KS_NET_ALLOWLIST)
		plan->network = NETWORK_DOOR;
	plan->temporary = strdup(MACOS_TEMPORARY);
	plan->temporary_named = !names_temporary(plan->policy);
	if (!plan->temporary || strv_add(&plan->helper, SANDBOX_EXEC) < 0)
		return error_oom(reterr);
	seatbelt_limits(plan);
	r = seatbelt_profile(plan, reterr);
	if (r == 0)
		r = check_size(plan, reterr);
	if (r < 0)
		return r;
	if (seatbelt_receipt(plan) < 0 || seatbelt_receipt_limits(plan) < 0)
		return error_oom(reterr);
	return 0;
}

int plan_seatbelt(const struct plan_request *request, struct grants *grants,
	struct ks_plan **ret_plan, ks_error **reterr)
{
	return macos_plan_with(fill, KIND_SEATBELT, request, grants, ret_plan, reterr);
}

static const char *late_value(const struct seatbelt_param *param, const struct seatbelt_late *late)
{
	if (!param->late)
		return param->value;
	if (strcmp(param->name, PARAM_PROGRAM) == 0)
		return late->program;
	if (strcmp(param->name, PARAM_TEMPORARY) == 0)
		return late->temporary;
	return late->egress;
}

int seatbelt_command(
	const struct ks_plan *plan, const struct seatbelt_late *late, struct strv *ret_argv)
{
	const struct seatbelt_plan *seatbelt = &plan->seatbelt;
	int r = strv_add(ret_argv, SANDBOX_EXEC);

	for (size_t i = 0; r == 0 && i < seatbelt->n_params; i++) {
		const char *value = late_value(&seatbelt->params[i], late);

		if (!value)
			return -EINVAL;
		r = strv_add(ret_argv, "-D");
		if (r == 0)
			r = strv_addf(ret_argv, "%s=%s", seatbelt->params[i].name, value);
	}
	if (r == 0)
		r = strv_add(ret_argv, "-p");
	if (r == 0)
		r = strv_add(ret_argv, seatbelt->profile);
	/* The program comes first by its real path: sandbox-exec looks for no other. */
	if (r == 0)
		r = strv_add(ret_argv, late->program);
	for (size_t i = 1; r == 0 && i < plan->argv.len; i++)
		r = strv_add(ret_argv, plan->argv.items[i]);
	return r;
}
