/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/loop.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

int loop_open(struct loop *loop)
{
	*loop = (struct loop){.poller = poller_open()};
	if (loop->poller < 0)
		return loop->poller;
	loop->now = clock_usec();
	list_init(&loop->tasks);
	return 0;
}

void loop_close(struct loop *loop)
{
	if (loop->poller >= 0)
		close(loop->poller);
	loop->poller = -1;
}

int loop_watch(struct loop *loop, struct watch *watch, uint32_t events)
{
	return poller_add(loop->poller, watch, events);
}

int loop_rewatch(struct loop *loop, struct watch *watch, uint32_t events)
{
	return poller_change(loop->poller, watch, events);
}

void loop_forget(struct loop *loop, struct watch *watch)
{
	for (int i = loop->at; i < loop->count; i++)
		if (loop->ready[i].watch == watch)
			loop->ready[i].watch = NULL;
}

void loop_unwatch(struct loop *loop, struct watch *watch)
{
	loop_forget(loop, watch);
	poller_drop(loop->poller, watch);
}

void task_init(struct task *task, void (*run)(struct task *task))
{
	list_init(&task->link);
	task->run = run;
}

void loop_later(struct loop *loop, struct task *task)
{
	if (list_empty(&task->link))
		list_append(&loop->tasks, &task->link);
}

void task_cancel(struct task *task)
{
	list_remove(&task->link);
}

/* Those that are there now; what they put off again is for the next turn. */
static void run_tasks(struct loop *loop)
{
	struct list now;

	list_move_all(&loop->tasks, &now);
	while (!list_empty(&now)) {
		struct task *task = container_of(now.next, struct task, link);

		list_remove(&task->link);
		task->run(task);
	}
}

struct timers *loop_take_timers(
	struct loop *loop, uint64_t milliseconds, void (*due)(struct timer *timer))
{
	const uint64_t length = milliseconds * 1000;
	struct timers *timers = loop->timers;

	while (timers && (timers->length != length || timers->due != due))
		timers = timers->next;
	if (!timers) {
		timers = malloc(sizeof(*timers));
		if (!timers)
			return NULL;
		*timers = (struct timers){.next = loop->timers, .length = length, .due = due};
		list_init(&timers->waiting);
		loop->timers = timers;
	}
	timers->users++;
	return timers;
}

void loop_give_timers(struct loop *loop, struct timers *timers)
{
	struct timers **at = &loop->timers;

	if (!timers || --timers->users)
		return;
	while (*at != timers)
		at = &(*at)->next;
	*at = timers->next;
	free(timers);
}

void timer_init(struct timer *timer)
{
	list_init(&timer->link);
}

void timer_start(struct loop *loop, struct timers *timers, struct timer *timer)
{
	list_remove(&timer->link);
	if (timers->length == 0)
		return;
	timer->at = loop->now + timers->length;
	list_append(&timers->waiting, &timer->link);
}

void timer_stop(struct timer *timer)
{
	list_remove(&timer->link);
}

static struct timer *first_timer(const struct timers *timers)
{
	return list_empty(&timers->waiting)
		       ? NULL
		       : container_of(timers->waiting.next, struct timer, link);
}

static void run_timers(struct loop *loop)
{
	for (struct timers *timers = loop->timers; timers; timers = timers->next) {
		struct timer *timer = first_timer(timers);

		for (; timer && timer->at <= loop->now; timer = first_timer(timers)) {
			timer_stop(timer);
			timers->due(timer);
		}
	}
}

/* Milliseconds until something is due, rounded up; -1 where nothing ever is. */
static int patience(const struct loop *loop)
{
	uint64_t first = UINT64_MAX, wait;

	if (!list_empty(&loop->tasks))
		return 0;
	for (const struct timers *timers = loop->timers; timers; timers = timers->next) {
		const struct timer *timer = first_timer(timers);

		if (timer && timer->at < first)
			first = timer->at;
	}
	if (first == UINT64_MAX)
		return -1;
	if (first <= loop->now)
		return 0;
	wait = (first - loop->now + 999) / 1000;
	return wait > INT_MAX ? INT_MAX : (int)wait;
}

static void tell(struct loop *loop)
{
	for (loop->at = 0; loop->at < loop->count && !loop->ended; loop->at++) {
		struct watch *watch = loop->ready[loop->at].watch;

		if (watch)
			watch->ready(watch, loop->ready[loop->at].events);
	}
	loop->at = loop->count = 0;
}

int loop_run(struct loop *loop)
{
	while (!loop->ended) {
		int count = poller_wait(loop->poller, loop->ready, LOOP_BATCH, patience(loop));

		if (count < 0)
			return count;
		loop->count = count;
		loop->now = clock_usec();
		tell(loop);
		run_tasks(loop);
		run_timers(loop);
	}
	return 0;
}
