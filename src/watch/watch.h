/* SPDX-License-Identifier: Apache-2.0 */
/* A watchdog over a tree of processes, for systems that limit no tree: it looks at the table of
 * processes again and again, and says which limit is passed. watch_look() is pure; watch_step()
 * also reads the table and acts.
 *
 * Should: count whoever was once seen to belong to the tree, whatever becomes of its parents. Must
 * not: touch a process that is not the one that was seen. What starts and leaves the tree between
 * two looks is missed; the receipt says so. */
#ifndef KS_WATCH_WATCH_H
#define KS_WATCH_WATCH_H

#include "watch/table.h"

#define WATCH_EVERY_MS 20 /* between two looks */
#define WATCH_PERIOD_USEC \
	100000 /* over which a share of the CPU holds, as in the kernel of Linux */

enum watch_verdict { WATCH_FINE, WATCH_MEMORY, WATCH_CPU, WATCH_TASKS };

/* UINT64_MAX = no limit. */
struct watch_limits {
	uint64_t memory_bytes;
	uint64_t tasks; /* processes and threads */
	uint64_t cpu_budget_usec;
	uint64_t cpu_quota_pct;
};

struct watch {
	struct watch_limits limits;
	pid_t root;
	uint64_t root_born;
	struct process *members; /* as they were seen last */
	size_t n_members;
	uint64_t lost_usec; /* CPU time of members that are gone */
	uint64_t last_usec; /* when it was looked */
	int64_t credit_usec; /* CPU time that may be used before the tree has to pause */
	bool paused;
	/* What is known so far. */
	uint64_t cpu_usec;
	uint64_t memory_bytes;
	uint64_t memory_peak;
	uint64_t tasks;
	uint64_t tasks_peak;
};

/* Of the process that leads a session of its own, which has just been made. 0, or -ESRCH. */
int watch_begin(struct watch *watch, const struct watch_limits *limits, pid_t root, uint64_t now);
void watch_done(struct watch *watch);

/* Takes in a table. *ret_pause: whether the tree has to stand still until the next look. 0 or
 * -ENOMEM. */
int watch_look(struct watch *watch, const struct process_table *table, uint64_t now,
	enum watch_verdict *ret_verdict, bool *ret_pause);

/* Reads the table, looks, and stops or continues the tree. *ret_left: how many live, or 1 where
 * that nobody does is not certain. 0 or -errno.
 */
int watch_step(
	struct watch *watch, uint64_t now, enum watch_verdict *ret_verdict, size_t *ret_left);

/* Ends every member, and whoever they make meanwhile. 0, also where nothing has begun; or -errno
 * where some live on. */
int watch_kill(struct watch *watch);

#endif
