/* SPDX-License-Identifier: Apache-2.0 */
/* The part with effects: the table is read, and signals are sent. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "watch/watch.h"

#define KILL_ROUNDS 100
#define LOOKS_AT_MOST 20 /* on a host where somebody ends during each */

int watch_begin(struct watch *watch, const struct watch_limits *limits, pid_t root, uint64_t now)
{
	struct process process;
	int r = root > 1 ? process_read(root, &process) : -ESRCH;

	if (r < 0)
		return r;
	*watch = (struct watch){
		.limits = *limits, .root = root, .root_born = process.born, .last_usec = now};
	return 0;
}

void watch_done(struct watch *watch)
{
	free(watch->members);
	*watch = (struct watch){0};
}

/* Not to a process that has taken a number over since it was looked at. */
static int send_to(const struct process *member, int signal)
{
	struct process now;

	if (member->ended || process_read(member->pid, &now) < 0 || now.born != member->born)
		return 0;
	return kill(member->pid, signal) < 0 && errno != ESRCH ? -errno : 0;
}

static int send_to_all(const struct watch *watch, int signal)
{
	int r = 0;

	for (size_t i = 0; i < watch->n_members; i++) {
		int one = send_to(&watch->members[i], signal);

		if (one < 0)
			r = one;
	}
	return r;
}

static size_t count_left(const struct watch *watch)
{
	size_t left = 0;

	for (size_t i = 0; i < watch->n_members; i++)
		left += !watch->members[i].ended;
	return left;
}

struct seen {
	bool pause;
	bool torn; /* so that it is not known that nobody is left */
};

/* That nobody is left is believed of a whole table only: a tree whose processes make their
 * successors and end may be missing in a torn one altogether. */
static int look(
	struct watch *watch, uint64_t now, enum watch_verdict *ret_verdict, struct seen *ret_seen)
{
	for (int attempt = 1;; attempt++) {
		struct process_table table = {0};
		int r = process_table_read(&table);

		ret_seen->torn = table.torn;
		if (r == 0)
			r = watch_look(watch, &table, now, ret_verdict, &ret_seen->pause);
		process_table_done(&table);
		if (r < 0 || !ret_seen->torn || count_left(watch) > 0 || attempt == LOOKS_AT_MOST)
			return r;
	}
}

int watch_step(struct watch *watch, uint64_t now, enum watch_verdict *ret_verdict, size_t *ret_left)
{
	struct seen seen = {0};
	int r = look(watch, now, ret_verdict, &seen);

	if (r < 0)
		return r;
	*ret_left = count_left(watch);
	/* Somebody may be: the next look tells. */
	if (*ret_left == 0 && seen.torn)
		*ret_left = 1;
	/* Again at each look: members that are new since the last one stand still, too. */
	if (seen.pause || watch->paused)
		r = send_to_all(watch, seen.pause ? SIGSTOP : SIGCONT);
	watch->paused = seen.pause;
	return r;
}

/* First all stand still, so that none makes another while the others are ended. */
int watch_kill(struct watch *watch)
{
	const struct timespec moment = {.tv_nsec = 2000000};
	enum watch_verdict verdict;
	size_t known = SIZE_MAX;
	struct seen seen = {0};
	int r = 0;

	/* Session 0 is the system's own. */
	if (watch->root <= 0)
		return 0;
	for (int round = 0; round < KILL_ROUNDS; round++) {
		r = look(watch, watch->last_usec, &verdict, &seen);
		if (r < 0)
			return r;
		if (count_left(watch) == 0 && !seen.torn)
			return 0;
		r = send_to_all(watch, SIGSTOP);
		if (count_left(watch) == known)
			r = send_to_all(watch, SIGKILL);
		known = count_left(watch);
		nanosleep(&moment, NULL);
	}
	return r < 0 ? r : -EBUSY;
}
