/* SPDX-License-Identifier: Apache-2.0 */
/* Control groups for the least jails: made, limited, and removed. */
#include "least.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Version 1, as a host without systemd has it; elsewhere there are no such rows. */
static struct {
	const char *controller;
	const char *file;
	const char *value;
	char path[512];
} groups[LEAST_GROUPS] = {
	{.controller = "memory", .file = "memory.memsw.limit_in_bytes", .value = "268435456"},
	{.controller = "pids", .file = "pids.max", .value = "64"},
	{.controller = "cpu", .file = "cpu.cfs_quota_us", .value = "150000"},
	{.controller = "cpuacct"},
};

/* Below the group that this process is in, which a line of /proc/self/cgroup names. */
static int find_group(const char *controller, char path[512])
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	char line[512], wanted[64];
	int found = -ENOENT;

	if (!file)
		return -errno;
	snprintf(wanted, sizeof(wanted), ":%s:", controller);
	while (found < 0 && fgets(line, sizeof(line), file)) {
		char *at = strstr(line, wanted);

		line[strcspn(line, "\n")] = '\0';
		if (!at)
			continue;
		at += strlen(wanted);
		snprintf(path, 512, "/sys/fs/cgroup/%s%.300s/kastellan-least-%d", controller,
			at[1] ? at : "", getpid());
		found = 0;
	}
	fclose(file);
	return found;
}

static int find_groups(void)
{
	int r = 0;

	for (int i = 0; r == 0 && i < LEAST_GROUPS && !groups[i].path[0]; i++)
		r = find_group(groups[i].controller, groups[i].path);
	return r;
}

static int write_limit(int group, const char *file, const char *value)
{
	int fd = openat(group, file, O_WRONLY | O_CLOEXEC);
	ssize_t written = fd < 0 ? -1 : write(fd, value, strlen(value));

	if (fd >= 0)
		close(fd);
	return written < 0 ? -errno : 0;
}

static int make_group(int number, int *ret_tasks)
{
	const char *path = groups[number].path;
	int r = mkdir(path, 0755) < 0 ? -errno : 0;
	int fd = r < 0 ? -1 : open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return r < 0 ? r : -errno;
	/* Memory alone first: with swap it may not be less. */
	if (number == 0)
		r = write_limit(fd, "memory.limit_in_bytes", groups[number].value);
	if (r == 0 && groups[number].file)
		r = write_limit(fd, groups[number].file, groups[number].value);
	*ret_tasks = r < 0 ? r : openat(fd, "tasks", O_WRONLY | O_CLOEXEC);
	close(fd);
	return *ret_tasks < 0 ? -errno : 0;
}

void least_remove_groups(void)
{
	for (int i = 0; i < LEAST_GROUPS; i++)
		rmdir(groups[i].path);
}

/* In the order of the rows of groups. What was made before a failure goes with it. */
int least_make_groups(int tasks[LEAST_GROUPS])
{
	int r = find_groups();

	for (int i = 0; i < LEAST_GROUPS; i++)
		tasks[i] = -1;
	for (int i = 0; r == 0 && i < LEAST_GROUPS; i++)
		r = make_group(i, &tasks[i]);
	if (r < 0)
		least_remove_groups();
	return r;
}

void least_close_groups(const int tasks[LEAST_GROUPS])
{
	for (int i = 0; i < LEAST_GROUPS; i++)
		if (tasks[i] >= 0)
			close(tasks[i]);
}
