/* SPDX-License-Identifier: Apache-2.0 */
/* The pure part: who belongs to the tree, what it uses, and what follows. */
#include "watch/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool same(const struct process *a, const struct process *b)
{
	return a->pid == b->pid && a->born == b->born;
}

static const struct process *find(
	const struct process *items, size_t len, const struct process *process)
{
	for (size_t i = 0; i < len; i++)
		if (same(&items[i], process))
			return &items[i];
	return NULL;
}

static bool is_root(const struct watch *watch, const struct process *process)
{
	return process->pid == watch->root && process->born == watch->root_born;
}

/* Whether the number of a session that was the tree's is that of another one by now, with its
 * maker. */
static bool taken_over(const struct watch *watch, const struct process_table *table, pid_t session)
{
	for (size_t i = 0; i < table->len; i++)
		if (table->items[i].pid == session && table->items[i].session == session)
			return !is_root(watch, &table->items[i]) &&
			       !find(watch->members, watch->n_members, &table->items[i]);
	return false;
}

/* Nobody enters a session from outside: whoever is in one that a member was in, or has made since
 * it was seen, is of the tree, although his parents are gone. Session 0 is the system's. */
static bool in_session(const struct watch *watch, const struct process_table *table, pid_t session)
{
	bool ours = session == watch->root;

	for (size_t i = 0; !ours && i < watch->n_members; i++)
		ours = watch->members[i].session == session || watch->members[i].pid == session;
	return ours && session > 0 && !taken_over(watch, table, session);
}

/* Seen before; or in a session of the tree. */
static bool belongs(
	const struct watch *watch, const struct process_table *table, const struct process *process)
{
	return is_root(watch, process) || find(watch->members, watch->n_members, process) ||
	       in_session(watch, table, process->session);
}

static bool has_parent(const struct process_table *table, const bool *chosen, pid_t parent)
{
	for (size_t i = 0; i < table->len; i++)
		if (chosen[i] && table->items[i].pid == parent)
			return true;
	return false;
}

/* Children of members are members, however deep: until nothing changes. */
static void choose(const struct watch *watch, const struct process_table *table, bool *chosen)
{
	bool changed = true;

	for (size_t i = 0; i < table->len; i++)
		chosen[i] = belongs(watch, table, &table->items[i]);
	while (changed) {
		changed = false;
		for (size_t i = 0; i < table->len; i++) {
			if (chosen[i] || !has_parent(table, chosen, table->items[i].parent))
				continue;
			chosen[i] = changed = true;
		}
	}
}

/* Those that are gone take what they were last seen to have used with them. */
static void take_leave(struct watch *watch, const struct process *now, size_t n_now)
{
	for (size_t i = 0; i < watch->n_members; i++)
		if (!find(now, n_now, &watch->members[i]))
			watch->lost_usec += watch->members[i].cpu_usec;
}

/* CPU time is counted in two ways that each miss something: by what was seen of each process, which
 * lacks the time after the last look at it; and by what parents were told of children that they
 * waited for, which lacks those that nobody waits for. The larger one is taken, and it never falls.
 */
static void count(struct watch *watch)
{
	uint64_t seen = watch->lost_usec;
	uint64_t told = 0;

	watch->memory_bytes = watch->tasks = 0;
	for (size_t i = 0; i < watch->n_members; i++) {
		const struct process *member = &watch->members[i];

		seen += member->cpu_usec;
		told += member->cpu_usec + member->children_usec;
		if (member->ended)
			continue;
		watch->memory_bytes += member->memory;
		watch->tasks += member->threads;
	}
	if (seen > watch->cpu_usec)
		watch->cpu_usec = seen;
	if (told > watch->cpu_usec)
		watch->cpu_usec = told;
	if (watch->memory_bytes > watch->memory_peak)
		watch->memory_peak = watch->memory_bytes;
	if (watch->tasks > watch->tasks_peak)
		watch->tasks_peak = watch->tasks;
}

/* A share of the CPU: what may be used grows with the time, up to that of one period. */
static bool must_pause(struct watch *watch, uint64_t used, uint64_t passed)
{
	uint64_t quota = watch->limits.cpu_quota_pct;
	int64_t most = (int64_t)(WATCH_PERIOD_USEC / 100 * quota);

	if (quota == UINT64_MAX)
		return false;
	watch->credit_usec += (int64_t)(passed * quota / 100) - (int64_t)used;
	if (watch->credit_usec > most)
		watch->credit_usec = most;
	return watch->credit_usec < 0;
}

static enum watch_verdict judge(const struct watch *watch)
{
	if (watch->memory_bytes > watch->limits.memory_bytes)
		return WATCH_MEMORY;
	if (watch->tasks > watch->limits.tasks)
		return WATCH_TASKS;
	return watch->cpu_usec >= watch->limits.cpu_budget_usec ? WATCH_CPU : WATCH_FINE;
}

int watch_look(struct watch *watch, const struct process_table *table, uint64_t now,
	enum watch_verdict *ret_verdict, bool *ret_pause)
{
	bool *chosen = calloc(table->len + 1, sizeof(*chosen));
	struct process *members = calloc(table->len + 1, sizeof(*members));
	uint64_t before = watch->cpu_usec;
	size_t n = 0;

	if (!chosen || !members) {
		free(chosen);
		free(members);
		return -ENOMEM;
	}
	choose(watch, table, chosen);
	for (size_t i = 0; i < table->len; i++)
		if (chosen[i])
			members[n++] = table->items[i];
	free(chosen);
	take_leave(watch, members, n);
	free(watch->members);
	watch->members = members;
	watch->n_members = n;
	count(watch);
	*ret_pause = must_pause(watch, watch->cpu_usec - before, now - watch->last_usec);
	watch->last_usec = now;
	*ret_verdict = judge(watch);
	return 0;
}
