/* SPDX-License-Identifier: Apache-2.0 */
/* The watchdog over real trees of processes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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

/* Shared with the trees: whether anybody has looked at them. */
static volatile bool *watched;

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

		/* Written to through a volatile pointer: nobody may leave it out. */
		for (size_t i = 0; block && i < 4 * MIB; i += 4096)
			*(volatile char *)(block + i) = 1;
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

/* Each makes its successor and ends: as many as before, never the same ones, once the first has
 * been seen. They stop by themselves, so that nothing is left of a test that fails. */
static void storm(void)
{
	uint64_t end = clock_usec() + 20000000;

	while (!*watched && clock_usec() < end)
		rest(1);
	end = clock_usec() + 2000000;
	for (int chain = 0; chain < 4; chain++)
		if (fork() == 0)
			break;
	while (clock_usec() < end) {
		rest(40);
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
	struct watch watch;
	pid_t pid;
	enum watch_verdict verdict = WATCH_FINE;
	size_t left = 1;
	uint64_t end;

	*watched = false;
	pid = start(act);
	end = clock_usec() + ms * 1000ull;
	assert_int_equal(watch_begin(&watch, limits, pid, clock_usec()), 0);
	do {
		assert_int_equal(watch_step(&watch, clock_usec(), &verdict, &left), 0);
		*watched = true;
		waitpid(pid, NULL, WNOHANG);
		rest(WATCH_EVERY_MS);
	} while (verdict == WATCH_FINE && clock_usec() < end);
	assert_int_equal(watch_kill(&watch), 0);
	waitpid(pid, NULL, WNOHANG);
	/* On a busy host, where processes end during every look, it may take a few to be sure. */
	end = clock_usec() + 20000000;
	do
		assert_int_equal(
			watch_step(&watch, clock_usec(), &(enum watch_verdict){0}, &left), 0);
	while (left > 0 && clock_usec() < end);
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
	assert_in_range(watch.tasks_peak, 1, 40);
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
		cmocka_unit_test(test_real_memory),
		cmocka_unit_test(test_real_tasks),
		cmocka_unit_test(test_real_cpu_time),
		cmocka_unit_test(test_real_share),
		cmocka_unit_test(test_real_storm),
		cmocka_unit_test(test_nobody_to_watch),
	};

	watched = mmap(
		NULL, sizeof(*watched), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (watched == MAP_FAILED)
		return 1;
	return cmocka_run_group_tests_name("watch_live", tests, NULL, NULL);
}
