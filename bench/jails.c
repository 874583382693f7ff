/* SPDX-License-Identifier: Apache-2.0 */
/* Spawns through the library, as any program that uses it. */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_HELD 256

/* Grows with what the library says, and is kept for the caller of this thread. */
static _Thread_local char reason[1024];

static ks_child *held[MAX_HELD];
static unsigned n_held;
static ks_prepared *waiting;
static ks_egress_pool *pool; /* whose proxy runs already, but for the first worker */

int jail_fail(int r, ks_error *error, const char *otherwise, const char **ret_reason)
{
	snprintf(reason, sizeof(reason), "%s", error ? ks_error_message(error) : otherwise);
	ks_error_free(error);
	*ret_reason = reason;
	return r;
}

static int add_paths(ks_policy *policy, const char *place, unsigned grants)
{
	char path[512];
	int r;

	snprintf(path, sizeof(path), "%s/read", place);
	r = ks_policy_add_read(policy, path, NULL);
	snprintf(path, sizeof(path), "%s/write", place);
	if (r == 0 && grants > 1)
		r = ks_policy_add_write(policy, path, NULL);
	for (unsigned i = 2; r == 0 && i < grants; i++) {
		snprintf(path, sizeof(path), "%s/grants/%u", place, i);
		r = ks_policy_add_read(policy, path, NULL);
	}
	return r;
}

int jail_policy(const char *place, unsigned grants, ks_policy **ret_policy)
{
	ks_policy *policy;
	int r = ks_policy_new(&policy);

	if (r < 0)
		return r;
	r = add_paths(policy, place, grants);
	if (r == 0)
		r = ks_policy_set_mem_mb(policy, 256, NULL);
	if (r == 0)
		r = ks_policy_set_cpu_ms(policy, 10000, NULL);
	if (r == 0)
		r = ks_policy_set_cpu_quota_pct(policy, 150, NULL);
	if (r == 0)
		r = ks_policy_set_tasks_max(policy, 64, NULL);
	if (r == 0)
		r = ks_policy_set_env(policy, "LANG", "C.UTF-8", NULL);
	if (r < 0) {
		ks_policy_free(policy);
		return r;
	}
	*ret_policy = policy;
	return 0;
}

static int spawn_with(const struct bench *bench, const struct request *request,
	const struct ks_run_options *options, ks_child **ret_child, ks_error **reterr)
{
	const char *const argv[] = {request->program, NULL};
	ks_backend *backend;
	int r = ks_backends_resolve(bench->backends, request->method->kind, NULL, &backend);

	if (r < 0)
		return r;
	r = ks_child_spawn(backend, request->policy, argv, options, ret_child, reterr);
	ks_backend_unref(backend);
	return r;
}

static int spawn(const struct bench *bench, const struct request *request, ks_child **ret_child,
	ks_error **reterr)
{
	/* What a backend cannot hold by its nature, it may leave out: its row says what it is. */
	const struct ks_run_options options = {.size = sizeof(options),
		.allow_degraded = request->method->kind == KS_BACKEND_LANDLOCK ? ~0u : 0,
		.cwd = "/",
		.egress_pool = request->method->run == run_shared ? pool : NULL};

	return spawn_with(bench, request, &options, ret_child, reterr);
}

int jail_spawn(const struct bench *bench, const struct request *request,
	const struct ks_run_options *options, ks_child **ret_child, const char **ret_reason)
{
	ks_error *error = NULL;
	int r = spawn_with(bench, request, options, ret_child, &error);

	return r < 0 ? jail_fail(r, error, "the jail cannot be made", ret_reason) : 0;
}

int jail_finish(ks_child *child, uint64_t start, struct timing *ret_timing, const char **ret_reason)
{
	ks_error *error = NULL;
	int status;
	int r = ks_child_wait(child, &error);
	status = r == 0 ? ks_outcome_shell_status(ks_child_outcome(child)) : 0;
	ks_child_free(child);
	ret_timing->total_ns = bench_now() - start;
	if (r < 0)
		return jail_fail(r, error, "the jail cannot be waited for", ret_reason);
	if (status)
		return jail_fail(
			-ECHILD, NULL, "the program ended with another status than 0", ret_reason);
	return 0;
}

int run_jail(const struct bench *bench, const struct request *request, struct timing *ret_timing,
	const char **ret_reason)
{
	ks_error *error = NULL;
	ks_child *child;
	uint64_t start = bench_now();
	int r = spawn(bench, request, &child, &error);

	ret_timing->spawn_ns = bench_now() - start;
	if (r < 0)
		return jail_fail(r, error, "the jail cannot be made", ret_reason);
	return jail_finish(child, start, ret_timing, ret_reason);
}

int run_shared(const struct bench *bench, const struct request *request, struct timing *ret_timing,
	const char **ret_reason)
{
	ks_error *error = NULL;
	int r = pool ? 0 : ks_egress_pool_new(NULL, &pool, &error);

	return r < 0 ? jail_fail(r, error, "there is no pool", ret_reason)
		     : run_jail(bench, request, ret_timing, ret_reason);
}

int jails_hold(const struct bench *bench, const struct request *request, unsigned count,
	const char **ret_reason)
{
	ks_error *error = NULL;

	if (!request->policy)
		return jail_fail(-EINVAL, NULL, "only a jail can be held", ret_reason);
	if (request->method->run == run_prepared) {
		int r = prepared_new(bench, request, count, &waiting, &error);

		if (r == 0)
			r = ks_prepared_fill(waiting, &error);
		return r < 0 ? jail_fail(r, error, "jails cannot be prepared", ret_reason) : 0;
	}
	while (n_held < count && n_held < MAX_HELD) {
		int r = spawn(bench, request, &held[n_held], &error);

		if (r < 0)
			return jail_fail(r, error, "the jail cannot be made", ret_reason);
		n_held++;
	}
	return 0;
}

void jails_drop(void)
{
	while (n_held)
		ks_child_free(held[--n_held]);
	ks_prepared_free(waiting);
	waiting = NULL;
	ks_egress_pool_free(pool);
	pool = NULL;
}
