/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/event.h"
#include "workers/manager.h"

static size_t slots_of(const struct ks_workers *workers, const struct tool *tool)
{
	if (tool->lifecycle == KS_LIFECYCLE_SINGLE_USE)
		return workers->options.single_use_workers;
	return tool->instances ? tool->instances : KS_WORKERS_MAX;
}

static struct slot_limits limits_of(const struct ks_workers *workers, const struct tool *tool)
{
	const struct ks_workers_options *options = &workers->options;

	/* A worker for each request is no restart of another one: it has no back-off. */
	if (tool->lifecycle == KS_LIFECYCLE_SINGLE_USE)
		return (struct slot_limits){.single_use = true};
	return (struct slot_limits){.idle_ms = tool->idle_seconds * 1000,
		.max_age_ms = tool->max_age_seconds * 1000,
		.max_requests = tool->max_requests,
		.backoff_ms = options->backoff_ms,
		.max_backoff_ms = options->max_backoff_ms};
}

struct pool *pool_new(
	struct ks_workers *workers, const struct ks_tools *tools, const struct tool *tool)
{
	struct pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return NULL;
	pool->tools = tools_ref(tools);
	pool->tool = tool;
	pool->limits = limits_of(workers, tool);
	pool->len = slots_of(workers, tool);
	pool->slots = calloc(pool->len, sizeof(*pool->slots));
	pool->seats = calloc(pool->len, sizeof(*pool->seats));
	pool->wants_jails = pool->limits.single_use && workers->options.jails_ahead;
	pool->counters.last_exit_code = -1;
	if (!pool->slots || !pool->seats) {
		pool_free(pool);
		return NULL;
	}
	for (size_t i = 0; i < pool->len; i++) {
		pool->seats[i].pool = pool;
		pool->seats[i].index = i;
	}
	return pool;
}

void pool_free(struct pool *pool)
{
	if (!pool)
		return;
	ks_prepared_free(pool->prepared);
	ks_backend_unref(pool->prepared_backend);
	ks_tools_free(pool->tools);
	free(pool->slots);
	free(pool->seats);
	free(pool);
}

struct pool *pool_find(const struct ks_workers *workers, const char *tool)
{
	struct pool *pool = workers->pools;

	while (pool && (pool->closed || strcmp(pool->tool->name, tool) != 0))
		pool = pool->next;
	return pool;
}

bool pool_empty(const struct pool *pool)
{
	for (size_t i = 0; i < pool->len; i++)
		if (pool->slots[i].state != SLOT_EMPTY)
			return false;
	return true;
}

void pool_wake(const struct pool *pool)
{
	if (pool->waiters)
		event_raise(pool->waiters->fd);
}

void pool_wake_all(const struct pool *pool)
{
	for (const struct waiter *waiter = pool->waiters; waiter; waiter = waiter->next)
		event_raise(waiter->fd);
}

void pool_leave(struct ks_workers *workers, struct pool *pool)
{
	pool->users--;
	if (pool->closed)
		keeper_wake(workers);
}

void pool_retire(struct ks_workers *workers, struct pool *pool)
{
	for (size_t i = 0; i < pool->len; i++)
		if (seat_event(&pool->seats[i], SLOT_RETIRE) == SLOT_END)
			pool->counters.retired++;
	pool_wake_all(pool);
	keeper_wake(workers);
}

enum slot_action seat_event_at(struct seat *seat, enum slot_event event, uint64_t now)
{
	return slot_event(seat_slot(seat), &seat->pool->limits, event, now);
}

enum slot_action seat_event(struct seat *seat, enum slot_event event)
{
	/* In a call: what happens many times a millisecond does not ask for the time. */
	bool timeless = event == SLOT_REQUEST || event == SLOT_ANSWERED;

	return seat_event_at(seat, event, timeless ? 0 : clock_now());
}

static void note_outcome(struct counters *counters, const ks_outcome *outcome)
{
	counters->ended++;
	if (!outcome)
		return;
	counters->last_outcome = ks_outcome_type(outcome);
	counters->last_exit_code = ks_outcome_exit_code(outcome);
	counters->last_signal = ks_outcome_signal(outcome);
}

struct remains seat_gone(struct ks_workers *workers, struct seat *seat, const ks_outcome *outcome)
{
	struct remains remains = {seat->channel, seat->backend};

	if (seat->channel)
		note_outcome(&seat->pool->counters, outcome);
	if (seat->channel && !seat->unready)
		epoll_ctl(workers->epoll, EPOLL_CTL_DEL, seat->channel->watch, NULL);
	seat->channel = NULL;
	seat->backend = NULL;
	seat->by_caller = false;
	seat_event(seat, SLOT_GONE);
	pool_wake(seat->pool);
	pthread_cond_broadcast(&workers->changed);
	return remains;
}

void remains_free(struct remains *remains)
{
	channel_free(remains->channel);
	ks_backend_unref(remains->backend);
}
