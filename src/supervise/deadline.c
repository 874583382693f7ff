/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/deadline.h"

#define SHORTEST_LOOK_USEC 1000 /* how far past its budget a busy worker gets, times cpu_rate */

static uint64_t later(uint64_t time, uint64_t more)
{
	return more >= NO_DEADLINE - time ? NO_DEADLINE : time + more;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void deadlines_start(struct deadlines *deadlines, uint64_t now)
{
	deadlines->start = now;
	deadlines->kill_at = NO_DEADLINE;
	deadlines->cpu_looked = now;
}

void deadlines_stop(struct deadlines *deadlines, uint64_t now)
{
	if (deadlines->kill_at == NO_DEADLINE)
		deadlines->kill_at = later(now, deadlines->grace_usec);
}

static enum deadline_action give_kill(struct deadlines *deadlines)
{
	deadlines->killed = true;
	return DEADLINE_KILL;
}

enum deadline_action deadlines_due(struct deadlines *deadlines, uint64_t now, uint64_t cpu_used)
{
	if (deadlines->killed)
		return DEADLINE_NOTHING;
	deadlines->cpu_looked = now;
	if (cpu_used != NO_DEADLINE)
		deadlines->cpu_used = cpu_used;
	if (deadlines->cpu_budget_usec != NO_DEADLINE &&
		deadlines->cpu_used >= deadlines->cpu_budget_usec) {
		deadlines->cpu_spent = true;
		return give_kill(deadlines);
	}
	if (now >= deadlines->kill_at)
		return give_kill(deadlines);
	if (deadlines->timed_out || now < later(deadlines->start, deadlines->wall_usec))
		return DEADLINE_NOTHING;
	deadlines->timed_out = true;
	deadlines_stop(deadlines, now);
	return DEADLINE_TERMINATE;
}

static uint64_t next_look(const struct deadlines *deadlines)
{
	uint64_t rest, wait;

	if (deadlines->cpu_budget_usec == NO_DEADLINE)
		return NO_DEADLINE;
	rest = deadlines->cpu_budget_usec > deadlines->cpu_used
		       ? deadlines->cpu_budget_usec - deadlines->cpu_used
		       : 0;
	wait = rest / (deadlines->cpu_rate ? deadlines->cpu_rate : 1);
	return later(deadlines->cpu_looked, wait > SHORTEST_LOOK_USEC ? wait : SHORTEST_LOOK_USEC);
}

uint64_t deadlines_next(const struct deadlines *deadlines)
{
	uint64_t next = deadlines->kill_at;

	if (deadlines->killed)
		return NO_DEADLINE;
	if (!deadlines->timed_out)
		next = earlier(next, later(deadlines->start, deadlines->wall_usec));
	return earlier(next, next_look(deadlines));
}
