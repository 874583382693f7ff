/* SPDX-License-Identifier: Apache-2.0 */
/* Groups that a supervisor and its monitor left behind because both were killed at once. Should:
 * remove an empty group whose maker is gone. Must not: touch one that somebody is about to use,
 * also from another pid namespace, where pids say nothing. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "linux/cgroup/group.h"
#include "linux/cgroup/sweep.h"

bool cgroup_parse_name(const char *name, pid_t *ret_pid)
{
	size_t prefix = strlen(CGROUP_NAME_PREFIX);
	unsigned long pid;
	char *end;

	if (strncmp(name, CGROUP_NAME_PREFIX, prefix) != 0)
		return false;
	name += prefix;
	if (*name < '1' || *name > '9')
		return false;
	pid = strtoul(name, &end, 10);
	if (*end != '-' || pid > INT32_MAX || end[1] < '0' || end[1] > '9')
		return false;
	if (end[1 + strspn(end + 1, "0123456789")] != '\0')
		return false;
	*ret_pid = (pid_t)pid;
	return true;
}

static bool is_settled(int fd, int seconds)
{
	struct stat st;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return fstat(fd, &st) == 0 && now.tv_sec - st.st_ctim.tv_sec > seconds;
}

static void sweep_one(int base, const char *name, int settle_seconds)
{
	autofd int fd = -1;
	pid_t pid;

	if (!cgroup_parse_name(name, &pid) || kill(pid, 0) == 0 || errno != ESRCH)
		return;
	fd = openat(base, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || !is_settled(fd, settle_seconds) || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return;
	/* Refused while a process lives in it. */
	unlinkat(base, name, AT_REMOVEDIR);
}

void cgroup_sweep(const char *base, int settle_seconds)
{
	struct dirent *entry;
	DIR *dir;

	if (!base)
		return;
	dir = opendir(base);
	if (!dir)
		return;
	while ((entry = readdir(dir)))
		sweep_one(dirfd(dir), entry->d_name, settle_seconds);
	closedir(dir);
}
