/* SPDX-License-Identifier: Apache-2.0 */
#include "pool_memory.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Of the group that counts a process's memory: the directory; empty where it has none of ours. */
static char memory_group[512];
static char memory_name[128];

static int find_memory(const char *path, const struct stat *st, int type, struct FTW *where)
{
	char file[600];

	(void)st;
	if (type != FTW_D || strcmp(path + where->base, memory_name) != 0)
		return 0;
	for (int version = 1; version <= 2; version++) {
		snprintf(file, sizeof(file), "%s/%s", path,
			version == 1 ? "memory.limit_in_bytes" : "memory.max");
		if (access(file, W_OK) < 0)
			continue;
		snprintf(memory_group, sizeof(memory_group), "%s", path);
		return 1;
	}
	return 0;
}

int memory_find(pid_t pid)
{
	char path[64], line[512];
	FILE *file;

	memory_group[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	file = fopen(path, "r");
	while (file && !memory_group[0] && fgets(line, sizeof(line), file)) {
		const char *name = strrchr(line, '/');

		if (sscanf(name ? name : "", "/%127s", memory_name) == 1 &&
			strncmp(memory_name, "kastellan-", 10) == 0)
			nftw("/sys/fs/cgroup", find_memory, 16, FTW_PHYS);
	}
	if (file)
		fclose(file);
	return memory_group[0] != '\0';
}

/* By the files of the one version of groups, or of the other. */
void memory_leave(long bytes)
{
	static const char *const files[][2] = {{"memory.usage_in_bytes", "memory.limit_in_bytes"},
		{"memory.current", "memory.max"}};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char path[600];
		long used = 0;
		FILE *file;

		snprintf(path, sizeof(path), "%s/%s", memory_group, files[i][0]);
		file = fopen(path, "r");
		if (!file)
			continue;
		if (fscanf(file, "%ld", &used) != 1)
			used = 0;
		fclose(file);
		snprintf(path, sizeof(path), "%s/%s", memory_group, files[i][1]);
		file = fopen(path, "w");
		if (!file)
			continue;
		fprintf(file, "%ld", used + bytes);
		fclose(file);
	}
}
