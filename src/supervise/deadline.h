/* SPDX-License-Identifier: Apache-2.0 */
/* When the supervisor has to look again, and what it has to do then. Pure: time and usage come in
 * as numbers. All times are microseconds of one monotonic clock. */
#ifndef KS_SUPERVISE_DEADLINE_H
#define KS_SUPERVISE_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

#define NO_DEADLINE UINT64_MAX

struct deadlines {
	uint64_t start;
	uint64_t wall_usec; /* NO_DEADLINE = none */
	uint64_t grace_usec;
	uint64_t cpu_budget_usec; /* NO_DEADLINE = none */
	uint64_t cpu_rate; /* processors that the worker can use at once, rounded up, >= 1 */
	/* State */
	uint64_t kill_at; /* after a friendly signal; NO_DEADLINE = none sent */
	uint64_t cpu_used; /* at the last look */
	uint64_t cpu_looked; /* time of the last look */
	bool timed_out;
	bool cpu_spent;
	bool killed;
};

enum deadline_action { DEADLINE_NOTHING, DEADLINE_TERMINATE, DEADLINE_KILL };

void deadlines_start(struct deadlines *deadlines, uint64_t now);

/* Takes in the CPU time used so far (NO_DEADLINE = unknown) and says what is due now. Each action
 * is given once. */
enum deadline_action deadlines_due(struct deadlines *deadlines, uint64_t now, uint64_t cpu_used);

/* A friendly end is wanted for another reason than the wall clock: SIGKILL follows after the grace
 * time. */
void deadlines_stop(struct deadlines *deadlines, uint64_t now);

/* The next time to look, or NO_DEADLINE. CPU time is looked at when the rest of the budget could be
 * spent at the earliest, at most every millisecond. */
uint64_t deadlines_next(const struct deadlines *deadlines);

#endif
