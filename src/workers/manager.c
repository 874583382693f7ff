/* SPDX-License-Identifier: Apache-2.0 */
#include "workers/manager.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/event.h"
#include "core/pipeline.h"
#include "egress/pool.h"

#define SINGLE_USE_WORKERS 16
#define MAX_WAITING 1024
#define BACKOFF_MS 1000
#define MAX_BACKOFF_MS 60000
#define GRACE_MS 1000

static int refuse(ks_error **reterr, int code, const char *what, const char *remedy)
{
	return error_set(
		reterr, code, ABOUT(.step = "options", .remedy = remedy), "options: %s", what);
}

/* The members of the first version of the structure. */
#define OPTIONS_LEAST offsetof(struct ks_workers_options, on_fault)

static int complete(const struct ks_workers_options *given, struct ks_workers_options *options,
	ks_error **reterr)
{
	int r = given ? options_copy_sized(given, OPTIONS_LEAST, options, sizeof(*options), reterr)
		      : 0;

	if (r < 0)
		return r;
	if (options->single_use_workers > KS_WORKERS_MAX || options->jails_ahead > KS_PREPARED_MAX)
		return refuse(reterr, -ERANGE, "more than 256 workers of one tool",
			"ask for fewer: callers wait for each other then");
	if (options->backoff_ms > MANAGER_LONGEST_MS ||
		options->max_backoff_ms > MANAGER_LONGEST_MS ||
		options->grace_ms > MANAGER_LONGEST_MS)
		return refuse(reterr, -ERANGE, "a time is longer than a year", "0 is the default");
	if (!options->single_use_workers)
		options->single_use_workers = SINGLE_USE_WORKERS;
	if (!options->max_waiting)
		options->max_waiting = MAX_WAITING;
	if (!options->backoff_ms)
		options->backoff_ms = BACKOFF_MS;
	if (!options->max_backoff_ms)
		options->max_backoff_ms = MAX_BACKOFF_MS;
	if (!options->grace_ms)
		options->grace_ms = GRACE_MS;
	return 0;
}

static int make_lock(struct ks_workers *workers)
{
	pthread_condattr_t attributes;

	pthread_mutex_init(&workers->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&workers->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_cond_init(&workers->wanted, NULL);
	workers->epoll = workers->wake = workers->stop = -1;
	return 0;
}

static int make_descriptors(struct ks_workers *workers)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};

	workers->epoll = epoll_create1(EPOLL_CLOEXEC);
	workers->wake = event_new();
	workers->stop = event_new();
	if (workers->epoll < 0 || workers->wake < 0 || workers->stop < 0 ||
		epoll_ctl(workers->epoll, EPOLL_CTL_ADD, workers->wake, &event) < 0)
		return -errno;
	return 0;
}

/* The caller's signals are none of these threads' business. */
static int start_thread(pthread_t *thread, void *(*run)(void *), struct ks_workers *workers)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(thread, NULL, run, workers);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

static int start_threads(struct ks_workers *workers)
{
	int r = start_thread(&workers->keeper, keeper_main, workers);

	workers->has_keeper = r == 0;
	if (r == 0 && workers->options.jails_ahead) {
		r = start_thread(&workers->builder, builder_main, workers);
		workers->has_builder = r == 0;
	}
	return r;
}

static void free_pools(struct pool *pool)
{
	while (pool) {
		struct pool *next = pool->next;

		pool_free(pool);
		pool = next;
	}
}

/* A pool for each tool, in their order. */
static int make_pools(
	struct ks_workers *workers, const struct ks_tools *tools, struct pool **ret_pools)
{
	struct pool *pools = NULL, **end = &pools;

	for (size_t i = 0; i < tools->n_tools; i++) {
		*end = pool_new(workers, tools, &tools->tools[i]);
		if (!*end) {
			free_pools(pools);
			return -ENOMEM;
		}
		end = &(*end)->next;
	}
	*ret_pools = pools;
	return 0;
}

int ks_workers_new(ks_backends *backends, const ks_tools *tools,
	const struct ks_workers_options *options, ks_workers **ret_workers, ks_error **reterr)
{
	struct ks_workers *workers = calloc(1, sizeof(*workers));
	int r;

	if (!workers)
		return error_oom(reterr);
	workers->references = 1;
	workers->backends = backends;
	make_lock(workers);
	r = complete(options, &workers->options, reterr);
	if (r < 0)
		workers->options.egress_pool = NULL; /* it is not ours yet */
	egress_pool_ref(workers->options.egress_pool);
	if (r == 0) {
		r = make_pools(workers, tools, &workers->pools);
		if (r == 0)
			r = make_descriptors(workers);
		if (r == 0)
			r = start_threads(workers);
		if (r < 0)
			error_set(reterr, r, ABOUT(.step = "worker"),
				"the manager of workers cannot be made: %s", strerror(-r));
	}
	if (r < 0) {
		ks_workers_free(workers);
		return r;
	}
	*ret_workers = workers;
	return 0;
}

void manager_tell(const struct ks_workers *workers, const struct pool *pool, const ks_error *error)
{
	if (error && workers->options.on_fault)
		workers->options.on_fault(workers->options.data, pool->tool->name, error);
}

int manager_enter(
	struct ks_workers *workers, const char *tool, uint64_t *ret_bound, ks_error **reterr)
{
	const struct pool *pool;
	bool over;

	pthread_mutex_lock(&workers->lock);
	over = workers->draining;
	pool = pool_find(workers, tool);
	if (pool && ret_bound)
		*ret_bound = pool->tool->max_message_bytes;
	workers->inside += pool && !over;
	pthread_mutex_unlock(&workers->lock);
	if (!pool)
		return fault_no_tool(reterr, tool);
	if (over)
		return fault_error(
			reterr, KS_FAULT_SHUTDOWN, tool, NULL, "no worker is handed out any more");
	return 0;
}

void manager_leave(struct ks_workers *workers)
{
	pthread_mutex_lock(&workers->lock);
	workers->inside--;
	pthread_cond_broadcast(&workers->changed);
	pthread_mutex_unlock(&workers->lock);
}

/* Moves the pools whose tools stay as they are into the new list, in the place of the new ones. A
 * pool that is not moved has to go. Nothing has failed when this returns 0. */
static int compare(const struct ks_workers *workers, const struct pool *fresh, bool *keep)
{
	for (; fresh; fresh = fresh->next) {
		const struct pool *old = pool_find(workers, fresh->tool->name);
		int same = old ? tool_same(old->tool, fresh->tool) : 0;

		if (same < 0)
			return same;
		*keep++ = same > 0;
	}
	return 0;
}

/* Takes the pool out of its list. */
static void unlink_pool(struct ks_workers *workers, const struct pool *pool)
{
	struct pool **slot = &workers->pools;

	while (*slot != pool)
		slot = &(*slot)->next;
	*slot = pool->next;
}

static void exchange_pools(struct ks_workers *workers, struct pool *fresh, const bool *keep)
{
	struct pool *pools = NULL, **end = &pools;

	for (size_t i = 0; fresh; i++) {
		struct pool *next = fresh->next;
		struct pool *old = keep[i] ? pool_find(workers, fresh->tool->name) : NULL;

		if (old) {
			unlink_pool(workers, old);
			pool_free(fresh);
			fresh = old;
		}
		*end = fresh;
		end = &fresh->next;
		fresh = next;
	}
	*end = workers->pools;
	workers->pools = pools;
	/* What is left of the old list has no tool any more. */
	for (struct pool *old = *end; old; old = old->next) {
		if (old->closed)
			continue;
		old->closed = true;
		pool_retire(workers, old);
	}
	keeper_wake(workers);
	pthread_cond_broadcast(&workers->changed);
	pthread_cond_signal(&workers->wanted);
}

int ks_workers_reload(ks_workers *workers, const ks_tools *tools, ks_error **reterr)
{
	struct pool *fresh = NULL;
	bool *keep = calloc(tools->n_tools + 1, sizeof(*keep));
	int r = keep ? make_pools(workers, tools, &fresh) : -ENOMEM;

	pthread_mutex_lock(&workers->lock);
	if (r == 0)
		r = workers->draining ? -ESHUTDOWN : compare(workers, fresh, keep);
	if (r == 0)
		exchange_pools(workers, fresh, keep);
	pthread_mutex_unlock(&workers->lock);
	free(keep);
	if (r == 0)
		return 0;
	free_pools(fresh);
	if (r == -ESHUTDOWN)
		return error_set(reterr, r, ABOUT(.step = "worker"), "the manager is drained");
	return error_oom(reterr);
}

static void begin_to_drain(struct ks_workers *workers)
{
	workers->draining = true;
	for (struct pool *pool = workers->pools; pool; pool = pool->next)
		pool_retire(workers, pool);
}

static bool all_empty(const struct ks_workers *workers)
{
	for (const struct pool *pool = workers->pools; pool; pool = pool->next)
		if (!pool_empty(pool))
			return false;
	return true;
}

int ks_workers_drain(ks_workers *workers, uint64_t timeout_ms)
{
	struct timespec until;
	int r = 0;

	if (timeout_ms > MANAGER_LONGEST_MS)
		timeout_ms = MANAGER_LONGEST_MS;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(timeout_ms / 1000);
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&workers->lock);
	begin_to_drain(workers);
	while (r == 0 && !all_empty(workers))
		r = -pthread_cond_timedwait(&workers->changed, &workers->lock, &until);
	if (all_empty(workers))
		r = 0;
	pthread_mutex_unlock(&workers->lock);
	return r;
}

/* A worker on loan that its borrower is not talking to; the lock is let go to end it. */
static bool reclaim_one(struct ks_workers *workers)
{
	struct verdict verdict = {
		.fault = KS_FAULT_SHUTDOWN, .why = "was ended, as everything ends"};
	struct ks_worker *worker = workers->loans;
	struct seat *seat;

	while (worker && (worker->calling || !worker->seat))
		worker = worker->next;
	if (!worker)
		return false;
	seat = worker->seat;
	worker->seat = NULL;
	worker->fault = KS_FAULT_SHUTDOWN;
	pthread_mutex_unlock(&workers->lock);
	seat_fault(workers, seat, &verdict, NULL);
	pthread_mutex_lock(&workers->lock);
	return true;
}

static void end_everything(struct ks_workers *workers)
{
	workers->stopping = true;
	begin_to_drain(workers);
	event_raise(workers->stop);
	for (;;) {
		while (reclaim_one(workers))
			;
		if (!workers->inside && all_empty(workers))
			return;
		pthread_cond_wait(&workers->changed, &workers->lock);
	}
}

void manager_free(struct ks_workers *workers)
{
	if (workers->epoll >= 0)
		close(workers->epoll);
	if (workers->wake >= 0)
		close(workers->wake);
	if (workers->stop >= 0)
		close(workers->stop);
	pthread_cond_destroy(&workers->changed);
	pthread_cond_destroy(&workers->wanted);
	pthread_mutex_destroy(&workers->lock);
	ks_egress_pool_free(workers->options.egress_pool);
	free(workers);
}

void ks_workers_free(ks_workers *workers)
{
	bool last;

	if (!workers)
		return;
	pthread_mutex_lock(&workers->lock);
	if (workers->has_keeper)
		end_everything(workers);
	workers->leaving = true;
	pthread_cond_broadcast(&workers->changed);
	pthread_cond_signal(&workers->wanted);
	keeper_wake(workers);
	pthread_mutex_unlock(&workers->lock);
	if (workers->has_keeper)
		pthread_join(workers->keeper, NULL);
	if (workers->has_builder)
		pthread_join(workers->builder, NULL);
	free_pools(workers->pools);
	workers->pools = NULL;
	pthread_mutex_lock(&workers->lock);
	last = --workers->references == 0;
	pthread_mutex_unlock(&workers->lock);
	if (last)
		manager_free(workers);
}
