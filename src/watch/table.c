/* SPDX-License-Identifier: Apache-2.0 */
/* A table that is whole, of lists and processes that are each read at another time.
 *
 * A process can end between being listed and being read, and what it made meanwhile is in no list
 * yet. So it is listed again, until a list has nobody new: whoever lives by then was read alive.
 * The others are read once more, so that nobody is counted beside its own successor. Who has ended
 * by then may have made one that no list has: such a table is not whole. */
#include "watch/table.h"

#include <errno.h>
#include <stdlib.h>

#define LISTS_AT_MOST 50 /* on a host that makes processes without end */

struct pids {
	pid_t *items; /* in order */
	size_t len;
};

static int compare(const void *a, const void *b)
{
	pid_t left = *(const pid_t *)a;
	pid_t right = *(const pid_t *)b;

	return (left > right) - (left < right);
}

static bool has(const struct pids *pids, pid_t pid)
{
	return pids->len > 0 &&
	       bsearch(&pid, pids->items, pids->len, sizeof(*pids->items), compare);
}

/* Those that are not in the list before. */
static int read_new(struct process_table *table, const struct pids *before, const struct pids *now,
	bool *ret_any)
{
	struct process *items = realloc(table->items, (table->len + now->len + 1) * sizeof(*items));

	if (!items)
		return -ENOMEM;
	table->items = items;
	*ret_any = false;
	for (size_t i = 0; i < now->len; i++) {
		if (has(before, now->items[i]))
			continue;
		*ret_any = true;
		if (process_read(now->items[i], &table->items[table->len]) == 0)
			table->len++;
	}
	return 0;
}

/* The first n. Whether one of them has ended since it was read. */
static bool read_again(struct process_table *table, size_t n)
{
	size_t kept = 0, had = table->len;

	for (size_t i = 0; i < table->len; i++) {
		struct process now = table->items[i];

		if (i < n && !now.ended &&
			(process_read(now.pid, &now) < 0 || now.born != table->items[i].born))
			continue;
		table->items[kept++] = now;
	}
	table->len = kept;
	return kept < had;
}

int process_table_read(struct process_table *ret_table)
{
	struct process_table table = {.torn = true};
	struct pids before = {0};
	size_t old = 0; /* read before the last list with somebody new */
	int r = 0;

	for (int i = 0; r == 0 && table.torn && i < LISTS_AT_MOST; i++) {
		struct pids now = {0};
		size_t had = table.len;

		r = process_list(&now.items, &now.len);
		if (r < 0)
			break;
		if (now.len > 0)
			qsort(now.items, now.len, sizeof(*now.items), compare);
		r = read_new(&table, &before, &now, &table.torn);
		if (table.torn)
			old = had;
		free(before.items);
		before = now;
	}
	free(before.items);
	table.torn |= read_again(&table, old);
	if (r < 0)
		process_table_done(&table);
	else
		*ret_table = table;
	return r;
}

void process_table_done(struct process_table *table)
{
	free(table->items);
	*table = (struct process_table){0};
}
