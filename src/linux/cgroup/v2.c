/* SPDX-License-Identifier: Apache-2.0 */
/* Version 2: one directory in a subtree that the caller may write, which passes its controllers
 * on. Also what a scope does once it has its place. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "linux/cgroup/file.h"
#include "linux/cgroup/group.h"
#include "linux/cgroup/pids.h"

static const char *const delegate_remedy =
	"start it in a delegated group that holds no process itself, for example with systemd-run "
	"--scope -p Delegate=yes and a sub-group for the caller";

static const struct {
	unsigned controller;
	const char *name;
	const char *field;
} names[] = {
	{CONTROLLER_MEMORY, "memory", "mem_mb"},
	{CONTROLLER_PIDS, "pids", "tasks_max"},
	{CONTROLLER_CPU, "cpu", "cpu_quota_pct"},
};

#define N_NAMES (sizeof(names) / sizeof(names[0]))

static int enable_one(int dir, const char *path, size_t i, ks_error **reterr)
{
	char text[KS_MAX_CGROUP_FILE];
	char order[16];
	int r;

	if (cgroup_file_read(dir, "cgroup.subtree_control", text) >= 0 &&
		cgroup_has_word(text, names[i].name))
		return 0;
	if (cgroup_file_read(dir, "cgroup.controllers", text) >= 0 &&
		!cgroup_has_word(text, names[i].name))
		return error_set(reterr, -EOPNOTSUPP,
			ABOUT(.step = "cgroup", .field = names[i].field, .path = path,
				.remedy = "have the controller delegated, or boot with the unified "
					  "hierarchy alone (systemd.unified_cgroup_hierarchy=1)"),
			"the control group %s does not have the controller %s", path,
			names[i].name);
	snprintf(order, sizeof(order), "+%s", names[i].name);
	r = cgroup_file_write(dir, "cgroup.subtree_control", order);
	if (r == 0)
		return 0;
	return error_set(reterr, r,
		ABOUT(.step = "cgroup", .field = names[i].field, .path = path,
			.remedy = delegate_remedy),
		"the control group %s cannot pass the controller %s on: %s", path, names[i].name,
		r == -EBUSY ? "there are processes in it" : strerror(-r));
}

int cgroup_v2_enable(const char *path, unsigned controllers, ks_error **reterr)
{
	autofd int dir = cgroup_dir_open(path);

	if (dir < 0)
		return error_set(reterr, dir, ABOUT(.step = "cgroup", .path = path),
			"the control group %s cannot be opened: %s", path, strerror(-dir));
	for (size_t i = 0; i < N_NAMES; i++) {
		int r = controllers & names[i].controller ? enable_one(dir, path, i, reterr) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

static bool has_controllers(const struct cgroup_dir *dir)
{
	char text[KS_MAX_CGROUP_FILE];

	if (cgroup_file_read(dir->fd, "cgroup.controllers", text) < 0)
		return false;
	for (size_t i = 0; i < N_NAMES; i++)
		if ((dir->controllers & names[i].controller) &&
			!cgroup_has_word(text, names[i].name))
			return false;
	return true;
}

static int v2_place(
	struct cgroup *group, const struct cgroup_limits *limits, pid_t member, ks_error **reterr)
{
	struct cgroup_dir *dir = &group->dirs[0];
	int r = cgroup_dir_make(dir, reterr);

	(void)limits;
	(void)member;
	/* They stay enabled after the first time. */
	if (r == 0 && !has_controllers(dir))
		r = cgroup_v2_enable(group->base, dir->controllers, reterr);
	return r;
}

/* mem_mb counts swap in, and this version limits swap apart: there is none where memory is limited.
 */
static int set_swap(const struct cgroup *group, bool limited, ks_error **reterr)
{
	const struct cgroup_dir *dir = &group->dirs[0];
	const struct cgroup_setting setting = {.field = "mem_mb",
		.file = "memory.swap.max",
		.text = limited ? "0" : "max",
		.expected = limited ? 0 : CGROUP_NO_LIMIT};

	if (cgroup_file_exists(dir->fd, "memory.swap.max"))
		return cgroup_file_set(dir->fd, dir->path, &setting, reterr);
	if (!group->swap || access("/proc/swaps", F_OK) < 0)
		return 0;
	return error_set(reterr, -EOPNOTSUPP,
		ABOUT(.step = "cgroup", .field = "mem_mb", .path = dir->path,
			.remedy = "boot with swapaccount=1, or switch swap off"),
		"the control group %s does not count swap: memory.swap.max is missing", dir->path);
}

static int set_memory(struct cgroup *group, uint64_t bytes, ks_error **reterr)
{
	const struct cgroup_dir *dir = &group->dirs[0];
	char text[CGROUP_NUMBER_TEXT];
	const struct cgroup_setting setting = {.field = "mem_mb",
		.file = "memory.max",
		.text = text,
		.expected = cgroup_round_to_pages(bytes)};
	int r;

	if (bytes == group->limits.memory_bytes)
		return 0;
	cgroup_limit_text(bytes, text);
	r = set_swap(group, bytes != CGROUP_NO_LIMIT, reterr);
	if (r == 0)
		r = cgroup_file_set(dir->fd, dir->path, &setting, reterr);
	if (r < 0)
		return r;
	/* Half a worker is worth nothing: where the kernel can (4.19), it ends all of it. */
	cgroup_file_write(dir->fd, "memory.oom.group", "1");
	group->limits.memory_bytes = bytes;
	return 0;
}

static int set_quota(struct cgroup *group, uint64_t percent, ks_error **reterr)
{
	const struct cgroup_dir *dir = &group->dirs[0];
	uint64_t quota = percent == CGROUP_NO_LIMIT ? percent : percent * CGROUP_PERCENT_USEC;
	char text[2 * CGROUP_NUMBER_TEXT];
	const struct cgroup_setting setting = {.field = "cpu_quota_pct",
		.file = "cpu.max",
		.text = text,
		.expected = quota,
		.invalid = "it is below the kernel's least (1 ms) or above its most",
		.remedy = "ask for another quota"};
	char number[CGROUP_NUMBER_TEXT];
	int r;

	if (percent == group->limits.cpu_quota_pct)
		return 0;
	cgroup_limit_text(quota, number);
	snprintf(text, sizeof(text), "%s %d", number, CGROUP_PERIOD_USEC);
	r = cgroup_file_set(dir->fd, dir->path, &setting, reterr);
	if (r == 0)
		group->limits.cpu_quota_pct = percent;
	return r;
}

int cgroup_v2_set_limits(
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
	int r = cgroup_file_key(dir->fd, "memory.events", "oom_kill", &ret->oom_kills);

	if (r < 0)
		return r;
	/* Linux 5.19; before it nobody knows the peak. */
	if (cgroup_file_number(dir->fd, "memory.peak", &ret->memory_peak_bytes) < 0)
		ret->memory_peak_bytes = 0;
	return 0;
}

int cgroup_v2_usage(const struct cgroup *group, struct cgroup_usage *ret)
{
	const struct cgroup_dir *dir = &group->dirs[0];
	int r;

	if (!dir->exists)
		return -ENODEV;
	r = cgroup_file_key(dir->fd, "cpu.stat", "usage_usec", &ret->cpu_usec);
	if (r == 0 && (dir->controllers & CONTROLLER_MEMORY))
		r = memory_usage(dir, ret);
	if (r == 0 && (dir->controllers & CONTROLLER_PIDS))
		r = cgroup_tasks_usage(dir, ret);
	return r;
}

const struct cgroup_ops cgroup_v2_ops = {.place = v2_place,
	.set_limits = cgroup_v2_set_limits,
	.usage = cgroup_v2_usage,
	.join_file = "cgroup.procs"};
