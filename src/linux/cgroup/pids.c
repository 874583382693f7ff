/* SPDX-License-Identifier: Apache-2.0 */
/* The controller of tasks: its files are the same in both versions. */
#include "linux/cgroup/pids.h"

#include <stdio.h>

#include "linux/cgroup/file.h"

void cgroup_limit_text(uint64_t value, char text[CGROUP_NUMBER_TEXT])
{
	if (value == CGROUP_NO_LIMIT)
		snprintf(text, CGROUP_NUMBER_TEXT, "max");
	else
		snprintf(text, CGROUP_NUMBER_TEXT, "%llu", (unsigned long long)value);
}

int cgroup_set_tasks(struct cgroup *group, uint64_t tasks, ks_error **reterr)
{
	const struct cgroup_dir *dir = cgroup_dir_of(group, CONTROLLER_PIDS);
	char text[CGROUP_NUMBER_TEXT];
	const struct cgroup_setting setting = {.field = "tasks_max",
		.file = "pids.max",
		.text = text,
		.expected = tasks,
		.invalid = "more than the kernel can count (4194304)",
		.remedy = "ask for fewer tasks"};
	int r;

	if (tasks == group->limits.tasks)
		return 0;
	cgroup_limit_text(tasks, text);
	r = cgroup_file_set(dir->fd, dir->path, &setting, reterr);
	if (r == 0)
		group->limits.tasks = tasks;
	return r;
}

int cgroup_tasks_usage(const struct cgroup_dir *dir, struct cgroup_usage *ret)
{
	int r = cgroup_file_number(dir->fd, "pids.current", &ret->tasks);

	if (r == 0)
		r = cgroup_file_key(dir->fd, "pids.events", "max", &ret->tasks_refused);
	if (r == 0 && cgroup_file_number(dir->fd, "pids.peak", &ret->tasks_peak) < 0)
		ret->tasks_peak = 0; /* Linux 6.1, for version 1 later */
	return r;
}
