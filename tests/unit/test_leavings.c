/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that are left to end by themselves: that each is reaped, once and by nobody else, and
 * that there is a bound. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "linux/control.h"
#include "linux/jail/leavings.h"

#define TOO_MANY (LEAVINGS_MAX + 1)

/* A child that ends with that status. */
static pid_t leave(int status, int *ret_pidfd)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(status);
	assert_true(pid > 0);
	*ret_pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	assert_true(*ret_pidfd >= 0);
	return pid;
}

static void wait_until_it_ended(pid_t pid)
{
	siginfo_t info;

	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

static bool have_children(void)
{
	siginfo_t info;

	return waitid(P_ALL, 0, &info, WEXITED | WNOWAIT | WNOHANG) == 0;
}

static void test_ended_ones_are_reaped(void **state)
{
	int pidfd;
	pid_t pid = leave(0, &pidfd);

	(void)state;
	wait_until_it_ended(pid);
	assert_true(leavings_add(pidfd));
	assert_true(have_children());
	leavings_reap(false);
	assert_false(have_children());
	assert_int_equal(leavings_stuck(), 0);
}

static void test_no_more_than_so_many(void **state)
{
	int until[2], pidfd = -1;

	(void)state;
	assert_int_equal(pipe2(until, O_CLOEXEC), 0);
	for (unsigned i = 0; i < TOO_MANY; i++) {
		pid_t pid = fork();
		char byte;

		if (pid == 0) {
			close(until[1]);
			_exit(read(until[0], &byte, 1) == 0 ? 0 : 1);
		}
		assert_true(pid > 0);
		pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
		assert_int_equal(leavings_add(pidfd), i < LEAVINGS_MAX);
	}
	leavings_reap(false);
	assert_true(have_children());
	close(until[1]);
	close(until[0]);
	leavings_reap(true);
	/* The one that was not taken is the caller's. */
	assert_true(have_children());
	assert_int_equal(waitid(P_PIDFD, (id_t)pidfd, &(siginfo_t){0}, WEXITED), 0);
	close(pidfd);
	assert_false(have_children());
	assert_int_equal(leavings_stuck(), 0);
}

static void test_one_that_gave_up_is_told_once(void **state)
{
	int pidfd;

	(void)state;
	leave(INIT_EXIT_ORPHANED, &pidfd);
	assert_true(leavings_add(pidfd));
	leavings_reap(true);
	assert_int_equal(leavings_stuck(), 1);
	assert_int_equal(leavings_stuck(), 0);
}

/* Its pid may be another child's by then, which is not ours to reap. */
static void test_somebody_else_was_first(void **state)
{
	int pidfd, other;
	pid_t pid = leave(0, &pidfd), alive = leave(0, &other);

	(void)state;
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(leavings_add(pidfd));
	leavings_reap(true);
	assert_int_equal(waitpid(alive, NULL, 0), alive);
	close(other);
}

static void test_a_child_of_fork_leaves_them(void **state)
{
	int pidfd, status;
	pid_t pid = leave(0, &pidfd), forked;

	(void)state;
	wait_until_it_ended(pid);
	assert_true(leavings_add(pidfd));
	forked = fork();
	if (forked == 0) {
		leavings_reap(true);
		_exit(0);
	}
	assert_int_equal(waitpid(forked, &status, 0), forked);
	assert_int_equal(status, 0);
	assert_true(have_children());
	leavings_reap(true);
	assert_false(have_children());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ended_ones_are_reaped),
		cmocka_unit_test(test_no_more_than_so_many),
		cmocka_unit_test(test_one_that_gave_up_is_told_once),
		cmocka_unit_test(test_somebody_else_was_first),
		cmocka_unit_test(test_a_child_of_fork_leaves_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
