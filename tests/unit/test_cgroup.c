/* SPDX-License-Identifier: Apache-2.0 */
/* Control groups of this machine. Where the caller cannot make any, or only as a scope, the tests
 * that need one are skipped; guests have them (cgroup_tool.c). Every limit has a control that shows
 * the same act going well without it. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
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
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "linux/cgroup.h"
#include "linux/cgroup_file.h"
#include "linux/cgroup_group.h"
#include "linux/cgroup_probe.h"

#define MIB (1ull << 20)
#define NOBODY 65534

static struct host_cgroup host;

static const struct cgroup_limits no_limits = {CGROUP_NO_LIMIT, CGROUP_NO_LIMIT, CGROUP_NO_LIMIT};

static bool is_direct(void)
{
	return (host.manager == CGROUP_V1 || host.manager == CGROUP_V2) && host.memory &&
	       host.tasks && host.cpu_quota && host.cpu_time;
}

#define NEED_GROUPS()             \
	do {                      \
		if (!is_direct()) \
			skip();   \
	} while (0)

static struct cgroup *make(const struct cgroup_limits *limits)
{
	ks_error *error = NULL;
	struct cgroup *group = NULL;
	int r = cgroup_new(&host, &group, &error);

	if (r == 0)
		r = cgroup_create(group, limits, getpid(), &error);
	if (r < 0)
		fail_msg("%s", error ? ks_error_message(error) : strerror(-r));
	return group;
}

static void unmake(struct cgroup *group)
{
	assert_int_equal(cgroup_kill(group), 0);
	assert_int_equal(cgroup_remove(group), 0);
	cgroup_free(group);
}

/* What a worker does; its exit status says how it went. */
static int hog(uint64_t mib)
{
	for (uint64_t i = 0; i < mib; i++) {
		char *part = mmap(
			NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (part == MAP_FAILED)
			return 1;
		memset(part, 1, MIB);
	}
	return 0;
}

/* How many processes could be had, this one included. */
static int breed(uint64_t n)
{
	for (uint64_t i = 1; i < n; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			pause();
			_exit(0);
		}
		if (pid < 0)
			return (int)i;
	}
	return (int)n;
}

static int64_t now_msec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int spin(uint64_t msec)
{
	int64_t end = now_msec() + (int64_t)msec;

	while (now_msec() < end)
		;
	return 0;
}

static int stay(uint64_t n)
{
	breed(n);
	pause();
	return 0;
}

static pid_t start(struct cgroup *group, int (*act)(uint64_t), uint64_t amount)
{
	int fds[CGROUP_MAX_JOIN];
	int n = cgroup_join_fds(group, fds);
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	for (int i = 0; i < n; i++)
		if (write(fds[i], "0", 1) != 1)
			_exit(100 + errno);
	_exit(act(amount));
}

static int finish(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static struct cgroup_usage usage_of(struct cgroup *group)
{
	struct cgroup_usage usage;

	assert_int_equal(cgroup_usage(group, &usage), 0);
	return usage;
}

static void await_tasks(struct cgroup *group, uint64_t n)
{
	int64_t end = now_msec() + 5000;

	while (usage_of(group).tasks != n) {
		if (now_msec() > end)
			fail_msg("%d tasks, not %d", (int)usage_of(group).tasks, (int)n);
		usleep(2000);
	}
}

/* The count of tasks has the dead in it as long as nobody has waited for them. */
static void assert_nothing_lives(const struct cgroup *group)
{
	char text[KS_MAX_CGROUP_FILE];

	for (size_t i = 0; i < group->n_dirs; i++)
		if (group->dirs[i].exists)
			assert_int_equal(
				cgroup_file_read(group->dirs[i].fd, "cgroup.procs", text), 0);
}

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

static void test_memory_limit_kills(void **state)
{
	struct cgroup *group;

	(void)state;
	NEED_GROUPS();
	group = make(&(const struct cgroup_limits){32 * MIB, CGROUP_NO_LIMIT, CGROUP_NO_LIMIT});
	assert_int_equal(WTERMSIG(finish(start(group, hog, 96))), SIGKILL);
	assert_true(usage_of(group).oom_kills >= 1);
	assert_in_range(usage_of(group).memory_peak_bytes, 24 * MIB, 32 * MIB);
	unmake(group);
	/* The same without a limit, and less than the limit. */
	group = make(&no_limits);
	assert_int_equal(finish(start(group, hog, 96)), 0);
	assert_int_equal(usage_of(group).oom_kills, 0);
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

	/* The machine may be busy: it is less than that by the clock, but not nothing. */
	assert_in_range(before, 0, 90000);
	assert_int_equal(finish(start(group, spin, 300)), 0);
	assert_in_range(usage_of(group).cpu_usec - before, 30000, 400000);
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

	(void)state;
	NEED_GROUPS();
	group = make(&(const struct cgroup_limits){CGROUP_NO_LIMIT, CGROUP_NO_LIMIT, 10});
	assert_int_equal(finish(start(group, spin, 500)), 0);
	assert_true(throttled(group) > 0);
	assert_in_range(usage_of(group).cpu_usec, 0, 200000);
	unmake(group);
	group = make(&(const struct cgroup_limits){CGROUP_NO_LIMIT, CGROUP_NO_LIMIT, 100});
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
	assert_int_equal(cgroup_kill(group), 0);
	/* Still good for another worker, with its limit. */
	assert_int_equal(WEXITSTATUS(finish(start(group, breed, 20))), 16);
	assert_int_equal(cgroup_kill(group), 0);
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
	finish(pid);
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

#define THREADS 8
#define ROUNDS 25

static void *many(void *unused)
{
	const struct cgroup_limits limits = {32 * MIB, 4, 100};
	uintptr_t failures = 0;

	(void)unused;
	for (int i = 0; i < ROUNDS; i++) {
		struct cgroup *group = NULL;
		int status = -1;
		int r = cgroup_new(&host, &group, NULL);

		if (r == 0)
			r = cgroup_create(group, &limits, 0, NULL);
		if (r == 0)
			waitpid(start(group, breed, 3), &status, 0);
		if (r < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 3)
			failures++;
		if (group && (cgroup_kill(group) < 0 || cgroup_remove(group) < 0))
			failures++;
		cgroup_free(group);
	}
	return (void *)failures;
}

static int open_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
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
		void *failures = NULL;

		assert_int_equal(pthread_join(threads[i], &failures), 0);
		assert_int_equal((uintptr_t)failures, 0);
	}
	assert_int_equal(open_descriptors(), before);
}

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

/* A group that the administrator has made over. */
static void test_an_unprivileged_caller_with_a_group(void **state)
{
	struct host_cgroup given = host;
	struct cgroup *outer;
	pid_t pid;

	(void)state;
	NEED_GROUPS();
	if (geteuid() != 0 || host.manager != CGROUP_V1)
		skip();
	outer = make(&(const struct cgroup_limits){64 * MIB, 32, 50});
	for (size_t i = 0; i < outer->n_dirs; i++)
		assert_int_equal(chown(outer->dirs[i].path, NOBODY, NOBODY), 0);
	given.v1_memory = cgroup_dir_of(outer, CONTROLLER_MEMORY)->path;
	given.v1_pids = cgroup_dir_of(outer, CONTROLLER_PIDS)->path;
	given.v1_cpu = cgroup_dir_of(outer, CONTROLLER_CPU)->path;
	given.v1_cpuacct = cgroup_dir_of(outer, CONTROLLER_CPUACCT)->path;
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

static int find_out(void **state)
{
	(void)state;
	return cgroup_probe(true, &host);
}

static int forget(void **state)
{
	(void)state;
	cgroup_facts_done(&host);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_probe_leaves_nothing),
		cmocka_unit_test(test_probe_as_nobody),
		cmocka_unit_test(test_limits_are_in_the_files),
		cmocka_unit_test(test_limits_can_change),
		cmocka_unit_test(test_memory_limit_kills),
		cmocka_unit_test(test_memory_events),
		cmocka_unit_test(test_task_limit_refuses),
		cmocka_unit_test(test_cpu_time_is_counted),
		cmocka_unit_test(test_quota_throttles),
		cmocka_unit_test(test_another_user_joins_by_descriptor_only),
		cmocka_unit_test(test_kill_and_remove),
		cmocka_unit_test(test_kill_outruns_a_fork_bomb),
		cmocka_unit_test(test_nothing_is_made_before_create),
		cmocka_unit_test(test_a_limit_without_its_controller_is_refused),
		cmocka_unit_test(test_a_child_may_not_have_more_than_its_parent),
		cmocka_unit_test(test_realtime_callers_are_told),
		cmocka_unit_test(test_sweep),
		cmocka_unit_test(test_a_living_group_is_locked),
		cmocka_unit_test(test_names_in_use_are_passed_over),
		cmocka_unit_test(test_an_unprivileged_caller_with_a_group),
		cmocka_unit_test(test_many_at_once),
	};

	return cmocka_run_group_tests_name("cgroup", tests, find_out, forget);
}
