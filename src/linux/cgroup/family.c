/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/cgroup/family.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "linux/cgroup/file.h"
#include "linux/cgroup/locate.h"

/* Appends the children that one thread has. */
static int add_children(int tasks, const char *tid, pid_t *family, int n, int room)
{
	autofd int thread = openat(tasks, tid, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char text[KS_MAX_CGROUP_FILE];
	char *at = text;

	if (thread < 0 || cgroup_file_read(thread, "children", text) < 0)
		return n;
	for (;;) {
		char *end;
		long pid = strtol(at, &end, 10);

		if (end == at)
			return n;
		if (n == room)
			return -E2BIG;
		family[n++] = (pid_t)pid;
		at = end;
	}
}

static int add_all_children(pid_t pid, pid_t *family, int n, int room)
{
	char path[64];
	struct dirent *entry;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%ld/task", (long)pid);
	tasks = opendir(path);
	if (!tasks)
		return n;
	while (n >= 0 && (entry = readdir(tasks)))
		if (entry->d_name[0] != '.')
			n = add_children(dirfd(tasks), entry->d_name, family, n, room);
	closedir(tasks);
	return n;
}

int cgroup_family(pid_t pid, pid_t *family, int room)
{
	int n = 1;

	family[0] = pid;
	for (int i = 0; i < n; i++) {
		n = add_all_children(family[i], family, n, room);
		if (n < 0)
			return n;
	}
	return n;
}

/* Whose parent has not waited for it yet. */
static bool has_ended(pid_t pid)
{
	char path[64];
	char text[KS_MAX_CGROUP_FILE];
	const char *state; /* behind the name, which is in brackets and may hold any */

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	if (cgroup_file_read(AT_FDCWD, path, text) <= 0)
		return false;
	state = strrchr(text, ')');
	return state && state[1] == ' ' && (state[2] == 'Z' || state[2] == 'X');
}

int cgroup_of_process(pid_t pid, char **ret_path)
{
	char path[64];
	char text[KS_MAX_CGROUP_FILE];
	ssize_t n;

	if (has_ended(pid))
		return -ESRCH;
	snprintf(path, sizeof(path), "/proc/%ld/cgroup", (long)pid);
	n = cgroup_file_read(AT_FDCWD, path, text);
	if (n <= 0)
		return n == 0 || n == -ENOENT ? -ESRCH : (int)n;
	return cgroup_own_path(text, NULL, ret_path);
}
