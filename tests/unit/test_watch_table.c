/* SPDX-License-Identifier: Apache-2.0 */
/* The table of processes where time passes at each call that makes it: a process that makes its
 * successor and ends, over and over, is in every table that is whole. The host is written here. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "watch/table.h"

#define FIRST_OF_CHAIN 100
#define STRANGER 10 /* lives all the time */
#define NEWCOMER 20 /* somebody else's, who makes a list differ from the one before */
#define MOST 16

static struct {
	unsigned now; /* calls so far */
	unsigned life; /* of each of the chain: calls; in the last its successor lives, too */
	unsigned coming; /* of the newcomer */
} host;

static int lives(pid_t pid)
{
	unsigned born;

	if (pid == STRANGER)
		return 1;
	if (pid == NEWCOMER)
		return host.now >= host.coming;
	born = (unsigned)(pid - FIRST_OF_CHAIN) * host.life;
	return host.now >= born && host.now <= born + host.life;
}

int process_list(pid_t **ret_pids, size_t *ret_len)
{
	pid_t newest, all[4] = {STRANGER, NEWCOMER};
	pid_t *pids = calloc(4, sizeof(*pids));
	size_t n = 0;

	host.now++;
	newest = FIRST_OF_CHAIN + (pid_t)(host.now / host.life);
	all[2] = newest - 1;
	all[3] = newest;
	for (size_t i = 0; pids && i < 4; i++)
		if (lives(all[i]))
			pids[n++] = all[i];
	*ret_pids = pids;
	*ret_len = n;
	return pids ? 0 : -ENOMEM;
}

int process_read(pid_t pid, struct process *ret_process)
{
	host.now++;
	if (!lives(pid))
		return -ESRCH;
	*ret_process = (struct process){.pid = pid, .born = (uint64_t)pid};
	return 0;
}

/* How many of the chain are in a table; whole: it says that it is. */
static size_t count_chain(bool *ret_whole)
{
	struct process_table table;
	size_t n = 0;

	assert_int_equal(process_table_read(&table), 0);
	*ret_whole = !table.torn;
	for (size_t i = 0; i < table.len; i++)
		n += table.items[i].pid >= FIRST_OF_CHAIN;
	process_table_done(&table);
	return n;
}

static void test_chain_is_in_each_whole_table(void **state)
{
	unsigned n_whole = 0;

	(void)state;
	for (unsigned life = 1; life <= MOST; life++)
		for (unsigned start = 0; start < life; start++)
			for (unsigned coming = 0; coming <= 2 * MOST; coming++) {
				bool whole;
				size_t n;

				host.now = 4 * life + start;
				host.life = life;
				host.coming = host.now + coming;
				n = count_chain(&whole);
				n_whole += whole;
				if (whole && (n < 1 || n > 2))
					fail_msg("%zu of a chain of lives of %u calls, %u, %u", n,
						life, start, coming);
			}
	/* Not by calling each of them torn. */
	assert_true(n_whole > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chain_is_in_each_whole_table),
	};

	return cmocka_run_group_tests_name("watch_table", tests, NULL, NULL);
}
