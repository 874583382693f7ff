/* SPDX-License-Identifier: Apache-2.0 */
/* From the making of control groups to their removal, on this machine. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "cgroup_live.h"
#include "linux/cgroup/file.h"
#include "linux/cgroup/group.h"

#define THREADS 8
#define ROUNDS 25

static void test_kill_and_remove(void **state)
{
	autostrv struct strv directories = {0};
	struct cgroup_usage usage;
	struct cgroup *group;
	pid_t pid;

	(void)state;
	NEED_GROUPS();
	group = make(&(const struct cgroup_limits){CGROUP_NO_LIMIT, 16, CGROUP_NO_LIMIT});
	assert_int_equal(cgroup_directories(group, &directories), 0);
	pid = start(group, stay, 10);
	await_tasks(group, 10);
	assert_int_equal(cgroup_remove(group), -EBUSY);
	assert_int_equal(cgroup_kill(group), 0);
	assert_nothing_lives(group);
	assert_int_equal(WTERMSIG(finish(pid)), SIGKILL);
	reap_all();
	assert_int_equal(usage_of(group).tasks, 0);
	assert_int_equal(cgroup_kill(group), 0);
	/* Still good for another worker, with its limit. */
	assert_int_equal(WEXITSTATUS(finish(start(group, breed, 20))), 16);
	assert_int_equal(cgroup_kill(group), 0);
	reap_all();
	assert_int_equal(cgroup_remove(group), 0);
	assert_int_equal(cgroup_remove(group), 0);
	assert_int_equal(cgroup_kill(group), 0);
	assert_int_equal(cgroup_usage(group, &usage), -ENODEV);
	for (size_t i = 0; i < directories.len; i++)
		assert_int_equal(access(directories.items[i], F_OK), -1);
	cgroup_free(group);
}

/* Forks as fast as it can, for ever. */
static int bomb(uint64_t unused)
{
	while (unused == 0)
		fork();
	return 0;
}

static void test_kill_outruns_a_fork_bomb(void **state)
{
	struct cgroup *group;

	(void)state;
	NEED_GROUPS();
	group = make(&(const struct cgroup_limits){CGROUP_NO_LIMIT, 50, 40});
	pid_t pid = start(group, bomb, 0);

	await_tasks(group, 50);
	assert_int_equal(cgroup_kill(group), 0);
	assert_nothing_lives(group);
	assert_int_equal(WTERMSIG(finish(pid)), SIGKILL);
	unmake(group);
}

static void test_nothing_is_made_before_create(void **state)
{
	autostrv struct strv directories = {0};
	struct cgroup *group = NULL;
	uint32_t events;
	int fds[CGROUP_MAX_JOIN];

	(void)state;
	NEED_GROUPS();
	assert_int_equal(cgroup_new(&host, &group, NULL), 0);
	assert_int_equal(cgroup_directories(group, &directories), 0);
	assert_true(directories.len >= 1);
	for (size_t i = 0; i < directories.len; i++)
		assert_int_equal(access(directories.items[i], F_OK), -1);
	assert_int_equal(cgroup_join_fds(group, fds), 0);
	assert_int_equal(cgroup_event_fd(group, &events), -1);
	assert_int_equal(cgroup_kill(group), 0);
	assert_int_equal(cgroup_remove(group), 0);
	cgroup_free(group);
	cgroup_free(NULL);
}

static const char *a_base(void)
{
	return host.manager == CGROUP_V1 ? host.v1_pids : host.v2_base;
}

static const char *below_base(const char *name)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/%s", a_base(), name);
	return path;
}

/* The pid of a process that is no more. */
static long dead_pid(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	return pid;
}

/* Whether a sweep removes the group; if not, it is removed. */
static bool is_swept(const char *name, int settle_seconds)
{
	bool gone;

	cgroup_sweep(a_base(), settle_seconds);
	gone = access(below_base(name), F_OK) < 0;
	if (!gone)
		assert_int_equal(rmdir(below_base(name)), 0);
	return gone;
}

static void test_sweep(void **state)
{
	char stale[64];
	int fd;

	(void)state;
	NEED_GROUPS();
	snprintf(stale, sizeof(stale), "kastellan-%ld-0", dead_pid());
	assert_int_equal(mkdir(below_base(stale), 0755), 0);
	assert_true(is_swept(stale, -1));
	/* Too young; in use by somebody whose pid is not visible here; alive; another's name. */
	assert_int_equal(mkdir(below_base(stale), 0755), 0);
	assert_false(is_swept(stale, CGROUP_SETTLE_SECONDS));
	assert_int_equal(mkdir(below_base(stale), 0755), 0);
	fd = open(below_base(stale), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_SH), 0);
	assert_false(is_swept(stale, -1));
	close(fd);
	snprintf(stale, sizeof(stale), "kastellan-%ld-0", (long)getppid());
	assert_int_equal(mkdir(below_base(stale), 0755), 0);
	assert_false(is_swept(stale, -1));
	snprintf(stale, sizeof(stale), "kastellan-%ld", dead_pid());
	assert_int_equal(mkdir(below_base(stale), 0755), 0);
	assert_false(is_swept(stale, -1));
}

static void test_a_living_group_is_locked(void **state)
{
	struct cgroup *group;

	(void)state;
	NEED_GROUPS();
	group = make(&no_limits);
	for (size_t i = 0; i < group->n_dirs; i++) {
		autofd int fd = open(group->dirs[i].path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (!group->dirs[i].exists)
			continue;
		assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1);
		assert_int_equal(errno, EWOULDBLOCK);
	}
	unmake(group);
}

static void test_names_in_use_are_passed_over(void **state)
{
	struct cgroup *group = NULL;
	unsigned number;
	char taken[64];

	(void)state;
	NEED_GROUPS();
	assert_int_equal(cgroup_new(&host, &group, NULL), 0);
	number = (unsigned)strtoul(strrchr(group->name, '-') + 1, NULL, 10);
	cgroup_free(group);
	snprintf(taken, sizeof(taken), "kastellan-%ld-%u", (long)getpid(), number + 1);
	assert_int_equal(mkdir(below_base(taken), 0755), 0);
	group = make(&no_limits);
	assert_string_not_equal(group->name, taken);
	unmake(group);
	assert_int_equal(rmdir(below_base(taken)), 0);
}

/* 0, or the step that failed times 1000 and the errno or wait status. */
static int one_of_many(void)
{
	const struct cgroup_limits limits = {32 * MIB, 4, 100};
	struct cgroup *group = NULL;
	int status = -1;
	int r = cgroup_new(&host, &group, NULL);

	if (r < 0)
		return 1000 - r;
	r = cgroup_create(group, &limits, 0, NULL);
	if (r == 0)
		waitpid(start(group, breed, 3), &status, 0);
	r = r < 0 ? 2000 - r : status != 3 << 8 ? 3000 + status : 0;
	int kill_result = cgroup_kill(group);
	int remove_result = cgroup_remove(group);

	cgroup_free(group);
	if (r == 0 && kill_result < 0)
		r = 4000 - kill_result;
	if (r == 0 && remove_result < 0)
		r = 5000 - remove_result;
	return r;
}

static void *many(void *unused)
{
	intptr_t failure = 0;

	(void)unused;
	for (int i = 0; i < ROUNDS && failure == 0; i++)
		failure = one_of_many();
	return (void *)failure;
}

static void test_many_at_once(void **state)
{
	pthread_t threads[THREADS];
	int before = open_descriptors();

	(void)state;
	NEED_GROUPS();
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, many, NULL), 0);
	for (int i = 0; i < THREADS; i++) {
		void *failure = NULL;

		assert_int_equal(pthread_join(threads[i], &failure), 0);
		assert_int_equal((intptr_t)failure, 0);
	}
	assert_int_equal(open_descriptors(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kill_and_remove),
		cmocka_unit_test(test_kill_outruns_a_fork_bomb),
		cmocka_unit_test(test_nothing_is_made_before_create),
		cmocka_unit_test(test_sweep),
		cmocka_unit_test(test_a_living_group_is_locked),
		cmocka_unit_test(test_names_in_use_are_passed_over),
		cmocka_unit_test(test_many_at_once),
	};

	return cmocka_run_group_tests_name("cgroup_life", tests, live_begin, live_end);
}
