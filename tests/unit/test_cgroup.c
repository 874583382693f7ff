/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of control groups, on this machine. Where the caller cannot make any group, or only as a
 * scope, the tests are skipped; guests have them (cgroup_tool.c). Every limit has a control that
 * shows the same act going well without it. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/cleanup.h"
#include "cgroup_live.h"
#include "linux/cgroup/file.h"
#include "linux/cgroup/group.h"
#include "linux/cgroup/probe.h"

static void test_limits_are_in_the_files(void **state)
{
	const struct cgroup_limits limits = {48 * MIB + 5, 21, 70};
	struct cgroup *group;
	uint64_t value;

	(void)state;
	NEED_GROUPS();
	group = make(&limits);
	const struct cgroup_dir *memory = cgroup_dir_of(group, CONTROLLER_MEMORY);
	const struct cgroup_dir *pids = cgroup_dir_of(group, CONTROLLER_PIDS);
	const struct cgroup_dir *cpu = cgroup_dir_of(group, CONTROLLER_CPU);
	bool v1 = host.manager == CGROUP_V1;

	assert_int_equal(
		cgroup_file_number(memory->fd, v1 ? "memory.limit_in_bytes" : "memory.max", &value),
		0);
	assert_int_equal(value, 48 * MIB);
	if (host.swap) {
		assert_int_equal(
			cgroup_file_number(memory->fd,
				v1 ? "memory.memsw.limit_in_bytes" : "memory.swap.max", &value),
			0);
		assert_int_equal(value, v1 ? 48 * MIB : 0);
	}
	if (v1 && cgroup_file_exists(memory->fd, "memory.kmem.tcp.limit_in_bytes")) {
		assert_int_equal(
			cgroup_file_number(memory->fd, "memory.kmem.tcp.limit_in_bytes", &value),
			0);
		assert_int_equal(value, 48 * MIB);
	}
	assert_int_equal(cgroup_file_number(pids->fd, "pids.max", &value), 0);
	assert_int_equal(value, 21);
	assert_int_equal(
		cgroup_file_number(cpu->fd, v1 ? "cpu.cfs_quota_us" : "cpu.max", &value), 0);
	assert_int_equal(value, 70000);
	unmake(group);
}

static void test_limits_can_change(void **state)
{
	static const struct cgroup_limits steps[] = {{48 * MIB, 21, 70}, {96 * MIB, 9, 90},
		{32 * MIB, 30, 10}, {CGROUP_NO_LIMIT, CGROUP_NO_LIMIT, CGROUP_NO_LIMIT},
		{64 * MIB, 5, 50}};
	ks_error *error = NULL;
	struct cgroup *group;

	(void)state;
	NEED_GROUPS();
	group = make(&(const struct cgroup_limits){40 * MIB, 11, 20});
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		assert_int_equal(cgroup_set_limits(group, &steps[i], &error), 0);
	assert_null(error);
	/* The last ones are in force. */
	assert_int_equal(WTERMSIG(finish(start(group, hog, 100))), SIGKILL);
	assert_int_equal(WEXITSTATUS(finish(start(group, breed, 9))), 5);
	unmake(group);
}

/* Version 2 has it since Linux 5.19. */
static bool has_peak(struct cgroup *group)
{
	const struct cgroup_dir *dir = cgroup_dir_of(group, CONTROLLER_MEMORY);

	return host.manager == CGROUP_V1 || cgroup_file_exists(dir->fd, "memory.peak");
}

static void test_memory_limit_kills(void **state)
{
	struct cgroup *group;

	(void)state;
	NEED_GROUPS();
	group = make(&(const struct cgroup_limits){32 * MIB, CGROUP_NO_LIMIT, CGROUP_NO_LIMIT});
	assert_int_equal(WTERMSIG(finish(start(group, hog, 96))), SIGKILL);
	assert_true(usage_of(group).oom_kills >= 1);
	if (has_peak(group))
		assert_in_range(usage_of(group).memory_peak_bytes, 24 * MIB, 32 * MIB);
	unmake(group);
	/* The same without a limit, and less than the limit. */
	group = make(&no_limits);
	assert_int_equal(finish(start(group, hog, 96)), 0);
	assert_int_equal(usage_of(group).oom_kills, 0);
	if (has_peak(group))
		assert_true(usage_of(group).memory_peak_bytes >= 96 * MIB);
	unmake(group);
	group = make(&(const struct cgroup_limits){32 * MIB, CGROUP_NO_LIMIT, CGROUP_NO_LIMIT});
	assert_int_equal(finish(start(group, hog, 8)), 0);
	assert_int_equal(usage_of(group).oom_kills, 0);
	unmake(group);
}

/* Whether an event comes within the time; clears it. */
static bool event_comes(struct cgroup *group, int msec)
{
	struct epoll_event event = {0};
	autofd int epoll = epoll_create1(EPOLL_CLOEXEC);
	uint32_t events = 0;
	int fd = cgroup_event_fd(group, &events);
	bool came;

	event.events = events;

	assert_true(fd >= 0);
	assert_int_equal(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), 0);
	came = epoll_wait(epoll, &event, 1, msec) == 1;
	if (came)
		cgroup_event_clear(group);
	return came;
}

static void test_memory_events(void **state)
{
	struct cgroup *group;
	pid_t pid;

	(void)state;
	NEED_GROUPS();
	group = make(&(const struct cgroup_limits){32 * MIB, CGROUP_NO_LIMIT, CGROUP_NO_LIMIT});
	finish(start(group, hog, 8));
	assert_false(event_comes(group, 50));
	for (uint64_t i = 1; i <= 3; i++) {
		pid = start(group, hog, 96);
		while (event_comes(group, 5000) && usage_of(group).oom_kills < i)
			assert_int_equal(host.manager, CGROUP_V2);
		/* Once the event is cleared, the kill is counted. */
		assert_true(usage_of(group).oom_kills >= i);
		finish(pid);
		while (host.manager == CGROUP_V2 && event_comes(group, 50))
			;
		assert_false(event_comes(group, 50));
	}
	unmake(group);
}

static void test_task_limit_refuses(void **state)
{
	struct cgroup *group;

	(void)state;
	NEED_GROUPS();
	group = make(&(const struct cgroup_limits){CGROUP_NO_LIMIT, 8, CGROUP_NO_LIMIT});
	assert_int_equal(WEXITSTATUS(finish(start(group, breed, 20))), 8);
	assert_int_equal(usage_of(group).tasks_refused, 1);
	assert_int_equal(usage_of(group).tasks, 7);
	assert_true(usage_of(group).tasks_peak == 8 || usage_of(group).tasks_peak == 0);
	unmake(group);
	group = make(&(const struct cgroup_limits){CGROUP_NO_LIMIT, 64, CGROUP_NO_LIMIT});
	assert_int_equal(WEXITSTATUS(finish(start(group, breed, 20))), 20);
	assert_int_equal(usage_of(group).tasks_refused, 0);
	unmake(group);
}

static void test_cpu_time_is_counted(void **state)
{
	struct cgroup *group;

	(void)state;
	NEED_GROUPS();
	group = make(&no_limits);
	assert_int_equal(finish(start(group, spin, 0)), 0);
	uint64_t before = usage_of(group).cpu_usec;

	assert_int_equal(finish(start(group, spin, 100)), 0);
	assert_true(usage_of(group).cpu_usec > 2 * before);
	assert_true(usage_of(group).cpu_usec >= before + 90000);
	unmake(group);
}

static uint64_t throttled(struct cgroup *group)
{
	uint64_t value;

	assert_int_equal(cgroup_file_key(cgroup_dir_of(group, CONTROLLER_CPU)->fd, "cpu.stat",
				 "nr_throttled", &value),
		0);
	return value;
}

static void test_quota_throttles(void **state)
{
	struct cgroup *group;
	int64_t begin, passed;

	(void)state;
	NEED_GROUPS();
	group = make(&(const struct cgroup_limits){CGROUP_NO_LIMIT, CGROUP_NO_LIMIT, 10});
	begin = clock_ms();
	/* Others may have so much of the processor that it wants no more than its quota. */
	for (int i = 0; i < 40 && throttled(group) == 0; i++)
		assert_int_equal(finish(start(group, spin, 50)), 0);
	passed = clock_ms() - begin;
	assert_true(throttled(group) > 0);
	assert_true(usage_of(group).cpu_usec < (uint64_t)passed * 400);
	unmake(group);
	group = make(&(const struct cgroup_limits){CGROUP_NO_LIMIT, CGROUP_NO_LIMIT, 200});
	assert_int_equal(finish(start(group, spin, 200)), 0);
	assert_int_equal(throttled(group), 0);
	unmake(group);
}

static int change_user_and_join(struct cgroup *group, bool by_descriptor)
{
	char path[4096];
	int fds[CGROUP_MAX_JOIN];
	int n = cgroup_join_fds(group, fds);
	pid_t pid = fork();

	if (pid != 0)
		return WEXITSTATUS(finish(pid));
	if (setresuid(NOBODY, NOBODY, NOBODY) < 0)
		_exit(99);
	for (int i = 0; i < n; i++) {
		int fd = fds[i];

		if (!by_descriptor) {
			snprintf(path, sizeof(path), "%s/cgroup.procs", group->dirs[i].path);
			fd = open(path, O_WRONLY);
		}
		if (fd < 0 || write(fd, "0", 1) != 1)
			_exit(1);
	}
	_exit(0);
}

/* The kernel asks what the opener may, not the writer. */
static void test_another_user_joins_by_descriptor_only(void **state)
{
	struct cgroup *group;

	(void)state;
	NEED_GROUPS();
	if (geteuid() != 0)
		skip();
	group = make(&no_limits);
	assert_int_equal(change_user_and_join(group, true), 0);
	assert_int_equal(change_user_and_join(group, false), 1);
	unmake(group);
}

static void test_a_limit_without_its_controller_is_refused(void **state)
{
	struct host_cgroup poor = host;
	struct cgroup *group = NULL;
	ks_error *error = NULL;

	(void)state;
	NEED_GROUPS();
	poor.tasks = false;
	assert_int_equal(cgroup_new(&poor, &group, &error), 0);
	assert_int_equal(
		cgroup_create(group, &(const struct cgroup_limits){32 * MIB, 5, CGROUP_NO_LIMIT}, 0,
			&error),
		-EOPNOTSUPP);
	assert_string_equal(ks_error_field(error), "tasks_max");
	ks_error_free(error);
	error = NULL;
	assert_int_equal(
		cgroup_create(group,
			&(const struct cgroup_limits){32 * MIB, CGROUP_NO_LIMIT, CGROUP_NO_LIMIT},
			0, &error),
		0);
	unmake(group);
	/* And nothing at all where there is no manager. */
	poor = (struct host_cgroup){.reason = (char *)(uintptr_t) "for a test"};
	assert_int_equal(cgroup_new(&poor, &group, &error), -EOPNOTSUPP);
	assert_non_null(strstr(ks_error_message(error), "for a test"));
	ks_error_free(error);
}

static void test_a_child_may_not_have_more_than_its_parent(void **state)
{
	struct host_cgroup inner = host;
	struct cgroup *outer, *group = NULL;
	ks_error *error = NULL;

	(void)state;
	NEED_GROUPS();
	if (host.manager != CGROUP_V1)
		skip();
	outer = make(&(const struct cgroup_limits){CGROUP_NO_LIMIT, CGROUP_NO_LIMIT, 50});
	inner.v1_cpu = cgroup_dir_of(outer, CONTROLLER_CPU)->path;
	assert_int_equal(cgroup_new(&inner, &group, &error), 0);
	assert_int_equal(
		cgroup_create(group,
			&(const struct cgroup_limits){CGROUP_NO_LIMIT, CGROUP_NO_LIMIT, 60}, 0,
			&error),
		-EINVAL);
	assert_non_null(strstr(ks_error_message(error), "quota of 50 percent"));
	assert_string_equal(ks_error_field(error), "cpu_quota_pct");
	ks_error_free(error);
	error = NULL;
	assert_int_equal(
		cgroup_create(group,
			&(const struct cgroup_limits){CGROUP_NO_LIMIT, CGROUP_NO_LIMIT, 40}, 0,
			&error),
		0);
	unmake(group);
	unmake(outer);
}

static void test_realtime_callers_are_told(void **state)
{
	const struct sched_param lowest = {.sched_priority = 1}, none = {0};
	const struct cgroup_limits quota = {CGROUP_NO_LIMIT, CGROUP_NO_LIMIT, 50};
	struct cgroup *group = NULL;
	ks_error *error = NULL;
	uint64_t budget;
	int r;

	(void)state;
	NEED_GROUPS();
	if (host.manager != CGROUP_V1 || sched_setscheduler(0, SCHED_FIFO, &lowest) < 0)
		skip();
	assert_int_equal(cgroup_new(&host, &group, &error), 0);
	r = cgroup_create(group, &quota, 0, &error);
	if (r == 0 && cgroup_file_number(cgroup_dir_of(group, CONTROLLER_CPU)->fd,
			      "cpu.rt_runtime_us", &budget) < 0) {
		/* A kernel without RT_GROUP_SCHED does not mind. */
		sched_setscheduler(0, SCHED_OTHER, &none);
		unmake(group);
		skip();
	}
	assert_int_equal(r, -EINVAL);
	assert_non_null(strstr(ks_error_message(error), "real-time"));
	ks_error_free(error);
	error = NULL;
	cgroup_free(group);
	/* Without a quota nothing is wrong with it, and the worker gets in. */
	group = make(&no_limits);
	assert_int_equal(finish(start(group, spin, 0)), 0);
	sched_setscheduler(0, SCHED_OTHER, &none);
	unmake(group);
	group = make(&quota);
	assert_int_equal(finish(start(group, spin, 0)), 0);
	unmake(group);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits_are_in_the_files),
		cmocka_unit_test(test_limits_can_change),
		cmocka_unit_test(test_memory_limit_kills),
		cmocka_unit_test(test_memory_events),
		cmocka_unit_test(test_task_limit_refuses),
		cmocka_unit_test(test_cpu_time_is_counted),
		cmocka_unit_test(test_quota_throttles),
		cmocka_unit_test(test_another_user_joins_by_descriptor_only),
		cmocka_unit_test(test_a_limit_without_its_controller_is_refused),
		cmocka_unit_test(test_a_child_may_not_have_more_than_its_parent),
		cmocka_unit_test(test_realtime_callers_are_told),
	};

	return cmocka_run_group_tests_name("cgroup", tests, live_begin, live_end);
}
