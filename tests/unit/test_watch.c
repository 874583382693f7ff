/* SPDX-License-Identifier: Apache-2.0 */
/* The watchdog: first over tables that are written down, then over real trees. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "watch/watch.h"

#define MIB (1024ull * 1024)
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
	const struct process_table table = {(struct process *)items, len};
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

static void rest(unsigned ms)
{
	const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&time, NULL);
}

static void burn(void)
{
	for (volatile unsigned i = 0;; i++)
		;
}

static void pause_forever(void)
{
	for (;;)
		pause();
}

static void hold_memory(void)
{
	for (;;) {
		char *block = malloc(4 * MIB);

		if (block)
			memset(block, 1, 4 * MIB);
		rest(5);
	}
}

static void make_children(void)
{
	for (int i = 0; i < 12; i++)
		if (fork() == 0)
			pause();
	pause();
}

/* Cuts itself off, once it has been seen. */
static void leave(void)
{
	if (fork() == 0) {
		rest(200);
		setsid();
		if (fork() == 0) {
			rest(200);
			burn();
		}
		rest(200);
		_exit(0);
	}
	rest(100);
	_exit(0);
}

/* Each makes its successor and ends: as many as before, never the same ones. They stop by
 * themselves, so that nothing is left of a test that fails. */
static void storm(void)
{
	uint64_t end = clock_usec() + 2000000;

	for (int chain = 0; chain < 4; chain++)
		if (fork() == 0)
			break;
	while (clock_usec() < end) {
		rest(10);
		if (fork() != 0)
			_exit(0);
	}
}

static pid_t start(void (*act)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		setsid();
		act();
		_exit(0);
	}
	assert_true(pid > 0);
	while (getsid(pid) != pid)
		rest(1);
	return pid;
}

/* Until there is a verdict, or the time is up. Ends the tree, and makes sure of it. */
static enum watch_verdict watch_tree(
	void (*act)(void), const struct watch_limits *limits, unsigned ms, struct watch *ret_watch)
{
	pid_t pid = start(act);
	struct watch watch;
	enum watch_verdict verdict = WATCH_FINE;
	uint64_t end = clock_usec() + ms * 1000ull;
	size_t left = 1;

	assert_int_equal(watch_begin(&watch, limits, pid, clock_usec()), 0);
	while (verdict == WATCH_FINE && clock_usec() < end) {
		assert_int_equal(watch_step(&watch, clock_usec(), &verdict, &left), 0);
		waitpid(pid, NULL, WNOHANG);
		rest(WATCH_EVERY_MS);
	}
	assert_int_equal(watch_kill(&watch), 0);
	waitpid(pid, NULL, WNOHANG);
	assert_int_equal(watch_step(&watch, clock_usec(), &(enum watch_verdict){0}, &left), 0);
	assert_int_equal(left, 0);
	*ret_watch = watch;
	watch_done(&watch);
	return verdict;
}

static void test_real_memory(void **state)
{
	struct watch_limits limits = NO_LIMITS;
	struct watch watch;

	(void)state;
	limits.memory_bytes = 64 * MIB;
	assert_int_equal(watch_tree(hold_memory, &limits, 20000, &watch), WATCH_MEMORY);
	assert_true(watch.memory_peak > 64 * MIB);
	/* A control: without the limit nothing is said. */
	limits.memory_bytes = UINT64_MAX;
	assert_int_equal(watch_tree(hold_memory, &limits, 300, &watch), WATCH_FINE);
}

static void test_real_tasks(void **state)
{
	struct watch_limits limits = NO_LIMITS;
	struct watch watch;

	(void)state;
	limits.tasks = 8;
	assert_int_equal(watch_tree(make_children, &limits, 20000, &watch), WATCH_TASKS);
	limits.tasks = 13;
	assert_int_equal(watch_tree(make_children, &limits, 500, &watch), WATCH_FINE);
	assert_int_equal(watch.tasks_peak, 13);
}

static void test_real_cpu_time(void **state)
{
	struct watch_limits limits = NO_LIMITS;
	struct watch watch;

	(void)state;
	limits.cpu_budget_usec = 300000;
	assert_int_equal(watch_tree(burn, &limits, 20000, &watch), WATCH_CPU);
	/* Also of somebody whom no parent leads to any more. */
	assert_int_equal(watch_tree(leave, &limits, 20000, &watch), WATCH_CPU);
	assert_int_equal(watch_tree(pause_forever, &limits, 500, &watch), WATCH_FINE);
}

static void test_real_share(void **state)
{
	struct watch_limits limits = NO_LIMITS;
	uint64_t before = clock_usec();
	struct watch watch;
	uint64_t passed;

	(void)state;
	limits.cpu_quota_pct = 20;
	assert_int_equal(watch_tree(burn, &limits, 2000, &watch), WATCH_FINE);
	passed = clock_usec() - before;
	assert_true(watch.cpu_usec < passed * 40 / 100);
	assert_true(watch.cpu_usec > 10000);
}

static void test_real_storm(void **state)
{
	struct watch_limits limits = NO_LIMITS;
	struct watch watch;

	(void)state;
	assert_int_equal(watch_tree(storm, &limits, 300, &watch), WATCH_FINE);
	assert_in_range(watch.tasks_peak, 1, 10);
}

static void test_nobody_to_watch(void **state)
{
	struct watch_limits limits = NO_LIMITS;
	struct watch watch;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(watch_begin(&watch, &limits, pid, 0), -ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_belongs),
		cmocka_unit_test(test_what_is_used),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_a_share_of_the_cpu),
		cmocka_unit_test(test_real_memory),
		cmocka_unit_test(test_real_tasks),
		cmocka_unit_test(test_real_cpu_time),
		cmocka_unit_test(test_real_share),
		cmocka_unit_test(test_real_storm),
		cmocka_unit_test(test_nobody_to_watch),
	};

	return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
