/* SPDX-License-Identifier: Apache-2.0 */
/* Supervision: one worker, from its start to its outcome. Should: enforce what only a supervisor
 * can (the wall clock, the CPU budget of the tree, ending everything when memory ran out). Must
 * not: block in dispatch, install handlers, or read anything that the worker wrote. */
#include "supervise/child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "report/refused.h"

/* What a worker starts with, besides its plan. */
struct start {
	const struct ks_host *host;
	const struct ks_run_options *options;
	const char *const *argv; /* for a jail that was built ahead; else they are in the plan */
};

static int arm_timer(struct ks_child *child)
{
	/* After the program's end nothing is due any more: init ends the rest. */
	uint64_t next = child->ending.have_status ? NO_DEADLINE : deadlines_next(&child->deadlines);
	int r;

	if (child->wake < next)
		next = child->wake;
	if (next == child->armed)
		return 0;
	r = waiter_set(&child->waiter, next);
	if (r < 0)
		return r;
	child->armed = next;
	return 0;
}

int child_wake_by(ks_child *child, uint64_t usec)
{
	uint64_t before = child->wake;
	int r;

	/* One that has ended polls readable as it is. */
	if (usec >= before || child->outcome)
		return 0;
	child->wake = usec;
	r = arm_timer(child);
	if (r < 0)
		child->wake = before;
	return r;
}

static void set_deadlines(
	struct ks_child *child, const struct ks_host *host, const struct ks_run_options *options)
{
	const struct limits_plan *limits = &child->plan->limits;
	uint64_t rate = host->processors;

	if (limits->cpu_quota_pct != UINT64_MAX && (limits->cpu_quota_pct + 99) / 100 < rate)
		rate = (limits->cpu_quota_pct + 99) / 100;
	child->deadlines = (struct deadlines){
		.wall_usec = options->timeout_ms ? options->timeout_ms * 1000 : NO_DEADLINE,
		.grace_usec = options->grace_ms * 1000,
		.cpu_budget_usec = limits->group ? limits->cpu_budget_usec : NO_DEADLINE,
		.cpu_rate = rate ? rate : 1,
	};
	child->ending.cpu_budget_usec = limits->cpu_budget_usec != UINT64_MAX
						? limits->cpu_budget_usec
						: 0;
}

int child_audit(const struct ks_run_options *options)
{
	return options->egress_audit ? options->egress_audit_fd : -1;
}

/* How the program comes to run: in a jail that waits, or in one that is made now. */
static int run_program(struct ks_child *child, const struct start *start, ks_error **reterr)
{
	const struct ks_run_options *options = start->options;
	struct jail_stdio stdio = {.terminal = options->terminal,
		.rows = options->terminal_rows,
		.columns = options->terminal_columns};

	memcpy(stdio.fds, child->stdio.worker, sizeof(stdio.fds));
	if (child->jail)
		return jail_run(child->jail, child->plan, start->host, start->argv, &stdio, reterr);
	return jail_start(child->plan, start->host,
		&(struct jail_setup){.stdio = &stdio,
			.audit = child_audit(options),
			.pool = options->egress_pool},
		&child->jail, reterr);
}

static int start_jail(struct ks_child *child, const struct start *start, ks_error **reterr)
{
	int r = run_program(child, start, reterr);

	if (r < 0)
		return r;
	deadlines_start(&child->deadlines, clock_usec());
	child->terminal = jail_take_terminal(child->jail);
	r = waiter_add(&child->waiter, jail_fd(child->jail));
	if (r == 0)
		r = arm_timer(child);
	if (r < 0)
		return error_set(reterr, r, ABOUT(.step = "supervise"),
			"the worker cannot be watched: %s", strerror(-r));
	return 0;
}

static struct ks_child *child_alloc(struct ks_plan *plan)
{
	struct ks_child *child = calloc(1, sizeof(*child));

	if (!child) {
		plan_free(plan);
		return NULL;
	}
	child->plan = plan;
	child->waiter = WAITER_NONE;
	child->terminal = -1;
	child->stdio = STDIO_ENDS_NONE;
	child->wake = child->armed = NO_DEADLINE;
	return child;
}

int child_finished(struct ks_plan *plan, int exit_code, ks_child **ret_child)
{
	struct ks_child *child = child_alloc(plan);
	int r;

	if (!child)
		return -ENOMEM;
	child->ending = (struct ending){.have_status = true, .status = (exit_code & 0xff) << 8};
	r = waiter_make(&child->waiter);
	/* Nobody takes note of it, so that the descriptor stays readable. */
	if (r == 0)
		r = waiter_set(&child->waiter, 0);
	if (r == 0)
		r = outcome_new(&child->ending, ks_backend_kind_name(plan->kind), &plan->receipt,
			&child->outcome);
	if (r < 0) {
		ks_child_free(child);
		return r;
	}
	*ret_child = child;
	return 0;
}

static bool may_connect(const struct ks_plan *plan)
{
	bool filtered = plan->filter.enabled && plan->filter.profile == KS_PROFILE_WORKER_STRICT;

	return !filtered && !plan->landlock.handled_net;
}

/* Frees the child where it fails. */
static int start_child(
	struct ks_child *child, const struct start *start, ks_child **ret_child, ks_error **reterr)
{
	int r;

	set_deadlines(child, start->host, start->options);
	r = waiter_make(&child->waiter);
	if (r < 0)
		error_set(reterr, r, ABOUT(.step = "supervise"),
			"no event loop can be made for the worker: %s", strerror(-r));
	if (r == 0)
		r = stdio_open(start->options, may_connect(child->plan), &child->stdio, reterr);
	if (r == 0)
		r = start_jail(child, start, reterr);
	stdio_close_worker(&child->stdio);
	if (r < 0) {
		if (reterr)
			refused_attach(*reterr, child->plan);
		ks_child_free(child);
		return r;
	}
	*ret_child = child;
	return 0;
}

int child_start(struct ks_plan *plan, const struct ks_host *host,
	const struct ks_run_options *options, ks_child **ret_child, ks_error **reterr)
{
	const struct start start = {.host = host, .options = options};
	struct ks_child *child = child_alloc(plan);

	return child ? start_child(child, &start, ret_child, reterr) : error_oom(reterr);
}

int child_start_in(struct jail *jail, struct ks_plan *plan, const struct ks_host *host,
	const char *const *argv, const struct ks_run_options *options, ks_child **ret_child,
	ks_error **reterr)
{
	const struct start start = {.host = host, .options = options, .argv = argv};
	struct ks_child *child = child_alloc(plan);

	if (!child) {
		jail_free(jail);
		return error_oom(reterr);
	}
	child->jail = jail;
	return start_child(child, &start, ret_child, reterr);
}

static void act_on_deadlines(struct ks_child *child)
{
	struct jail_usage usage = {.cpu_usec = NO_DEADLINE};
	uint64_t now = clock_usec();

	/* Before that no budget can be spent: it is not worth a look at the counters. */
	if (now < deadlines_next(&child->deadlines))
		return;
	if (child->deadlines.cpu_budget_usec != NO_DEADLINE)
		jail_usage(child->jail, &usage);
	switch (deadlines_due(&child->deadlines, now, usage.cpu_usec)) {
	case DEADLINE_TERMINATE:
		jail_signal(child->jail, SIGTERM);
		break;
	case DEADLINE_KILL:
		jail_kill(child->jail);
		break;
	case DEADLINE_NOTHING:
		break;
	}
}

void child_refusals(
	ks_child *child, uint64_t *ret_tasks, uint64_t *ret_calls, const char **ret_call)
{
	struct jail_usage usage = {.tasks_refused = child->ending.tasks_refused};

	if (child->jail)
		jail_usage(child->jail, &usage);
	*ret_tasks = usage.tasks_refused;
	*ret_calls = child->ending.denials;
	*ret_call = child->ending.last_call;
}

static int finish(struct ks_child *child, ks_error **reterr)
{
	struct ending *ending = &child->ending;
	struct jail_usage usage;

	jail_usage(child->jail, &usage);
	if (usage.cpu_usec != UINT64_MAX) {
		ending->cpu_usec = usage.cpu_usec;
		ending->memory_peak_bytes = usage.memory_peak_bytes;
		ending->tasks_peak = usage.tasks_peak;
		ending->oom_kills = usage.oom_kills;
		ending->tasks_refused = usage.tasks_refused;
	}
	ending->wall_usec = clock_usec() - child->deadlines.start;
	ending->timed_out = child->deadlines.timed_out;
	ending->cpu_spent |= child->deadlines.cpu_spent;
	if (outcome_new(ending, ks_backend_kind_name(child->plan->kind), &child->plan->receipt,
		    &child->outcome) < 0 ||
		outcome_set_network(child->outcome, jail_network(child->jail)) < 0)
		return error_oom(reterr);
	jail_free(take_ptr(child->jail));
	return 1;
}

int ks_child_dispatch(ks_child *child, ks_error **reterr)
{
	bool memory = false;
	int r;

	if (child->outcome)
		return 1;
	if (waiter_fired(&child->waiter)) {
		child->armed = NO_DEADLINE; /* it has fired, so the same time may be set again */
		if (child->wake <= clock_usec())
			child->wake = NO_DEADLINE;
	}
	r = jail_dispatch(child->jail, &child->ending, &memory, reterr);
	if (r < 0)
		return r;
	if (r > 0)
		return finish(child, reterr);
	/* The kernel kills one process when memory runs out; the rest of the tree goes with it. */
	if (memory) {
		child->out_of_memory = true;
		jail_kill(child->jail);
	}
	if (!child->ending.have_status)
		act_on_deadlines(child);
	r = arm_timer(child);
	if (r < 0)
		return error_set(reterr, r, ABOUT(.step = "supervise"),
			"the timer cannot be set: %s", strerror(-r));
	return 0;
}

int ks_child_wait(ks_child *child, ks_error **reterr)
{
	for (;;) {
		struct pollfd due = {.fd = child->waiter.fd, .events = POLLIN};
		int r = ks_child_dispatch(child, reterr);

		if (r != 0)
			return r < 0 ? r : 0;
		if (poll(&due, 1, -1) < 0 && errno != EINTR)
			return error_set(reterr, -errno, ABOUT(.step = "supervise"),
				"waiting for the worker failed: %s", strerror(errno));
	}
}

int ks_child_fd(const ks_child *child)
{
	return child->waiter.fd;
}

int ks_child_stdio(const ks_child *child, int stream)
{
	return stream >= 0 && stream < 3 ? child->stdio.caller[stream] : -1;
}

int ks_child_take_stdio(ks_child *child, int stream)
{
	return stream >= 0 && stream < 3 ? take_fd(&child->stdio.caller[stream]) : -1;
}

int ks_child_terminal(const ks_child *child)
{
	return child->terminal;
}

int ks_child_resize(ks_child *child, uint16_t rows, uint16_t columns)
{
	return child->jail ? jail_resize(child->jail, rows, columns) : -ESRCH;
}

int ks_child_signal(ks_child *child, int signal)
{
	if (!child->jail || child->ending.have_status)
		return -ESRCH;
	return jail_signal(child->jail, signal);
}

int ks_child_stop(ks_child *child)
{
	int r = ks_child_signal(child, SIGTERM);

	if (r < 0)
		return r;
	deadlines_stop(&child->deadlines, clock_usec());
	return arm_timer(child);
}

int ks_child_kill(ks_child *child)
{
	return child->jail ? jail_kill(child->jail) : 0;
}

const ks_outcome *ks_child_outcome(const ks_child *child)
{
	return child->outcome;
}

void ks_child_free(ks_child *child)
{
	if (!child)
		return;
	stdio_close(&child->stdio);
	jail_free(child->jail);
	if (child->terminal >= 0)
		close(child->terminal);
	waiter_close(&child->waiter);
	ks_outcome_free(child->outcome);
	plan_free(child->plan);
	free(child);
}
