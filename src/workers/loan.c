/* SPDX-License-Identifier: Apache-2.0 */
/* Workers on loan: acquired and given back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "workers/manager.h"

static struct ks_worker *loan_new(struct ks_workers *workers, struct seat *seat)
{
	struct ks_worker *worker = calloc(1, sizeof(*worker));

	if (!worker)
		return NULL;
	worker->manager = workers;
	worker->pool = seat->pool;
	worker->seat = seat;
	pthread_mutex_lock(&workers->lock);
	worker->next = workers->loans;
	if (worker->next)
		worker->next->before = worker;
	workers->loans = worker;
	workers->references++;
	pthread_mutex_unlock(&workers->lock);
	return worker;
}

static void drop_user(struct ks_workers *workers, struct pool *pool)
{
	pthread_mutex_lock(&workers->lock);
	pool->users--;
	if (pool->closed)
		keeper_wake(workers);
	pthread_mutex_unlock(&workers->lock);
}

/* A warm worker may have ended, or have written what it should not, since anybody looked. */
static bool still_good(struct ks_workers *workers, struct seat *seat)
{
	struct pool *pool = seat->pool;
	struct verdict verdict = {.fault = KS_FAULT_NONE};

	if (channel_quiet(seat->channel) || channel_look(seat->channel, &verdict) == 0)
		return true;
	seat_fault(workers, seat, &verdict, NULL);
	drop_user(workers, pool);
	return false;
}

/* 1 = it is warm, 0 = it is new, or an error. */
static int find_seat(struct ks_workers *workers, const char *tool,
	const struct ks_call_options *options, struct seat **ret_seat, ks_error **reterr)
{
	uint64_t deadline = options->wait_ms ? clock_now() + options->wait_ms : SLOT_NEVER;

	for (;;) {
		struct seat *seat = NULL;
		int r = wait_for_seat(workers, tool, options->cancel_fd, deadline, &seat, reterr);

		if (r < 0)
			return r;
		*ret_seat = seat;
		if (!seat->channel)
			return seat_start(workers, seat, reterr);
		if (still_good(workers, seat))
			return 1;
	}
}

static int greet(struct ks_workers *workers, struct ks_worker *worker, ks_error **reterr)
{
	const struct ks_workers_options *options = &workers->options;
	const char *tool = worker->pool->tool->name;
	struct verdict verdict = {.fault = KS_FAULT_START, .why = "was not greeted"};
	int r = options->greet ? options->greet(options->data, tool, worker, reterr) : 0;

	if (r >= 0)
		return 0;
	if (reterr && !*reterr)
		fault_error(reterr, KS_FAULT_START, tool, NULL, "its worker was not greeted: %s",
			strerror(-r));
	if (loan_begin(worker, NULL) == 0) {
		loan_lose(worker, &verdict, NULL);
		loan_finish(worker);
	}
	return r;
}

static int acquire(struct ks_workers *workers, const char *tool,
	const struct ks_call_options *options, struct ks_worker **ret_worker, ks_error **reterr)
{
	struct verdict verdict = {.fault = KS_FAULT_NONE};
	struct ks_worker *worker;
	struct seat *seat = NULL;
	int warm = find_seat(workers, tool, options, &seat, reterr);
	int r = 0;

	if (warm < 0)
		return warm;
	worker = loan_new(workers, seat);
	if (!worker) {
		struct pool *pool = seat->pool;

		r = seat_fault(workers, seat, &verdict, reterr);
		drop_user(workers, pool);
		return r;
	}
	if (!warm)
		r = greet(workers, worker, reterr);
	if (r < 0) {
		ks_worker_release(worker);
		return r;
	}
	*ret_worker = worker;
	return 0;
}

int ks_workers_acquire(ks_workers *workers, const char *tool, const struct ks_call_options *options,
	ks_worker **ret_worker, ks_error **reterr)
{
	struct ks_call_options complete = {0};
	int r = call_options_complete(options, &complete, reterr);

	if (r == 0)
		r = manager_enter(workers, tool, reterr);
	if (r != 0)
		return r;
	r = acquire(workers, tool, &complete, ret_worker, reterr);
	manager_leave(workers);
	return r;
}

static void give_back(struct ks_workers *workers, struct seat *seat)
{
	if (seat_event(seat, SLOT_RELEASE) == SLOT_END)
		seat->pool->counters.retired++;
	keeper_take(workers, seat);
	pool_wake(seat->pool);
}

void ks_worker_release(ks_worker *worker)
{
	struct ks_workers *workers;

	if (!worker)
		return;
	workers = worker->manager;
	pthread_mutex_lock(&workers->lock);
	if (worker->next)
		worker->next->before = worker->before;
	if (worker->before)
		worker->before->next = worker->next;
	else
		workers->loans = worker->next;
	if (worker->seat)
		give_back(workers, worker->seat);
	if (!workers->leaving) {
		worker->pool->users--;
		if (worker->pool->closed)
			keeper_wake(workers);
	}
	pthread_cond_broadcast(&workers->changed);
	pthread_mutex_unlock(&workers->lock);
	free(worker);
	manager_unref(workers);
}
