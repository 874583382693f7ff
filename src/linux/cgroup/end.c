/* SPDX-License-Identifier: Apache-2.0 */
/* Ending and removing groups. A pid that is read from a group may have died and been given to a
 * stranger before the signal goes out: each one is pinned by a pidfd first, and then has to be in
 * the group still. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "linux/cgroup/end.h"
#include "linux/cgroup/file.h"
#include "linux/cgroup/group.h"

#define KILL_PATIENCE_USEC 5000000u
#define REMOVE_PATIENCE_USEC 500000u
#define PAUSE_NSEC 500000 /* doubled up to the longest */
#define PAUSE_MAX_NSEC 8000000

static void rest(long *nsec)
{
	const struct timespec pause = {.tv_nsec = *nsec};

	nanosleep(&pause, NULL);
	if (*nsec < PAUSE_MAX_NSEC)
		*nsec *= 2;
}

size_t cgroup_parse_members(const char *text, pid_t *pids, size_t room)
{
	size_t n = 0;

	while (n < room) {
		const char *end = strchr(text, '\n');
		uint64_t pid;

		/* A line without an end was cut, and is another number than it seems. */
		if (!end)
			break;
		/* 0 is a process of another pid namespace: not ours to end, and as a target of
		 * kill() the caller's own process group. */
		if (cgroup_parse_number(text, &pid) == 0 && pid > 1 && pid <= INT32_MAX)
			pids[n++] = (pid_t)pid;
		text = end + 1;
	}
	return n;
}

static bool contains(const pid_t *pids, size_t n, pid_t pid)
{
	for (size_t i = 0; i < n; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

/* Somebody else has removed the group: a service manager, say. */
static bool is_gone(int r)
{
	return r == -ENODEV || r == -ENOENT;
}

/* Signals a part of the members; the caller repeats it. 0 or -errno. */
static int kill_some(int dir)
{
	char text[KS_MAX_CGROUP_FILE];
	pid_t pids[CGROUP_MEMBERS_AT_ONCE];
	pid_t still[KS_MAX_CGROUP_FILE / 2];
	int pidfds[CGROUP_MEMBERS_AT_ONCE];
	ssize_t len = cgroup_file_read(dir, "cgroup.procs", text);
	size_t n, n_still;

	if (len <= 0)
		return is_gone((int)len) ? 0 : (int)len;
	n = cgroup_parse_members(text, pids, CGROUP_MEMBERS_AT_ONCE);
	for (size_t i = 0; i < n; i++) {
		pidfds[i] = (int)syscall(SYS_pidfd_open, pids[i], 0);
		if (pidfds[i] < 0)
			pidfds[i] = -errno;
	}
	len = cgroup_file_read(dir, "cgroup.procs", text);
	n_still = len > 0 ? cgroup_parse_members(text, still, KS_MAX_CGROUP_FILE / 2) : 0;
	for (size_t i = 0; i < n; i++) {
		bool member = contains(still, n_still, pids[i]);

		if (pidfds[i] >= 0 && member)
			syscall(SYS_pidfd_send_signal, pidfds[i], SIGKILL, NULL, 0);
		else if (pidfds[i] < 0 && pidfds[i] != -ESRCH && member)
			kill(pids[i], SIGKILL); /* out of descriptors, say */
		cleanup_close(&pidfds[i]);
	}
	return 0;
}

/* 1 = nothing lives in it, 0 = something does, -errno. */
static int is_empty(int dir)
{
	char text[KS_MAX_CGROUP_FILE];
	uint64_t populated;
	ssize_t n;

	/* Version 2 knows of sub-groups as well. */
	if (cgroup_file_key(dir, "cgroup.events", "populated", &populated) == 0)
		return populated == 0;
	n = cgroup_file_read(dir, "cgroup.procs", text);
	if (is_gone((int)n))
		return 1;
	return n < 0 ? (int)n : n == 0;
}

static int kill_dir(int dir, uint64_t deadline)
{
	/* Linux 5.14, version 2: all at once. */
	bool at_once = cgroup_file_write(dir, "cgroup.kill", "1") == 0;
	long pause = PAUSE_NSEC;

	for (;;) {
		int r = at_once ? 0 : kill_some(dir);

		if (r >= 0)
			r = is_empty(dir);
		if (r != 0)
			return r < 0 ? r : 0;
		if (clock_usec() >= deadline)
			return -EBUSY;
		rest(&pause);
	}
}

/* A limit that would be in the way: set aside, or put back as it was. */
static void set_aside(const struct cgroup_dir *dir, const char *file, const char *aside,
	uint64_t limit, bool back)
{
	char text[24];

	if (!dir || !dir->exists || limit == CGROUP_NO_LIMIT)
		return;
	snprintf(text, sizeof(text), "%" PRIu64, limit);
	cgroup_file_write(dir->fd, file, back ? text : aside);
}

/* Nothing that is about to die forks again, so that a fork bomb cannot outrun this; and dying is
 * work, which a quota would draw out. Whatever is not there to be written does not matter. */
static void prepare_end(const struct cgroup *group, bool back)
{
	const struct cgroup_dir *cpu = cgroup_dir_of(group, CONTROLLER_CPU);
	uint64_t percent = group->limits.cpu_quota_pct;
	uint64_t quota = percent == CGROUP_NO_LIMIT ? percent : percent * CGROUP_PERCENT_USEC;

	set_aside(
		cgroup_dir_of(group, CONTROLLER_PIDS), "pids.max", "0", group->limits.tasks, back);
	set_aside(cpu, "cpu.cfs_quota_us", "-1", quota, back);
	set_aside(cpu, "cpu.max", "max", quota, back);
}

int cgroup_kill(struct cgroup *group)
{
	uint64_t deadline = clock_usec() + KILL_PATIENCE_USEC;
	int r = 0;

	prepare_end(group, false);
	for (size_t i = 0; i < group->n_dirs; i++) {
		int one = group->dirs[i].exists ? kill_dir(group->dirs[i].fd, deadline) : 0;

		if (one < 0)
			r = one;
	}
	prepare_end(group, true);
	return r;
}

static int remove_dir(struct cgroup_dir *dir, uint64_t deadline)
{
	long pause = PAUSE_NSEC;

	/* The last process may be gone for everybody but the hierarchy. */
	while (rmdir(dir->path) < 0) {
		if (errno == ENOENT)
			break;
		if (errno != EBUSY || clock_usec() >= deadline)
			return -errno;
		rest(&pause);
	}
	dir->exists = false;
	drop_fd(&dir->join);
	drop_fd(&dir->fd);
	return 0;
}

bool cgroup_remove_empty(struct cgroup *group)
{
	/* A deadline that has passed: one attempt. */
	for (size_t i = 0; i < group->n_dirs; i++)
		if (group->dirs[i].exists && remove_dir(&group->dirs[i], 0) < 0)
			return false;
	return true;
}

int cgroup_remove(struct cgroup *group)
{
	uint64_t deadline = clock_usec() + REMOVE_PATIENCE_USEC;
	int r = 0;

	for (size_t i = 0; i < group->n_dirs; i++) {
		int one = group->dirs[i].exists ? remove_dir(&group->dirs[i], deadline) : 0;

		if (one < 0)
			r = one;
	}
	return r;
}
