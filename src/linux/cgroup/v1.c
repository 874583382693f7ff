/* SPDX-License-Identifier: Apache-2.0 */
/* Version 1: a directory in each hierarchy, below the caller's own group, so that limits nest. */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "linux/cgroup/file.h"
#include "linux/cgroup/group.h"
#include "linux/cgroup/pids.h"

#define MEMORY_LIMIT "memory.limit_in_bytes"
#define MEMORY_SWAP_LIMIT "memory.memsw.limit_in_bytes"
#define TCP_LIMIT "memory.kmem.tcp.limit_in_bytes"
#define QUOTA "cpu.cfs_quota_us"
#define PERIOD "cpu.cfs_period_us"

static void number_text(uint64_t value, char text[CGROUP_NUMBER_TEXT])
{
	if (value == CGROUP_NO_LIMIT)
		snprintf(text, CGROUP_NUMBER_TEXT, "-1");
	else
		snprintf(text, CGROUP_NUMBER_TEXT, "%" PRIu64, value);
}

/* A task with a real-time policy may not enter a group without real-time budget: the kernel says
 * EINVAL to the worker, long after anybody could tell why. */
static int refuse_realtime(const struct cgroup_dir *dir, pid_t member, ks_error **reterr)
{
	int policy = sched_getscheduler(member);
	uint64_t budget = 0;

	if (policy < 0)
		return 0;
	policy &= ~SCHED_RESET_ON_FORK;
	if (policy != SCHED_FIFO && policy != SCHED_RR)
		return 0;
	if (cgroup_file_number(dir->fd, "cpu.rt_runtime_us", &budget) < 0 || budget != 0)
		return 0;
	return error_set(reterr, -EINVAL,
		ABOUT(.step = "cgroup", .field = "cpu_quota_pct", .path = dir->path,
			.remedy =
				"start it with an ordinary scheduling policy (chrt --other 0 ...), "
				"or without a CPU quota"),
		"a process with a real-time scheduling policy cannot enter the control group %s: "
		"the kernel gives real-time budget to groups (RT_GROUP_SCHED), and a new one has "
		"none",
		dir->path);
}

static int v1_place(
	struct cgroup *group, const struct cgroup_limits *limits, pid_t member, ks_error **reterr)
{
	for (size_t i = 0; i < group->n_dirs; i++) {
		struct cgroup_dir *dir = &group->dirs[i];
		int r;

		/* A hierarchy that only limits the use of processors is left alone without a
		 * limit; all others count. */
		if (dir->controllers == CONTROLLER_CPU && limits->cpu_quota_pct == CGROUP_NO_LIMIT)
			continue;
		r = cgroup_dir_make(dir, reterr);
		if (r == 0 && (dir->controllers & CONTROLLER_CPU))
			r = refuse_realtime(dir, member, reterr);
		if (r < 0)
			return r;
	}
	return 0;
}

static int set_one(
	const struct cgroup_dir *dir, const char *file, uint64_t value, ks_error **reterr)
{
	char text[CGROUP_NUMBER_TEXT];
	const struct cgroup_setting setting = {.field = "mem_mb",
		.file = file,
		.text = text,
		.expected = cgroup_round_to_pages(value),
		.remedy = "see how much the group uses with memory.usage_in_bytes, and what its "
			  "parents allow"};

	number_text(value, text);
	return cgroup_file_set(dir->fd, dir->path, &setting, reterr);
}

/* A kernel without any swap counts it trivially. */
static bool has_no_swap(void)
{
	return access("/proc/swaps", F_OK) < 0;
}

static int set_memory_with_swap(
	const struct cgroup_dir *dir, uint64_t from, uint64_t to, ks_error **reterr)
{
	/* Memory may never have a higher limit than memory and swap together. */
	bool lower = from == CGROUP_NO_LIMIT || to < from;
	int r = set_one(dir, lower ? MEMORY_LIMIT : MEMORY_SWAP_LIMIT, to, reterr);

	if (r == 0)
		r = set_one(dir, lower ? MEMORY_SWAP_LIMIT : MEMORY_LIMIT, to, reterr);
	return r;
}

/* What the kernel holds for TCP is no part of the memory above in version 1, and not even counted
 * without a limit of its own. Kernels that were built without it have no such file. */
static int set_tcp(const struct cgroup_dir *dir, uint64_t bytes, ks_error **reterr)
{
	return cgroup_file_exists(dir->fd, TCP_LIMIT) ? set_one(dir, TCP_LIMIT, bytes, reterr) : 0;
}

static int set_memory(struct cgroup *group, uint64_t bytes, ks_error **reterr)
{
	const struct cgroup_dir *dir = cgroup_dir_of(group, CONTROLLER_MEMORY);
	int r;

	if (bytes == group->limits.memory_bytes)
		return 0;
	if (cgroup_file_exists(dir->fd, MEMORY_SWAP_LIMIT)) {
		r = set_memory_with_swap(dir, group->limits.memory_bytes, bytes, reterr);
	} else if (group->swap && !has_no_swap()) {
		return error_set(reterr, -EOPNOTSUPP,
			ABOUT(.step = "cgroup", .field = "mem_mb", .path = dir->path,
				.remedy = "boot with swapaccount=1, or switch swap off"),
			"the control group %s does not count swap: %s is missing", dir->path,
			MEMORY_SWAP_LIMIT);
	} else {
		/* Not a limit, but the next best: the group's memory is swapped out last. */
		cgroup_file_write(dir->fd, "memory.swappiness", "0");
		r = set_one(dir, MEMORY_LIMIT, bytes, reterr);
	}
	if (r == 0)
		r = set_tcp(dir, bytes, reterr);
	if (r == 0)
		group->limits.memory_bytes = bytes;
	return r;
}

/* The quota of the nearest parent that has one, in percent; 0 = none has. */
static uint64_t parent_quota(const char *path)
{
	autofree char *parent = strdup(path);
	uint64_t quota = CGROUP_NO_LIMIT;
	uint64_t period = 0;
	char *slash;

	while (parent && (slash = strrchr(parent, '/'))) {
		*slash = '\0';
		autofd int fd = cgroup_dir_open(parent);

		if (fd < 0 || cgroup_file_number(fd, QUOTA, &quota) < 0)
			return 0;
		if (quota != CGROUP_NO_LIMIT && cgroup_file_number(fd, PERIOD, &period) == 0)
			return period ? quota * 100 / period : 0;
	}
	return 0;
}

static int write_quota(const struct cgroup_dir *dir, uint64_t percent, ks_error **reterr)
{
	char text[CGROUP_NUMBER_TEXT];
	char invalid[128] = "it is below the kernel's least (1 ms) or above its most";
	uint64_t quota = percent == CGROUP_NO_LIMIT ? percent : percent * CGROUP_PERCENT_USEC;
	uint64_t parent;
	const struct cgroup_setting setting = {.field = "cpu_quota_pct",
		.file = QUOTA,
		.text = text,
		.expected = quota,
		.invalid = invalid,
		.remedy = "ask for a quota that the caller's own control group has"};

	int r;

	number_text(quota, text);
	r = cgroup_file_set(dir->fd, dir->path, &setting, NULL);
	if (r == 0)
		return 0;
	/* Once more, now that the reason is wanted. */
	parent = parent_quota(dir->path);
	if (parent && percent > parent)
		snprintf(invalid, sizeof(invalid),
			"a parent has a quota of %" PRIu64
			" percent, and a child's may not be higher",
			parent);
	return cgroup_file_set(dir->fd, dir->path, &setting, reterr);
}

static int set_quota(struct cgroup *group, uint64_t percent, ks_error **reterr)
{
	const struct cgroup_dir *dir = cgroup_dir_of(group, CONTROLLER_CPU);
	uint64_t period = 0;
	int r;

	if (percent == group->limits.cpu_quota_pct)
		return 0;
	if (!dir->exists)
		return error_set(reterr, -EOPNOTSUPP,
			ABOUT(.step = "cgroup", .field = "cpu_quota_pct",
				.remedy = "start it with a quota, and change that later"),
			"the control group was made without a CPU quota and cannot get one now");
	if (cgroup_file_number(dir->fd, PERIOD, &period) < 0 || period != CGROUP_PERIOD_USEC) {
		const struct cgroup_setting setting = {.field = "cpu_quota_pct",
			.file = PERIOD,
			.text = "100000",
			.expected = CGROUP_PERIOD_USEC};

		r = cgroup_file_set(dir->fd, dir->path, &setting, reterr);
		if (r < 0)
			return r;
	}
	r = write_quota(dir, percent, reterr);
	if (r == 0)
		group->limits.cpu_quota_pct = percent;
	return r;
}

static int v1_set_limits(
	struct cgroup *group, const struct cgroup_limits *limits, ks_error **reterr)
{
	int r = set_memory(group, limits->memory_bytes, reterr);

	if (r == 0)
		r = cgroup_set_tasks(group, limits->tasks, reterr);
	if (r == 0)
		r = set_quota(group, limits->cpu_quota_pct, reterr);
	return r;
}

static int memory_usage(const struct cgroup_dir *dir, struct cgroup_usage *ret)
{
	bool swap = cgroup_file_exists(dir->fd, MEMORY_SWAP_LIMIT);
	int r = cgroup_file_number(dir->fd,
		swap ? "memory.memsw.max_usage_in_bytes" : "memory.max_usage_in_bytes",
		&ret->memory_peak_bytes);

	if (r == 0)
		r = cgroup_file_key(dir->fd, "memory.oom_control", "oom_kill", &ret->oom_kills);
	return r;
}

static int v1_usage(const struct cgroup *group, struct cgroup_usage *ret)
{
	const struct cgroup_dir *memory = cgroup_dir_of(group, CONTROLLER_MEMORY);
	const struct cgroup_dir *pids = cgroup_dir_of(group, CONTROLLER_PIDS);
	const struct cgroup_dir *cpuacct = cgroup_dir_of(group, CONTROLLER_CPUACCT);
	uint64_t nsec = 0;
	int r = 0;

	if (memory)
		r = memory->exists ? memory_usage(memory, ret) : -ENODEV;
	if (r == 0 && pids)
		r = pids->exists ? cgroup_tasks_usage(pids, ret) : -ENODEV;
	if (r == 0 && cpuacct)
		r = cpuacct->exists ? cgroup_file_number(cpuacct->fd, "cpuacct.usage", &nsec)
				    : -ENODEV;
	ret->cpu_usec = nsec / 1000;
	return r;
}

/* "tasks" moves one thread, and does not take the lock that "cgroup.procs" takes for the whole
 * machine; whoever joins has one thread. */
const struct cgroup_ops cgroup_v1_ops = {
	.place = v1_place, .set_limits = v1_set_limits, .usage = v1_usage, .join_file = "tasks"};
