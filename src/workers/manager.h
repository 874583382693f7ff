/* SPDX-License-Identifier: Apache-2.0 */
/* The manager: pools of slots, one pool a tool, and who may touch what.
 *
 * Everything here is guarded by the one lock, but for the channels: a channel belongs to the thread
 * that its slot names. BUSY and STARTING: the caller's that has it on loan; IDLE and ENDING: the
 * keeper's, the manager's own thread (a slot that the keeper looks at is held meanwhile);
 * by_caller: the caller's that has found the fault and ends it. Nobody waits for a worker with the
 * lock held. */
#ifndef KS_WORKERS_MANAGER_H
#define KS_WORKERS_MANAGER_H

#include <pthread.h>
#include <stdbool.h>

#include <kastellan/prepared.h>
#include <kastellan/workers.h>

#include "base/bounds.h"
#include "workers/channel.h"
#include "workers/slot.h"
#include "workers/tools.h"

#define MANAGER_LONGEST_MS KS_MAX_CPU_MS /* a year: beyond it is a typing error */

/* How far the kind way to end a worker has come. */
enum end_stage { END_BEGINS, END_INPUT_CLOSED, END_STOPPED };

/* What belongs to a slot besides its state. */
struct seat {
	struct pool *pool;
	size_t index;
	struct channel *channel; /* NULL while there is no worker */
	ks_backend *backend; /* held from the start until nothing of the worker is left */
	bool by_caller;
	bool unready; /* the keeper's poll set does not have it */
	bool watched; /* it has, and looks at it */
	bool unseen; /* nobody has looked at it since it was given back */
	uint64_t watch_at; /* when an idle one that is not watched has to be */
	uint64_t returned; /* when it was given back last */
	enum end_stage stage;
	uint64_t next_stage; /* when */
};

/* Somebody who waits for a slot of the pool; on its own stack. */
struct waiter {
	struct waiter *next;
	int fd; /* eventfd */
};

struct counters {
	uint64_t calls, faults, starts, restarts, retired, crashes, ended;
	enum ks_fault last_fault;
	enum ks_outcome_type last_outcome;
	int last_exit_code;
	int last_signal;
};

struct pool {
	struct pool *next;
	struct ks_tools *tools; /* a reference, for the tool */
	const struct tool *tool;
	struct slot_limits limits;
	size_t len;
	struct slot *slots;
	struct seat *seats;
	struct waiter *waiters; /* in their order */
	size_t waiting;
	size_t users; /* loans, and threads in the middle of something */
	bool closed; /* its tool has changed or gone */
	ks_prepared *prepared; /* of single use: jails ahead */
	ks_backend *prepared_backend;
	bool wants_jails; /* for the builder */
	struct counters counters;
};

struct ks_worker {
	struct ks_worker *next, *before; /* the manager's loans */
	ks_workers *manager;
	struct pool *pool;
	struct seat *seat; /* NULL once its worker is gone */
	bool calling;
	bool replaceable; /* should it turn out to be gone, another one gets its request */
	bool answered; /* the request under way: its seat is told at the end */
	enum ks_fault fault; /* why it is gone */
	void (*on_message)(void *data, ks_worker *worker, const char *text, size_t len);
	void *data;
};

struct ks_workers {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* a slot is empty, or somebody has left */
	pthread_cond_t wanted; /* jails are wanted, or all ends: for the builder */
	ks_backends *backends;
	struct ks_workers_options options; /* complete */
	struct pool *pools; /* in the order of the manifest, closed ones behind */
	struct ks_worker *loans;
	size_t inside; /* threads in an acquisition or a call */
	unsigned references; /* the owner's, and one a loan */
	bool draining;
	bool stopping;
	bool leaving; /* nothing is left: the threads end */
	bool keeps_audits; /* set before the first worker; see workers_keep_audits() */
	int epoll; /* the keeper's: the watches of idle and ending channels, and wake */
	int wake; /* eventfd: the keeper has to look again */
	int stop; /* eventfd: calls end */
	uint64_t keeper_until; /* it sleeps so long; 0 = it does not */
	pthread_t keeper;
	pthread_t builder;
	bool has_keeper;
	bool has_builder;
};

/* All below: with the lock held, where nothing else is said. */

static inline struct slot *seat_slot(const struct seat *seat)
{
	return &seat->pool->slots[seat->index];
}

/* Feeds an event to the slot, at the present time or at that one. */
enum slot_action seat_event(struct seat *seat, enum slot_event event);
enum slot_action seat_event_at(struct seat *seat, enum slot_event event, uint64_t now);

/* Notes how a worker has ended, and makes its slot empty. It takes what was in the seat, to be
 * freed without the lock. */
struct remains {
	struct channel *channel;
	ks_backend *backend;
};
struct remains seat_gone(struct ks_workers *workers, struct seat *seat, const ks_outcome *outcome);
void remains_free(struct remains *remains); /* without the lock */

/* Pools. */
struct pool *pool_new(
	struct ks_workers *workers, const struct ks_tools *tools, const struct tool *tool);
void pool_free(struct pool *pool); /* without the lock, or before anybody knows it */
struct pool *pool_find(const struct ks_workers *workers, const char *tool);
bool pool_empty(const struct pool *pool); /* no slot has a worker */
void pool_wake(const struct pool *pool); /* the first who waits looks again */
void pool_wake_all(const struct pool *pool);
/* A user less. A pool that was replaced goes, with the jails that wait for it, once the last one
 * has left, which the keeper has to hear of. */
void pool_leave(struct ks_workers *workers, struct pool *pool);
/* Retires every worker of it. */
void pool_retire(struct ks_workers *workers, struct pool *pool);

/* Takes a slot for the caller, who waits for it: a slot that is BUSY has an idle worker in it, one
 * that is STARTING wants a worker. The pool has one user more then. Without the lock. */
int wait_for_seat(struct ks_workers *workers, const char *tool, int cancel_fd, uint64_t deadline,
	struct seat **ret_seat, ks_error **reterr);

/* Starts a worker in a seat that is STARTING. Without the lock. */
int seat_start(struct ks_workers *workers, struct seat *seat, ks_error **reterr);

/* ks_workers_acquire(), between enter and leave and with complete options. trusting: a warm worker
 * that was given back a moment ago is not looked at, as the request will tell. Without the lock. */
int loan_acquire(struct ks_workers *workers, const char *tool,
	const struct ks_call_options *options, bool trusting, struct ks_worker **ret_worker,
	ks_error **reterr);

/* The worker of a seat that is the caller's cannot be used any more: it is ended, and the error
 * says why. Without the lock. Returns the code. */
int seat_fault(struct ks_workers *workers, struct seat *seat, const struct verdict *verdict,
	ks_error **reterr);

/* The loan may be used now, by this thread alone, until loan_finish(); request: for one, which is
 * counted. 0, -EBUSY, or the fault that its worker was lost to. Without the lock, as the next. */
int loan_begin(struct ks_worker *worker, bool request, ks_error **reterr);
void loan_finish(struct ks_worker *worker);

/* In between, where that was not known at the beginning; and before the end, where what comes next
 * is about a worker that has answered. */
void loan_count_request(struct ks_worker *worker);
void loan_note_answer(struct ks_worker *worker);

/* loan_finish(), where that is due, and ks_worker_release() in one. */
void loan_return(struct ks_worker *worker);

/* In between: its worker is ended for that reason; see seat_fault(). */
int loan_lose(struct ks_worker *worker, const struct verdict *verdict, ks_error **reterr);

/* Options of a call, every member with its meaning. */
int call_options_complete(const struct ks_call_options *given, struct ks_call_options *ret_options,
	ks_error **reterr);

/* Tells whoever wants to know of a fault. Without the lock, and while the pool has a user. */
void manager_tell(const struct ks_workers *workers, const struct pool *pool, const ks_error *error);

/* Counts a thread that is about to use workers of a tool, and tells how long its messages may be
 * (NULL: not asked). -ENOENT, or -ESHUTDOWN when that is over. Without the lock. */
int manager_enter(
	struct ks_workers *workers, const char *tool, uint64_t *ret_bound, ks_error **reterr);
void manager_leave(struct ks_workers *workers);

/* With the last reference. Nobody holds the lock. */
void manager_free(struct ks_workers *workers);

/* The keeper. */
void *keeper_main(void *workers);
void keeper_wake(struct ks_workers *workers);
/* The seat is idle or ending now: the keeper's. */
void keeper_take(struct ks_workers *workers, struct seat *seat, uint64_t now);
/* It is the caller's again. */
void keeper_give(struct ks_workers *workers, struct seat *seat);

/* The builder of jails. */
void *builder_main(void *workers);

#endif
