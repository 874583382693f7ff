/* SPDX-License-Identifier: Apache-2.0 */
/* The one loop of the proxy: descriptors that became ready, work that was put off, and time.
 *
 * Edge-triggered: whoever is told that a descriptor is ready works on it until the kernel says
 * EAGAIN, or puts the rest off with loop_later() so that others have their turn; nobody is told
 * twice. Nothing here blocks but the wait itself. One thread. */
#ifndef KS_EGRESS_LOOP_H
#define KS_EGRESS_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "egress/list.h"
#include "egress/poller.h"

#define LOOP_BATCH 64 /* events that are taken at once */

struct watch {
	void (*ready)(struct watch *watch, uint32_t events); /* of poller.h */
	int fd; /* -1: none. The watcher closes it */
};

struct task {
	struct list link;
	void (*run)(struct task *task);
};

struct timer {
	struct list link;
	uint64_t at;
};

/* Timers of one length: the first one started is the first one due, so that starting, restarting
 * and stopping are a few assignments, however many there are. */
struct timers {
	struct list waiting;
	struct timers *next; /* of the loop */
	size_t users;
	uint64_t length; /* microseconds; 0: never due */
	void (*due)(struct timer *timer);
};

struct loop {
	int poller;
	uint64_t now; /* monotonic microseconds, as of this turn */
	bool ended;
	struct list tasks;
	struct timers *timers;
	struct poller_ready ready[LOOP_BATCH];
	int at, count; /* the event that is being told, and how many there are */
};

/* 0 or -errno. */
int loop_open(struct loop *loop);
void loop_close(struct loop *loop);

/* Until loop->ended. 0, or -errno of a wait that failed. */
int loop_run(struct loop *loop);

/* Tells watch about its descriptor from now on; it is told at once if it is ready. 0 or -errno. */
int loop_watch(struct loop *loop, struct watch *watch, uint32_t events);
/* The same descriptor is another's from now on. */
int loop_rewatch(struct loop *loop, struct watch *watch, uint32_t events);
/* Before the watch is freed, whose descriptor nobody else has open and is closed next: what this
 * turn had to tell it is dropped. */
void loop_forget(struct loop *loop, struct watch *watch);
/* The same for descriptors that somebody else may have open, too. */
void loop_unwatch(struct loop *loop, struct watch *watch);

/* Runs the task once after what is being told; nothing changes for one that waits already. */
void task_init(struct task *task, void (*run)(struct task *task));
void loop_later(struct loop *loop, struct task *task);
void task_cancel(struct task *task);

/* Whoever asks for the same length and the same act has the same ones, so that a turn looks at a
 * few, however many users there are. NULL = out of memory. */
struct timers *loop_take_timers(
	struct loop *loop, uint64_t milliseconds, void (*due)(struct timer *timer));
/* None of this user's is waiting any more. Not to be called by a timer that is due. NULL is
 * allowed. */
void loop_give_timers(struct loop *loop, struct timers *timers);
void timer_init(struct timer *timer);
/* From now on, whichever timers it was among before. */
void timer_start(struct loop *loop, struct timers *timers, struct timer *timer);
void timer_stop(struct timer *timer);

#endif
