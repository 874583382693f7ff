/* SPDX-License-Identifier: Apache-2.0 */
/* Workers on loan: acquired and given back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "workers/manager.h"

/* The worker's own fault: its seat is empty after that. */
int loan_lose(struct ks_worker *worker, const struct verdict *verdict, ks_error **reterr)
{
	struct seat *seat = worker->seat;

	worker->fault = verdict->fault;
	worker->seat = NULL;
	return seat_fault(worker->manager, seat, verdict, reterr);
}

static void count_request(struct ks_worker *worker)
{
	worker->pool->counters.calls++;
	seat_event(worker->seat, SLOT_REQUEST);
}

void loan_count_request(struct ks_worker *worker)
{
	pthread_mutex_lock(&worker->manager->lock);
	count_request(worker);
	pthread_mutex_unlock(&worker->manager->lock);
}

/* The loan may be used now, by this thread alone. */
int loan_begin(struct ks_worker *worker, bool request, ks_error **reterr)
{
	struct ks_workers *workers = worker->manager;
	int r = 0;

	pthread_mutex_lock(&workers->lock);
	if (worker->calling)
		r = error_set(reterr, -EBUSY, ABOUT(.step = "worker"),
			"the worker is in the middle of a request");
	else if (!worker->seat)
		r = fault_code(worker->fault);
	if (r == 0) {
		worker->calling = true;
		workers->inside++;
		if (request)
			count_request(worker);
	}
	pthread_mutex_unlock(&workers->lock);
	if (r < 0 && r != -EBUSY) {
		error_set(reterr, r,
			ABOUT(.step = "worker", .remedy = "release it, and acquire another"),
			"the worker is gone since an earlier fault: %s",
			ks_fault_name(worker->fault));
		if (reterr && *reterr)
			fault_mark(*reterr, worker->fault);
	}
	return r;
}

static void note_answer(struct ks_worker *worker)
{
	if (worker->answered && worker->seat)
		seat_event(worker->seat, SLOT_ANSWERED);
	worker->answered = false;
}

void loan_note_answer(struct ks_worker *worker)
{
	pthread_mutex_lock(&worker->manager->lock);
	note_answer(worker);
	pthread_mutex_unlock(&worker->manager->lock);
}

static void finish(struct ks_worker *worker)
{
	note_answer(worker);
	worker->calling = false;
	worker->manager->inside--;
	pthread_cond_broadcast(&worker->manager->changed);
}

void loan_finish(struct ks_worker *worker)
{
	struct ks_workers *workers = worker->manager;

	pthread_mutex_lock(&workers->lock);
	finish(worker);
	pthread_mutex_unlock(&workers->lock);
}

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
	pool_leave(workers, pool);
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
	const struct ks_call_options *options, bool trusting, struct seat **ret_seat,
	ks_error **reterr)
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
		if ((trusting && seat->unseen) || still_good(workers, seat))
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
	if (loan_begin(worker, false, NULL) == 0) {
		loan_lose(worker, &verdict, NULL);
		loan_finish(worker);
	}
	return r;
}

int loan_acquire(struct ks_workers *workers, const char *tool,
	const struct ks_call_options *options, bool trusting, struct ks_worker **ret_worker,
	ks_error **reterr)
{
	struct verdict verdict = {.fault = KS_FAULT_NONE};
	struct ks_worker *worker;
	struct seat *seat = NULL;
	int warm = find_seat(workers, tool, options, trusting, &seat, reterr);
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
	worker->replaceable = warm && trusting;
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
		r = manager_enter(workers, tool, NULL, reterr);
	if (r != 0)
		return r;
	r = loan_acquire(workers, tool, &complete, false, ret_worker, reterr);
	manager_leave(workers);
	return r;
}

static void give_back(struct ks_workers *workers, struct seat *seat)
{
	uint64_t now = clock_now();

	if (seat_event_at(seat, SLOT_RELEASE, now) == SLOT_END)
		seat->pool->counters.retired++;
	keeper_take(workers, seat, now);
	pool_wake(seat->pool);
}

/* With the lock held; whether this was the last reference to the manager. */
static bool take_back(struct ks_workers *workers, struct ks_worker *worker)
{
	if (worker->next)
		worker->next->before = worker->before;
	if (worker->before)
		worker->before->next = worker->next;
	else
		workers->loans = worker->next;
	if (worker->seat)
		give_back(workers, worker->seat);
	if (!workers->leaving)
		pool_leave(workers, worker->pool);
	pthread_cond_broadcast(&workers->changed);
	return --workers->references == 0;
}

void loan_return(struct ks_worker *worker)
{
	struct ks_workers *workers = worker->manager;
	bool last;

	pthread_mutex_lock(&workers->lock);
	if (worker->calling)
		finish(worker);
	last = take_back(workers, worker);
	pthread_mutex_unlock(&workers->lock);
	free(worker);
	if (last)
		manager_free(workers);
}

void ks_worker_release(ks_worker *worker)
{
	if (worker)
		loan_return(worker);
}
