/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for a slot, in the order of the callers, and starting a worker in it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/event.h"
#include "workers/manager.h"

/* What a caller wants, while it waits. */
struct want {
	struct ks_workers *workers;
	const char *tool;
	int cancel_fd; /* -1 = none */
	uint64_t deadline;
	struct waiter waiter;
	ks_error **reterr;
};

/* Takes what the pick names; false where there is nothing to be had now. */
static bool take(
	struct want *want, struct pool *pool, struct slot_pick *pick, struct seat **ret_seat)
{
	uint64_t now = clock_now();
	struct seat *seat;

	*pick = slot_pick(pool->slots, pool->len, &pool->limits, now);
	if (pick->choice != SLOT_CHOOSE_TAKE && pick->choice != SLOT_CHOOSE_START)
		return false;
	seat = &pool->seats[pick->index];
	if (seat_event_at(seat, pick->choice == SLOT_CHOOSE_TAKE ? SLOT_TAKE : SLOT_START, now) !=
		SLOT_NOTHING) {
		pool->counters.retired++;
		keeper_wake(want->workers);
		*pick = (struct slot_pick){SLOT_CHOOSE_WAIT, 0, SLOT_NEVER};
		return false;
	}
	seat->by_caller = true;
	seat->unseen = pick->choice == SLOT_CHOOSE_TAKE && !seat->watched;
	if (pick->choice == SLOT_CHOOSE_TAKE)
		keeper_give(want->workers, seat);
	pool->users++;
	*ret_seat = seat;
	return true;
}

static int refuse_backoff(const struct want *want, const struct pool *pool, uint64_t at)
{
	uint64_t now = clock_now();

	return fault_error(want->reterr, KS_FAULT_BACKOFF, want->tool,
		"look at the last error of this tool; it is tried again after the pause",
		"its worker failed (%s), and the next start is in %" PRIu64 " ms",
		ks_fault_name(pool->counters.last_fault), at > now ? at - now : 0);
}

static int refuse_busy(const struct want *want, const struct pool *pool, const char *why)
{
	return fault_error(want->reterr, KS_FAULT_BUSY, want->tool,
		"wait longer, or allow more instances",
		"%s: %zu workers are in use, %zu callers "
		"wait",
		why, pool->len, pool->waiting);
}

static int refuse_shutdown(const struct want *want)
{
	return fault_error(want->reterr, KS_FAULT_SHUTDOWN, want->tool, NULL,
		"no worker is handed out any more");
}

/* Sleeps until somebody wakes us, or the time. The lock is not held. */
static int sleep_until(struct want *want, uint64_t until)
{
	struct pollfd fds[] = {{.fd = want->waiter.fd, .events = POLLIN},
		{.fd = want->cancel_fd, .events = POLLIN}};

	poll(fds, 2, clock_left(until));
	event_lower(want->waiter.fd);
	if (fds[1].revents)
		return fault_error(want->reterr, KS_FAULT_CANCELLED, want->tool, NULL,
			"cancelled while it waited for a worker");
	return 0;
}

static void queue(struct pool *pool, struct waiter *waiter)
{
	struct waiter **slot = &pool->waiters;

	while (*slot)
		slot = &(*slot)->next;
	waiter->next = NULL;
	*slot = waiter;
	pool->waiting++;
}

static void leave_queue(struct pool *pool, const struct waiter *waiter)
{
	struct waiter **slot = &pool->waiters;

	while (*slot != waiter)
		slot = &(*slot)->next;
	*slot = waiter->next;
	pool->waiting--;
	pool_wake(pool);
}

/* One round of somebody who is in the queue: 1 = taken, 0 = look again, or an error. */
static int wait_once(struct want *want, struct pool *pool, struct seat **ret_seat)
{
	struct slot_pick pick = {SLOT_CHOOSE_WAIT, 0, SLOT_NEVER};
	uint64_t until = want->deadline;
	int r;

	if (want->workers->draining)
		return refuse_shutdown(want);
	if (pool->closed)
		return -ESTALE;
	if (pool->waiters == &want->waiter && take(want, pool, &pick, ret_seat))
		return 1;
	/* Nothing that could come back in time. */
	if (pick.choice == SLOT_CHOOSE_BACKOFF && pick.at > want->deadline)
		return refuse_backoff(want, pool, pick.at);
	if (clock_now() >= want->deadline)
		return refuse_busy(want, pool, "no worker was free in time");
	if (pick.at < until)
		until = pick.at;
	pool->users++;
	pthread_mutex_unlock(&want->workers->lock);
	r = sleep_until(want, until);
	pthread_mutex_lock(&want->workers->lock);
	pool_leave(want->workers, pool);
	return r;
}

static int wait_in_queue(struct want *want, struct pool *pool, struct seat **ret_seat)
{
	int r;

	if (pool->waiting >= want->workers->options.max_waiting)
		return refuse_busy(want, pool, "too many wait");
	if (want->waiter.fd < 0)
		want->waiter.fd = event_new();
	if (want->waiter.fd < 0)
		return error_set(want->reterr, -errno, ABOUT(.step = "worker", .path = want->tool),
			"tool \"%s\": nothing to wait with: %s", want->tool, strerror(errno));
	queue(pool, &want->waiter);
	do
		r = wait_once(want, pool, ret_seat);
	while (r == 0);
	leave_queue(pool, &want->waiter);
	return r;
}

/* 1, or an error; -ESTALE: the tool's pool has been replaced meanwhile. */
static int wait_for_pool(struct want *want, struct seat **ret_seat)
{
	struct pool *pool = pool_find(want->workers, want->tool);
	struct slot_pick pick;

	if (want->workers->draining)
		return refuse_shutdown(want);
	if (!pool)
		return fault_no_tool(want->reterr, want->tool);
	if (!pool->waiters && take(want, pool, &pick, ret_seat))
		return 1;
	return wait_in_queue(want, pool, ret_seat);
}

int wait_for_seat(struct ks_workers *workers, const char *tool, int cancel_fd, uint64_t deadline,
	struct seat **ret_seat, ks_error **reterr)
{
	struct want want = {workers, tool, cancel_fd, deadline, {.fd = -1}, reterr};
	int r;

	pthread_mutex_lock(&workers->lock);
	do
		r = wait_for_pool(&want, ret_seat);
	while (r == -ESTALE);
	pthread_mutex_unlock(&workers->lock);
	if (want.waiter.fd >= 0)
		close(want.waiter.fd);
	return r < 0 ? r : 0;
}

/* A pipe for what the worker's egress proxy decides, where somebody reads it. */
static int open_audit(const struct ks_workers *workers, const struct tool *tool, int *ret_reader,
	int *ret_writer, ks_error **reterr)
{
	int ends[2];

	if (!workers->keeps_audits || ks_policy_net(tool->policy) != KS_NET_ALLOWLIST)
		return 0;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return error_set(reterr, -errno, ABOUT(.step = "egress", .path = tool->name),
			"tool \"%s\": no pipe for its audit: %s", tool->name, strerror(errno));
	*ret_reader = ends[0];
	*ret_writer = ends[1];
	return 0;
}

/* The worker, in a jail that waits or in a new one. Jails that wait have no audit: it would be that
 * of all of them. */
static int spawn(struct ks_workers *workers, struct seat *seat, ks_prepared *prepared,
	ks_child **ret_child, int *ret_audit, ks_error **reterr)
{
	autofd int writer = -1;
	const struct tool *tool = seat->pool->tool;
	const char *const *argv = (const char *const *)tool->argv.items;
	struct ks_run_options run = {.size = sizeof(run),
		.grace_ms = workers->options.grace_ms,
		.stdio = {KS_STDIO_PIPE, KS_STDIO_PIPE, KS_STDIO_PIPE}};
	int r;

	if (prepared) {
		seat->backend = ks_backend_ref(seat->pool->prepared_backend);
		return ks_prepared_spawn(prepared, argv, &run, ret_child, reterr);
	}
	run.cwd = tool->cwd ? tool->cwd : "/";
	run.allow_degraded = workers->options.allow_degraded;
	run.egress_pool = workers->options.egress_pool;
	r = ks_backends_resolve(workers->backends, tool->backend, tool->image, &seat->backend);
	if (r < 0)
		return error_set(reterr, r, ABOUT(.step = "resolve"),
			"no backend answers the request: %s", strerror(-r));
	r = open_audit(workers, tool, ret_audit, &writer, reterr);
	if (r < 0)
		return r;
	run.egress_audit = writer >= 0;
	run.egress_audit_fd = writer;
	return ks_child_spawn(seat->backend, tool->policy, argv, &run, ret_child, reterr);
}

static void note_start(struct ks_workers *workers, struct pool *pool, bool again, int r)
{
	pool->counters.starts++;
	pool->counters.restarts += again;
	if (r < 0) {
		pool->counters.faults++;
		pool->counters.last_fault = KS_FAULT_START;
	}
	if (pool->prepared) {
		pool->wants_jails = true;
		pthread_cond_signal(&workers->wanted);
	}
}

int seat_start(struct ks_workers *workers, struct seat *seat, ks_error **reterr)
{
	struct pool *pool = seat->pool;
	struct channel *channel = NULL;
	struct remains remains = {NULL, NULL};
	ks_prepared *prepared;
	ks_child *child = NULL;
	ks_error *own = NULL;
	autofd int audit = -1;
	bool again;
	int r;

	/* Somebody may want to be told, though the caller does not. */
	reterr = reterr ? reterr : &own;

	pthread_mutex_lock(&workers->lock);
	prepared = pool->prepared;
	again = seat_slot(seat)->failures > 0;
	pthread_mutex_unlock(&workers->lock);
	r = spawn(workers, seat, prepared, &child, &audit, reterr);
	if (r == 0) {
		r = channel_new(child, pool->tool->max_message_bytes, workers->stop, &channel);
		if (r < 0)
			error_set(reterr, r, ABOUT(.step = "worker", .path = pool->tool->name),
				"the worker's streams cannot be watched: %s", strerror(-r));
	}
	if (r == 0)
		channel->audit = take_fd(&audit);
	if (r < 0 && *reterr)
		fault_mark(*reterr, KS_FAULT_START);
	if (r < 0)
		manager_tell(workers, pool, *reterr);
	pthread_mutex_lock(&workers->lock);
	note_start(workers, pool, again, r);
	seat->channel = channel;
	seat->unready = true;
	seat->watched = false;
	seat_event(seat, r < 0 ? SLOT_FAILED : SLOT_STARTED);
	if (r < 0) {
		remains = seat_gone(workers, seat, NULL);
		pool_leave(workers, pool);
	}
	pthread_mutex_unlock(&workers->lock);
	remains_free(&remains);
	ks_error_free(own);
	return r;
}

int seat_fault(struct ks_workers *workers, struct seat *seat, const struct verdict *verdict,
	ks_error **reterr)
{
	bool ours = verdict->fault == KS_FAULT_CANCELLED || verdict->fault == KS_FAULT_SHUTDOWN ||
		    verdict->fault == KS_FAULT_NONE;
	struct pool *pool = seat->pool;
	struct channel *channel = seat->channel;
	struct remains remains;
	ks_outcome *outcome;
	ks_error *own = NULL;
	int code;

	reterr = reterr ? reterr : &own;
	pthread_mutex_lock(&workers->lock);
	seat_event(seat, ours ? SLOT_CANCEL : SLOT_FAILED);
	if (!ours) {
		pool->counters.faults++;
		pool->counters.crashes++;
		pool->counters.last_fault = verdict->fault;
	}
	pthread_mutex_unlock(&workers->lock);
	channel_kill(channel);
	outcome = channel_take_outcome(channel);
	pthread_mutex_lock(&workers->lock);
	remains = seat_gone(workers, seat, outcome);
	pthread_mutex_unlock(&workers->lock);
	code = verdict->fault == KS_FAULT_NONE
		       ? error_oom(reterr)
		       : fault_worker_error(
				 reterr, verdict, pool->tool->name, outcome, &channel->errors);
	if (verdict->fault == KS_FAULT_NONE)
		ks_outcome_free(outcome);
	if (!ours)
		manager_tell(workers, pool, *reterr);
	ks_error_free(own);
	remains_free(&remains);
	return code;
}
