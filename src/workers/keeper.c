/* SPDX-License-Identifier: Apache-2.0 */
/* The manager's own thread. Should: notice at once when a worker that nobody uses ends or writes;
 * retire workers when their time has come; see those out that are ending. Must not: wait for what a
 * worker does, but for the moment that its end takes; or touch one that a caller has. */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/event.h"
#include "workers/manager.h"

/* A worker that comes back so soon after the last time is not watched before it has stayed for as
 * long: whoever takes it again looks at it himself, and most calls are spared two system calls. */
#define OFTEN_MS 10

static void watch(const struct ks_workers *workers, struct seat *seat, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = seat};

	/* Should it fail, the worker is looked at before it is used again, and in time. */
	epoll_ctl(workers->epoll, seat->unready ? EPOLL_CTL_ADD : EPOLL_CTL_MOD,
		seat->channel->watch, &event);
	seat->unready = false;
	seat->watched = events != 0;
}

void keeper_wake(struct ks_workers *workers)
{
	if (workers->keeper_until)
		event_raise(workers->wake);
}

void keeper_take(struct ks_workers *workers, struct seat *seat, uint64_t now)
{
	const struct slot *slot = seat_slot(seat);
	uint64_t due = slot_due(slot, &seat->pool->limits);

	seat->by_caller = false;
	seat->stage = END_BEGINS;
	seat->channel->received = 0;
	seat->watch_at = now - seat->returned < OFTEN_MS ? now + OFTEN_MS : now;
	seat->returned = now;
	if (slot->state == SLOT_IDLE && seat->watch_at > now)
		due = seat->watch_at < due ? seat->watch_at : due;
	else if (slot->state == SLOT_IDLE)
		watch(workers, seat, EPOLLIN | EPOLLONESHOT);
	if (slot->state == SLOT_ENDING || due < workers->keeper_until)
		keeper_wake(workers);
}

void keeper_give(struct ks_workers *workers, struct seat *seat)
{
	if (seat->watched)
		watch(workers, seat, 0);
}

/* Nothing of the worker is left: the lock is let go while its remains are cleared away. */
static void see_out(struct ks_workers *workers, struct seat *seat)
{
	ks_outcome *outcome = channel_take_outcome(seat->channel);
	struct remains remains = seat_gone(workers, seat, outcome);

	pthread_mutex_unlock(&workers->lock);
	ks_outcome_free(outcome);
	remains_free(&remains);
	pthread_mutex_lock(&workers->lock);
}

static void kill_and_see_out(struct ks_workers *workers, struct seat *seat)
{
	pthread_mutex_unlock(&workers->lock);
	channel_kill(seat->channel);
	pthread_mutex_lock(&workers->lock);
	see_out(workers, seat);
}

/* It has done what nobody asked for. */
static void lose_idle(struct ks_workers *workers, struct seat *seat, const struct verdict *verdict)
{
	struct pool *pool = seat->pool;
	struct channel *channel = seat->channel;
	struct remains remains;
	ks_error *error = NULL;

	seat_event(seat, SLOT_FAILED);
	pool->counters.crashes++;
	pool->counters.faults++;
	pool->counters.last_fault = verdict->fault;
	pthread_mutex_unlock(&workers->lock);
	channel_kill(channel);
	fault_worker_error(
		&error, verdict, pool->tool->name, channel_take_outcome(channel), &channel->errors);
	manager_tell(workers, pool, error);
	pthread_mutex_lock(&workers->lock);
	remains = seat_gone(workers, seat, error ? ks_error_outcome(error) : NULL);
	pthread_mutex_unlock(&workers->lock);
	remains_free(&remains);
	ks_error_free(error);
	pthread_mutex_lock(&workers->lock);
}

static void look_at_idle(struct ks_workers *workers, struct seat *seat)
{
	struct slot *slot = seat_slot(seat);
	struct verdict verdict = {.fault = KS_FAULT_NONE};
	int r;

	slot->held = true;
	pthread_mutex_unlock(&workers->lock);
	r = channel_look(seat->channel, &verdict);
	pthread_mutex_lock(&workers->lock);
	slot->held = false;
	if (slot->state != SLOT_IDLE)
		return; /* retired meanwhile: its end is seen to next */
	if (r < 0) {
		lose_idle(workers, seat, &verdict);
		return;
	}
	watch(workers, seat, EPOLLIN | EPOLLONESHOT);
	pool_wake(seat->pool);
}

/* A worker that ends may still write: nobody reads that but to let it come to its end. */
static void look_at_ending(struct ks_workers *workers, struct seat *seat)
{
	struct channel *channel = seat->channel;

	pthread_mutex_unlock(&workers->lock);
	channel_read(channel, true);
	channel->at = channel->len = 0;
	pthread_mutex_lock(&workers->lock);
	if (channel->ended)
		see_out(workers, seat);
	else
		watch(workers, seat, EPOLLIN | EPOLLONESHOT);
}

/* The kind way to end a worker: its stdin is closed, and it gets SIGTERM and SIGKILL if that is not
 * enough. ks_child_stop() sets the time for the last. */
static void next_stage(struct ks_workers *workers, struct seat *seat)
{
	if (workers->stopping) {
		kill_and_see_out(workers, seat);
		return;
	}
	if (seat->stage == END_BEGINS) {
		channel_close_input(seat->channel);
		seat->stage = END_INPUT_CLOSED;
		seat->next_stage = clock_now() + workers->options.grace_ms;
	} else {
		ks_child_stop(seat->channel->child);
		seat->stage = END_STOPPED;
		seat->next_stage = SLOT_NEVER;
	}
	watch(workers, seat, EPOLLIN | EPOLLONESHOT);
}

static uint64_t tend_idle(const struct ks_workers *workers, struct seat *seat)
{
	uint64_t due = slot_due(seat_slot(seat), &seat->pool->limits);

	if (seat->watched)
		return due;
	if (clock_now() < seat->watch_at)
		return seat->watch_at < due ? seat->watch_at : due;
	watch(workers, seat, EPOLLIN | EPOLLONESHOT);
	return due;
}

/* What time asks for; returns when to come again. */
static uint64_t tend_seat(struct ks_workers *workers, struct seat *seat)
{
	struct slot *slot = seat_slot(seat);

	if (slot->state == SLOT_IDLE && seat_event(seat, SLOT_TICK) == SLOT_END)
		seat->pool->counters.retired++;
	if (slot->state == SLOT_ENDING && !seat->by_caller &&
		(workers->stopping || seat->stage == END_BEGINS || clock_now() >= seat->next_stage))
		next_stage(workers, seat);
	if (slot->state == SLOT_ENDING && !seat->by_caller)
		return seat->next_stage;
	if (slot->state == SLOT_IDLE)
		return tend_idle(workers, seat);
	/* One that is used often will be back: whoever gives it back need not wake us for that. */
	return slot->state == SLOT_BUSY && seat->watch_at > clock_now() ? seat->watch_at
									: SLOT_NEVER;
}

/* A pool whose tool has changed or gone stays until its last worker and caller have left. */
static bool forget_one(struct ks_workers *workers)
{
	struct pool **slot = &workers->pools;
	struct pool *pool;

	while (*slot && (!(*slot)->closed || (*slot)->users || !pool_empty(*slot)))
		slot = &(*slot)->next;
	pool = *slot;
	if (!pool)
		return false;
	*slot = pool->next;
	pthread_mutex_unlock(&workers->lock);
	pool_free(pool);
	pthread_mutex_lock(&workers->lock);
	return true;
}

/* Only this thread frees pools, so that the list can be walked although the lock is let go on the
 * way. */
static uint64_t tend(struct ks_workers *workers)
{
	uint64_t until = SLOT_NEVER;

	for (struct pool *pool = workers->pools; pool; pool = pool->next) {
		for (size_t i = 0; i < pool->len; i++) {
			uint64_t due = tend_seat(workers, &pool->seats[i]);

			until = due < until ? due : until;
		}
	}
	while (forget_one(workers))
		;
	return until;
}

static void attend(struct ks_workers *workers, struct seat *seat)
{
	if (!seat) {
		event_lower(workers->wake);
		return;
	}
	/* Whoever took it meanwhile looks himself. */
	if (!seat->channel || seat->by_caller)
		return;
	if (seat_slot(seat)->state == SLOT_IDLE)
		look_at_idle(workers, seat);
	else if (seat_slot(seat)->state == SLOT_ENDING)
		look_at_ending(workers, seat);
}

void *keeper_main(void *data)
{
	struct ks_workers *workers = data;

	pthread_mutex_lock(&workers->lock);
	while (!workers->leaving) {
		struct epoll_event event = {.data.ptr = NULL};
		uint64_t until;
		int n;

		/* Set before the look, which lets the lock go: what is changed meanwhile wakes. */
		workers->keeper_until = SLOT_NEVER;
		until = tend(workers);
		workers->keeper_until = until ? until : 1;
		pthread_mutex_unlock(&workers->lock);
		n = epoll_wait(workers->epoll, &event, 1, clock_left(until));
		pthread_mutex_lock(&workers->lock);
		if (n > 0)
			attend(workers, event.data.ptr);
	}
	pthread_mutex_unlock(&workers->lock);
	return NULL;
}
