/* SPDX-License-Identifier: Apache-2.0 */
/* Spawns from jails that wait. A jail is built while nothing is timed, as a supervisor does when it
 * has time for it; with several threads at once that is a part of the rate. */
#include "bench.h"

#include <errno.h>
#include <pthread.h>
#include <sys/wait.h>

#define MAX_PREPARED 8

static struct {
	const struct method *method;
	unsigned grants;
	ks_prepared *prepared;
} known[MAX_PREPARED];
static size_t n_known;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

int prepared_new(const struct bench *bench, const struct request *request, size_t ahead,
	ks_prepared **ret_prepared, ks_error **reterr)
{
	const struct ks_run_options options = {.size = sizeof(options), .cwd = "/"};
	ks_backend *backend;
	int r = ks_backends_resolve(bench->backends, request->method->kind, NULL, &backend);

	if (r < 0)
		return r;
	r = ks_prepared_new(backend, request->policy, &options, ahead, ret_prepared, reterr);
	ks_backend_unref(backend);
	return r;
}

/* One object a policy, kept from sample to sample: preparing it is not what is measured. */
static int find(const struct bench *bench, const struct request *request,
	ks_prepared **ret_prepared, ks_error **reterr)
{
	int r = 0;

	pthread_mutex_lock(&lock);
	*ret_prepared = NULL;
	for (size_t i = 0; i < n_known; i++)
		if (known[i].method == request->method && known[i].grants == request->grants)
			*ret_prepared = known[i].prepared;
	if (!*ret_prepared) {
		if (n_known == MAX_PREPARED)
			r = -E2BIG;
		else
			r = prepared_new(bench, request, 1, ret_prepared, reterr);
		if (r == 0) {
			known[n_known].method = request->method;
			known[n_known].grants = request->grants;
			known[n_known++].prepared = *ret_prepared;
		}
	}
	pthread_mutex_unlock(&lock);
	return r;
}

void prepared_drop(void)
{
	while (n_known)
		ks_prepared_free(known[--n_known].prepared);
}

int run_prepared(const struct bench *bench, const struct request *request,
	struct timing *ret_timing, const char **ret_reason)
{
	const char *const argv[] = {request->program, NULL};
	const struct ks_run_options options = {.size = sizeof(options)};
	ks_error *error = NULL;
	ks_prepared *prepared;
	ks_child *child;
	uint64_t start;
	int r = find(bench, request, &prepared, &error);

	if (r == 0)
		r = ks_prepared_fill(prepared, &error);
	if (r < 0)
		return jail_fail(r, error, "jails cannot be prepared", ret_reason);
	start = bench_now();
	r = ks_prepared_spawn(prepared, argv, &options, &child, &error);
	ret_timing->spawn_ns = bench_now() - start;
	if (r < 0)
		return jail_fail(r, error, "the jail cannot be used", ret_reason);
	return jail_finish(child, start, ret_timing, ret_reason);
}

/* The same until the jail itself, which nobody waits for, has ended too: it is the only child. */
int run_prepared_whole(const struct bench *bench, const struct request *request,
	struct timing *ret_timing, const char **ret_reason)
{
	int r = run_prepared(bench, request, ret_timing, ret_reason);
	const uint64_t told = bench_now();
	siginfo_t info;

	while (r == 0 && waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
		;
	ret_timing->total_ns += bench_now() - told;
	return r;
}
