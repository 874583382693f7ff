/* SPDX-License-Identifier: Apache-2.0 */
/* The watchdog over tables that are written down. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "watch/watch.h"

#define NO_LIMITS                                                                               \
	{                                                                                       \
		.memory_bytes = UINT64_MAX, .tasks = UINT64_MAX, .cpu_budget_usec = UINT64_MAX, \
		.cpu_quota_pct = UINT64_MAX,                                                    \
	}

/* pid, parent, session, born, own CPU, that of children, memory, threads, ended */
static const struct process shell = {100, 1, 100, 7, 10, 0, 5, 1, false};

static struct watch written(struct watch_limits limits)
{
	return (struct watch){.limits = limits, .root = 100, .root_born = 7};
}

static enum watch_verdict look(
	struct watch *watch, const struct process *items, size_t len, uint64_t now, bool *ret_pause)
{
	const struct process_table table = {.items = (struct process *)items, .len = len};
	enum watch_verdict verdict = WATCH_FINE;
	bool pause = false;

	assert_int_equal(watch_look(watch, &table, now, &verdict, &pause), 0);
	if (ret_pause)
		*ret_pause = pause;
	return verdict;
}

static bool is_member(const struct watch *watch, pid_t pid)
{
	for (size_t i = 0; i < watch->n_members; i++)
		if (watch->members[i].pid == pid)
			return true;
	return false;
}

static void test_who_belongs(void **state)
{
	struct watch watch = written((struct watch_limits)NO_LIMITS);
	const struct process first[] = {shell, {1, 0, 1, 1, 0, 0, 0, 1, false},
		{103, 102, 103, 9, 0, 0, 0, 1,
			false}, /* a session of its own, seen below its parent */
		{102, 101, 100, 9, 0, 0, 0, 1, false}, {101, 100, 100, 8, 0, 0, 0, 1, false},
		{50, 1, 50, 2, 0, 0, 0, 1, false}};
	const struct process later[] = {
		{103, 1, 103, 9, 0, 0, 0, 1, false}, /* its parents are gone: still a member */
		{104, 103, 104, 11, 0, 0, 0, 1, false},
		{105, 1, 100, 12, 0, 0, 0, 1, false}, /* never seen, but in the first session */
		{101, 1, 101, 12, 0, 0, 0, 1, false}, /* the number again, another process */
		{100, 1, 90, 13, 0, 0, 0, 1, false}, /* and that of the root */
		{50, 1, 50, 2, 0, 0, 0, 1, false}};

	(void)state;
	look(&watch, first, 6, 1, NULL);
	assert_int_equal(watch.n_members, 4);
	assert_true(is_member(&watch, 103));
	look(&watch, later, 6, 2, NULL);
	assert_int_equal(watch.n_members, 3);
	assert_true(is_member(&watch, 103) && is_member(&watch, 104) && is_member(&watch, 105));
	watch_done(&watch);
}

/* Cut off by a fork in a fork and a session of its own, whose maker was seen and is gone. */
static void test_who_has_cut_himself_off(void **state)
{
	struct watch watch = written((struct watch_limits)NO_LIMITS);
	const struct process first[] = {shell, {101, 100, 100, 8, 0, 0, 0, 1, false}};
	const struct process later[] = {
		{105, 1, 101, 9, 0, 0, 0, 1, false}, {60, 1, 60, 2, 0, 0, 0, 1, false}};
	const struct process last[] = {
		{106, 1, 101, 10, 0, 0, 0, 1, false}, {61, 1, 0, 3, 0, 0, 0, 1, false}};
	/* The numbers again, all of other processes. */
	const struct process others[] = {
		{101, 1, 101, 20, 0, 0, 0, 1, false}, {107, 101, 101, 21, 0, 0, 0, 1, false}};

	(void)state;
	look(&watch, first, 2, 1, NULL);
	look(&watch, later, 2, 2, NULL);
	assert_true(watch.n_members == 1 && is_member(&watch, 105));
	look(&watch, last, 2, 3, NULL);
	assert_true(watch.n_members == 1 && is_member(&watch, 106));
	look(&watch, others, 2, 4, NULL);
	assert_int_equal(watch.n_members, 0);
	watch_done(&watch);
}

/* One that never began touches nobody: session 0 is the system's own. */
static void test_no_tree(void **state)
{
	struct watch watch = {0};

	(void)state;
	assert_int_equal(watch_kill(&watch), 0);
	assert_int_equal(watch_begin(&watch, &(struct watch_limits)NO_LIMITS, 0, 0), -ESRCH);
}

static void test_what_is_used(void **state)
{
	struct watch watch = written((struct watch_limits)NO_LIMITS);
	const struct process first[] = {{100, 1, 100, 7, 10, 0, 5, 1, false},
		{101, 100, 100, 8, 400, 0, 7, 3, false}, {102, 100, 100, 9, 5, 0, 9, 1, true}};
	const struct process waited[] = {{100, 1, 100, 7, 20, 500, 6, 1, false}};
	const struct process not_waited[] = {{100, 1, 100, 7, 200, 0, 6, 1, false}};

	(void)state;
	look(&watch, first, 3, 1, NULL);
	assert_int_equal(watch.cpu_usec, 415);
	/* Whoever has ended holds no memory, and is no task. */
	assert_int_equal(watch.memory_bytes, 12);
	assert_int_equal(watch.tasks, 4);
	look(&watch, waited, 1, 2, NULL);
	assert_int_equal(watch.cpu_usec, 520);
	assert_int_equal(watch.tasks_peak, 4);
	assert_int_equal(watch.memory_peak, 12);
	/* It never falls. */
	look(&watch, not_waited, 1, 3, NULL);
	assert_int_equal(watch.cpu_usec, 605);
	watch_done(&watch);
}

static void test_verdicts(void **state)
{
	static const struct {
		struct watch_limits limits;
		enum watch_verdict verdict;
	} rows[] = {
		{{1000, 10, 5000, 100}, WATCH_FINE},
		{{999, 10, 5000, 100}, WATCH_MEMORY},
		{{1000, 1, 5000, 100}, WATCH_TASKS},
		{{1000, 10, 4000, 100}, WATCH_CPU},
		{NO_LIMITS, WATCH_FINE},
	};
	const struct process table[] = {{100, 1, 100, 7, 4000, 0, 1000, 2, false}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct watch watch = written(rows[i].limits);

		assert_int_equal(look(&watch, table, 1, 1, NULL), rows[i].verdict);
		watch_done(&watch);
	}
}

/* A tree that uses all it can gets its share on the average, by standing still in between. */
static void test_a_share_of_the_cpu(void **state)
{
	static const uint64_t shares[] = {1, 25, 50, 100, 150, 400};

	(void)state;
	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		struct watch_limits limits = NO_LIMITS;
		struct watch watch;
		struct process process = shell;
		bool pause = false;
		uint64_t now = 0;

		limits.cpu_quota_pct = shares[i];
		watch = written(limits);
		for (int k = 0; k < 5000; k++) {
			now += 20000;
			process.cpu_usec += pause ? 0 : 40000; /* on two processors */
			look(&watch, &process, 1, now, &pause);
		}
		if (shares[i] <= 200)
			assert_in_range(process.cpu_usec, now * shares[i] / 100 * 9 / 10,
				now * shares[i] / 100 * 11 / 10 + 100000);
		else
			assert_int_equal(process.cpu_usec, shell.cpu_usec + 5000 * 40000);
		watch_done(&watch);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_belongs),
		cmocka_unit_test(test_who_has_cut_himself_off),
		cmocka_unit_test(test_no_tree),
		cmocka_unit_test(test_what_is_used),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_a_share_of_the_cpu),
	};

	return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
