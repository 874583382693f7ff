/* SPDX-License-Identifier: Apache-2.0 */
#include "measure.h"

#include <dirent.h>
#include <ftw.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What lists and caches of the C library may differ by. A leak of two bytes a spawn is more. */
#define HEAP_MARGIN ((size_t)32 * 1024)
#define RESIDENT_MARGIN ((size_t)2 * 1024 * 1024)
/* Of the root that jails have in common, which is kept by a handle or dropped by a change of the
 * host: the tree, the copy for the next jail, and the table of mounts it was made by; of a prepared
 * policy and of the rest. */
#define DESCRIPTORS_MARGIN ((size_t)2 * 3)
#define GROUPS "/sys/fs/cgroup"

static char group_name[64];
static size_t group_count;

static size_t count_entries(const char *path)
{
	DIR *directory = opendir(path);
	size_t count = 0;

	while (directory && readdir(directory))
		count++;
	if (directory)
		closedir(directory);
	return count;
}

static int count_group(const char *path, const struct stat *status, int type, struct FTW *place)
{
	(void)status;
	if (type == FTW_D && strncmp(path + place->base, group_name, strlen(group_name)) == 0)
		group_count++;
	return 0;
}

static size_t count_children(void)
{
	char path[64], text[4096];
	size_t count = 0;
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *entry;

	while (tasks && (entry = readdir(tasks))) {
		FILE *file;

		snprintf(path, sizeof(path), "/proc/self/task/%.20s/children", entry->d_name);
		file = fopen(path, "re");
		while (file && fscanf(file, "%4095s", text) == 1)
			count++;
		if (file)
			fclose(file);
	}
	if (tasks)
		closedir(tasks);
	return count;
}

static size_t count_resident(void)
{
	unsigned long total, resident = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (file && fscanf(file, "%lu %lu", &total, &resident) != 2)
		resident = 0;
	if (file)
		fclose(file);
	return (size_t)resident * (size_t)sysconf(_SC_PAGESIZE);
}

void measure_take(struct measure *ret)
{
	struct mallinfo2 heap;

	malloc_trim(0);
	heap = mallinfo2();
	snprintf(group_name, sizeof(group_name), "kastellan-%d-", (int)getpid());
	group_count = 0;
	nftw(GROUPS, count_group, 16, FTW_PHYS);
	*ret = (struct measure){.heap = heap.uordblks + heap.hblkhd,
		.resident = count_resident(),
		.descriptors = count_entries("/proc/self/fd"),
		.threads = count_entries("/proc/self/task"),
		.children = count_children(),
		.groups = group_count};
}

void measure_print(const char *when, const struct measure *measure)
{
	printf("# %s: heap %zu KiB, resident %zu KiB, %zu descriptors, %zu threads, %zu children, "
	       "%zu groups\n",
		when, measure->heap / 1024, measure->resident / 1024, measure->descriptors,
		measure->threads, measure->children, measure->groups);
	fflush(stdout);
}

static int more(const char *what, size_t before, size_t after, size_t margin)
{
	if (after <= before + margin)
		return 0;
	printf("# %s grew from %zu to %zu\n", what, before, after);
	return 1;
}

int measure_grew(const struct measure *before, const struct measure *after)
{
	return more("heap", before->heap, after->heap, HEAP_MARGIN) |
	       more("resident memory", before->resident, after->resident, RESIDENT_MARGIN) |
	       more("number of descriptors", before->descriptors, after->descriptors,
		       DESCRIPTORS_MARGIN) |
	       more("number of threads", before->threads, after->threads, 0) |
	       more("number of children", 0, after->children, 0) |
	       more("number of groups", 0, after->groups, 0);
}
