/* SPDX-License-Identifier: Apache-2.0 */
/* A list of jails that wait, and the one rule about it: a jail leaves the list before anything is
 * done with it, so that no two workers can ever have the same one. A child of fork() has a copy of
 * the list, and of its parent's jails neither takes one nor ends it. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <kastellan/prepared.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "core/pipeline.h"
#include "core/surroundings.h"
#include "egress/pool.h"
#include "supervise/child.h"

struct built {
	struct built *next;
	struct ks_plan *plan;
	struct jail *jail; /* NULL: a stub's, which runs nothing */
	pid_t owner; /* who has built it */
	struct surroundings around;
};

struct ks_prepared {
	ks_backend *backend;
	ks_policy *policy;
	struct ks_run_options options; /* complete; cwd is ours */
	size_t ahead;
	pthread_mutex_t lock; /* for what follows */
	struct built *first;
	size_t waiting;
	size_t building;
};

static void built_free(struct built *built)
{
	if (!built)
		return;
	jail_free(built->jail);
	plan_free(built->plan);
	surroundings_done(&built->around);
	free(built);
}

static int refuse(ks_error **reterr, int code, const char *what, const char *remedy)
{
	return error_set(
		reterr, code, ABOUT(.step = "options", .remedy = remedy), "options: %s", what);
}

static int check(const struct ks_prepared *prepared, ks_error **reterr)
{
	const struct ks_host *host = NULL;
	struct ks_plan *plan = NULL;
	int r;

	if (prepared->ahead > KS_PREPARED_MAX)
		return refuse(reterr, -ERANGE, "more than 256 jails cannot be kept waiting",
			"ask for fewer: they are built again as they are used");
	if (prepared->options.terminal)
		return refuse(reterr, -EINVAL, "a terminal cannot be built ahead",
			"use ks_child_spawn() for a worker with a terminal");
	r = pipeline_checked_plan(prepared->backend, prepared->policy, NULL, &prepared->options,
		&plan, &host, reterr);
	plan_free(plan);
	return r;
}

/* The caller may close its own. */
static int own_audit(struct ks_run_options *options, ks_error **reterr)
{
	if (!options->egress_audit)
		return 0;
	options->egress_audit_fd = fcntl(options->egress_audit_fd, F_DUPFD_CLOEXEC, 3);
	if (options->egress_audit_fd >= 0)
		return 0;
	options->egress_audit = 0;
	options->cwd = NULL; /* it is not ours yet */
	return refuse(
		reterr, -errno, "egress_audit_fd cannot be duplicated", "see that it is open");
}

static int fill_in(struct ks_prepared *prepared, ks_backend *backend, const ks_policy *policy)
{
	prepared->backend = ks_backend_ref(backend);
	if (prepared->options.cwd) {
		prepared->options.cwd = strdup(prepared->options.cwd);
		if (!prepared->options.cwd)
			return -ENOMEM;
	}
	return ks_policy_copy(policy, &prepared->policy);
}

int ks_prepared_new(ks_backend *backend, const ks_policy *policy,
	const struct ks_run_options *options, size_t ahead, ks_prepared **ret_prepared,
	ks_error **reterr)
{
	struct ks_run_options complete;
	struct ks_prepared *prepared;
	int r = options_complete(options, &complete, reterr);

	if (r < 0)
		return r;
	prepared = calloc(1, sizeof(*prepared));
	if (!prepared)
		return error_oom(reterr);
	pthread_mutex_init(&prepared->lock, NULL);
	prepared->ahead = ahead;
	prepared->options = complete;
	egress_pool_ref(complete.egress_pool);
	r = own_audit(&prepared->options, reterr);
	if (r == 0) {
		r = fill_in(prepared, backend, policy);
		r = r < 0 ? error_oom(reterr) : check(prepared, reterr);
	}
	if (r < 0) {
		ks_prepared_free(prepared);
		return r;
	}
	*ret_prepared = prepared;
	return 0;
}

static int build(const struct ks_prepared *prepared, struct built **ret_built, ks_error **reterr)
{
	struct built *built = calloc(1, sizeof(*built));
	int r = built ? surroundings_watch(&built->around) : -ENOMEM;

	if (r < 0) {
		free(built);
		return error_set(reterr, r, ABOUT(.step = "start"),
			"the host's mounts cannot be watched: %s", strerror(-r));
	}
	built->owner = getpid();
	r = pipeline_build(prepared->backend, prepared->policy, &prepared->options, &built->plan,
		&built->jail, reterr);
	if (r == 0 && surroundings_note(&built->around, built->plan) < 0)
		r = error_oom(reterr);
	if (r < 0 || !built->jail) {
		built_free(built);
		return r;
	}
	*ret_built = built;
	return 0;
}

/* 1 = one more, 0 = there are enough, or nothing can be built ahead. */
static int build_one(struct ks_prepared *prepared, ks_error **reterr)
{
	struct built *built = NULL;
	bool wanted;
	int r;

	pthread_mutex_lock(&prepared->lock);
	wanted = prepared->waiting + prepared->building < prepared->ahead;
	prepared->building += wanted;
	pthread_mutex_unlock(&prepared->lock);
	if (!wanted)
		return 0;
	r = build(prepared, &built, reterr);
	pthread_mutex_lock(&prepared->lock);
	prepared->building--;
	if (built) {
		built->next = prepared->first;
		prepared->first = built;
		prepared->waiting++;
	}
	pthread_mutex_unlock(&prepared->lock);
	return r < 0 ? r : built != NULL;
}

int ks_prepared_fill(ks_prepared *prepared, ks_error **reterr)
{
	int r = jail_settle(false, reterr);

	if (r < 0)
		return r;
	do
		r = build_one(prepared, reterr);
	while (r > 0);
	return r;
}

size_t ks_prepared_waiting(ks_prepared *prepared)
{
	size_t waiting;

	pthread_mutex_lock(&prepared->lock);
	waiting = prepared->waiting;
	pthread_mutex_unlock(&prepared->lock);
	return waiting;
}

/* What the parent of a fork has built is left to it: to free it here would be to end it there. */
static struct built *take(struct ks_prepared *prepared)
{
	const pid_t self = getpid();
	struct built *built;

	pthread_mutex_lock(&prepared->lock);
	do {
		built = prepared->first;
		if (built) {
			prepared->first = built->next;
			prepared->waiting--;
		}
	} while (built && built->owner != self);
	pthread_mutex_unlock(&prepared->lock);
	return built;
}

static struct built *take_good(struct ks_prepared *prepared)
{
	struct built *built;

	while ((built = take(prepared))) {
		if (jail_waits(built->jail) && surroundings_same(&built->around, built->plan))
			break;
		built_free(built);
	}
	return built;
}

static int run_in(struct built *built, const struct ks_prepared *prepared, const char *const *argv,
	const struct ks_run_options *options, ks_child **ret_child, ks_error **reterr)
{
	const struct ks_host *host = NULL;
	int r = backend_host(prepared->backend, false, &host, reterr);

	if (r == 0)
		r = child_start_in(take_ptr(built->jail), take_ptr(built->plan), host, argv,
			options, ret_child, reterr);
	built_free(built);
	return r;
}

int ks_prepared_spawn(ks_prepared *prepared, const char *const *argv,
	const struct ks_run_options *options, ks_child **ret_child, ks_error **reterr)
{
	struct ks_run_options complete;
	struct built *built;
	int r = options_complete(options, &complete, reterr);

	if (r == 0)
		r = pipeline_check_argv(argv, reterr);
	if (r < 0)
		return r;
	if (complete.terminal || complete.cwd || complete.allow_degraded || complete.egress_audit ||
		complete.egress_pool)
		return refuse(reterr, -EINVAL,
			"terminal, cwd, allow_degraded, egress_audit and egress_pool are not a "
			"single worker's",
			"hand all but terminal to ks_prepared_new()");
	complete.egress_audit = prepared->options.egress_audit;
	complete.egress_audit_fd = prepared->options.egress_audit_fd;
	complete.egress_pool = prepared->options.egress_pool;
	complete.cwd = prepared->options.cwd;
	complete.allow_degraded = prepared->options.allow_degraded;
	built = take_good(prepared);
	if (built)
		return run_in(built, prepared, argv, &complete, ret_child, reterr);
	return pipeline_spawn(
		prepared->backend, prepared->policy, argv, &complete, ret_child, reterr);
}

void ks_prepared_free(ks_prepared *prepared)
{
	struct built *built;

	if (!prepared)
		return;
	while ((built = take(prepared)))
		built_free(built);
	jail_settle(true, NULL);
	pthread_mutex_destroy(&prepared->lock);
	free((char *)prepared->options.cwd);
	if (prepared->options.egress_audit)
		close(prepared->options.egress_audit_fd);
	ks_egress_pool_free(prepared->options.egress_pool);
	ks_policy_free(prepared->policy);
	ks_backend_unref(prepared->backend);
	free(prepared);
}
