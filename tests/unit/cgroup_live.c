/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "cgroup_live.h"
#include "linux/cgroup/file.h"
#include "linux/cgroup/group.h"
#include "linux/cgroup/probe.h"

struct host_cgroup host;

const struct cgroup_limits no_limits = {CGROUP_NO_LIMIT, CGROUP_NO_LIMIT, CGROUP_NO_LIMIT};

bool is_direct(void)
{
	return (host.manager == CGROUP_V1 || host.manager == CGROUP_V2) && host.memory &&
	       host.tasks && host.cpu_quota && host.cpu_time;
}

/* The orphans of workers come here (see live_begin): a dead one counts as a task until it is
 * reaped. */
void reap_all(void)
{
	while (waitpid(-1, NULL, 0) > 0)
		;
}

struct cgroup *make(const struct cgroup_limits *limits)
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

void unmake(struct cgroup *group)
{
	assert_int_equal(cgroup_kill(group), 0);
	assert_int_equal(cgroup_remove(group), 0);
	reap_all();
	cgroup_free(group);
}

/* What a worker does; its exit status says how it went. */
int hog(uint64_t mib)
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
int breed(uint64_t n)
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

int spin(uint64_t msec)
{
	struct timespec used;

	do
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	while ((uint64_t)used.tv_sec * 1000 + (uint64_t)used.tv_nsec / 1000000 < msec);
	return 0;
}

int stay(uint64_t n)
{
	breed(n);
	pause();
	return 0;
}

pid_t start(struct cgroup *group, int (*act)(uint64_t), uint64_t amount)
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

int finish(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

struct cgroup_usage usage_of(struct cgroup *group)
{
	struct cgroup_usage usage;

	assert_int_equal(cgroup_usage(group, &usage), 0);
	return usage;
}

void await_tasks(struct cgroup *group, uint64_t n)
{
	int64_t end = now_msec() + 5000;

	while (usage_of(group).tasks != n) {
		if (now_msec() > end)
			fail_msg("%d tasks, not %d", (int)usage_of(group).tasks, (int)n);
		usleep(2000);
	}
}

/* The count of tasks has the dead in it as long as nobody has waited for them. */
void assert_nothing_lives(const struct cgroup *group)
{
	char text[KS_MAX_CGROUP_FILE];

	for (size_t i = 0; i < group->n_dirs; i++)
		if (group->dirs[i].exists)
			assert_int_equal(
				cgroup_file_read(group->dirs[i].fd, "cgroup.procs", text), 0);
}

int live_begin(void **state)
{
	(void)state;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return -1;
	return cgroup_probe(true, &host);
}

int live_end(void **state)
{
	(void)state;
	cgroup_facts_done(&host);
	return 0;
}

int open_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}
