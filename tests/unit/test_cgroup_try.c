/* SPDX-License-Identifier: Apache-2.0 */
/* How it is found out what control groups this machine has: by making one. */
#include <errno.h>
#include <glob.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "cgroup_live.h"
#include "linux/cgroup/group.h"
#include "linux/cgroup/probe.h"

#define KILLED 60 /* callers */

static void test_probe_leaves_nothing(void **state)
{
	struct host_cgroup again = {0};
	int before = open_descriptors();

	(void)state;
	assert_int_equal(cgroup_probe(true, &again), 0);
	assert_int_equal(again.manager, host.manager);
	assert_int_equal(open_descriptors(), before);
	/* Neither a child that a wait of the caller's could find. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG | __WALL), -1);
	assert_int_equal(errno, ECHILD);
	cgroup_facts_done(&again);
}

/* Without an attempt the facts are the same, unless something is missing. */
static void test_facts_without_an_attempt(void **state)
{
	struct host_cgroup facts = {0};

	(void)state;
	assert_int_equal(cgroup_probe(false, &facts), 0);
	assert_int_equal(facts.manager, host.manager);
	assert_int_equal(facts.memory, host.memory);
	assert_int_equal(facts.swap, host.swap);
	assert_int_equal(facts.tasks, host.tasks);
	assert_int_equal(facts.cpu_quota, host.cpu_quota);
	assert_int_equal(facts.cpu_time, host.cpu_time);
	if (host.manager == CGROUP_V1)
		assert_string_equal(facts.v1_memory, host.v1_memory);
	cgroup_facts_done(&facts);
}

static void test_probe_as_nobody(void **state)
{
	struct host_cgroup facts = {0};
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	pid = fork();
	if (pid == 0) {
		if (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0)
			_exit(2);
		if (cgroup_probe(true, &facts) < 0)
			_exit(3);
		if (facts.manager != CGROUP_NONE || facts.memory || facts.tasks)
			_exit(4);
		if (!facts.reason || !*facts.reason)
			_exit(5);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* The host, to one who has no more than a group. Borrows the strings. */
static struct host_cgroup host_within(const struct cgroup *group)
{
	struct host_cgroup within = host;

	within.v1_memory = cgroup_dir_of(group, CONTROLLER_MEMORY)->path;
	within.v1_pids = cgroup_dir_of(group, CONTROLLER_PIDS)->path;
	within.v1_cpu = cgroup_dir_of(group, CONTROLLER_CPU)->path;
	within.v1_cpuacct = cgroup_dir_of(group, CONTROLLER_CPUACCT)->path;
	return within;
}

/* A group that the administrator has made over. */
static void test_an_unprivileged_caller_with_a_group(void **state)
{
	struct host_cgroup given;
	struct cgroup *outer;
	pid_t pid;

	(void)state;
	NEED_GROUPS();
	if (geteuid() != 0 || host.manager != CGROUP_V1)
		skip();
	outer = make(&(const struct cgroup_limits){64 * MIB, 32, 50});
	for (size_t i = 0; i < outer->n_dirs; i++)
		assert_int_equal(chown(outer->dirs[i].path, NOBODY, NOBODY), 0);
	given = host_within(outer);
	pid = fork();
	if (pid == 0) {
		if (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0)
			_exit(2);
		given.swap = true;
		_exit(cgroup_probe_try(&given, CONTROLLER_ALL, NULL) == 0 ? 0 : 3);
	}
	assert_int_equal(finish(pid), 0);
	unmake(outer);
}

static bool nothing_is_in(const struct cgroup *group)
{
	bool nothing = true;

	for (size_t i = 0; i < group->n_dirs; i++) {
		autofree char *text = NULL;

		if (asprintf(&text, "%s/" CGROUP_NAME_PREFIX "*", group->dirs[i].path) < 0 ||
			glob(text, GLOB_NOSORT, NULL, &(glob_t){0}) != GLOB_NOMATCH)
			nothing = false;
	}
	return nothing;
}

/* Within a group of its own, so that nobody else's are taken for what is left. */
static void test_who_is_killed_while_trying_leaves_nothing(void **state)
{
	struct host_cgroup within;
	struct cgroup *outer;
	int made = 0;

	(void)state;
	NEED_GROUPS();
	if (geteuid() != 0 || host.manager != CGROUP_V1)
		skip();
	outer = make(&(const struct cgroup_limits){64 * MIB, 32, 50});
	within = host_within(outer);
	for (int i = 0; i < KILLED; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			setsid();
			for (;;)
				cgroup_probe_try(&within, CONTROLLER_ALL, NULL);
		}
		usleep((useconds_t)(i * 131 % 5000));
		kill(-pid, SIGKILL);
		kill(pid, SIGKILL);
		made += !nothing_is_in(outer);
		assert_int_equal(WTERMSIG(finish(pid)), SIGKILL);
		for (int wait = 0; wait < 1000 && !nothing_is_in(outer); wait++)
			usleep(10000);
		assert_true(nothing_is_in(outer));
	}
	/* The control: there was something to be left. */
	assert_true(made > 0);
	unmake(outer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_probe_leaves_nothing),
		cmocka_unit_test(test_facts_without_an_attempt),
		cmocka_unit_test(test_probe_as_nobody),
		cmocka_unit_test(test_an_unprivileged_caller_with_a_group),
		cmocka_unit_test(test_who_is_killed_while_trying_leaves_nothing),
	};

	return cmocka_run_group_tests_name("cgroup_try", tests, live_begin, live_end);
}
