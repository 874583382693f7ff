/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/init/groups.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/init/process.h"

#define AT_ONCE 64 /* processes that are held by a descriptor in one round */

static bool is_known(const struct groups *groups, const char *path)
{
	for (size_t at = 0; at < groups->len; at += strlen(groups->paths + at) + 1)
		if (strcmp(groups->paths + at, path) == 0)
			return true;
	return false;
}

int groups_add(struct groups *groups, const char *paths, size_t len)
{
	if (len == 0 || paths[len - 1] != '\0')
		return -EINVAL;
	for (size_t at = 0; at < len; at += strlen(paths + at) + 1)
		if (paths[at] != '/')
			return -EINVAL;
	for (size_t at = 0; at < len; at += strlen(paths + at) + 1) {
		size_t size = strlen(paths + at) + 1;

		/* They are told once before they are made and, as they may have changed, after. */
		if (is_known(groups, paths + at))
			continue;
		if (size > sizeof(groups->paths) - groups->len)
			return -E2BIG;
		memcpy(groups->paths + groups->len, paths + at, size);
		groups->len += size;
	}
	return 0;
}

static bool contains(const char *list, uint64_t wanted)
{
	while (*list)
		if (parse_number(&list) == wanted)
			return true;
	return false;
}

/* A pid that is read can be another process's by the time it is signalled. So the process is held
 * by a descriptor first, and signalled only if the group still lists its pid afterwards. */
static void kill_listed(int group)
{
	char list[16384];
	const char *at = list;
	uint64_t pids[AT_ONCE];
	int fds[AT_ONCE];
	unsigned held = 0;

	if (read_numbers(group, "cgroup.procs", list, sizeof(list)) <= 0)
		return;
	while (*at && held < AT_ONCE) {
		pids[held] = parse_number(&at);
		/* A scope of systemd's can hold the monitor itself; 0 is a process out of sight. */
		if (pids[held] == 0 || pids[held] == (uint64_t)getpid())
			continue;
		fds[held] = (int)syscall(SYS_pidfd_open, (pid_t)pids[held], 0);
		if (fds[held] >= 0)
			held++;
	}
	if (read_numbers(group, "cgroup.procs", list, sizeof(list)) < 0)
		list[0] = '\0';
	for (unsigned i = 0; i < held; i++) {
		if (contains(list, pids[i]))
			syscall(SYS_pidfd_send_signal, fds[i], SIGKILL, NULL, 0);
		close(fds[i]);
	}
}

static bool holds_self(int group)
{
	char list[16384];

	return read_numbers(group, "cgroup.procs", list, sizeof(list)) > 0 &&
	       contains(list, (uint64_t)getpid());
}

void groups_kill(const struct groups *groups)
{
	for (size_t at = 0; at < groups->len; at += strlen(groups->paths + at) + 1) {
		int group = open(groups->paths + at, O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (group < 0)
			continue;
		if (holds_self(group) || write_small_file(group, "cgroup.kill", "1") < 0)
			kill_listed(group);
		close(group);
	}
}

/* Done with: removed, not there, not ours to remove, or one that we live in. */
static bool remove_one(const char *path)
{
	int group;
	bool self;

	if (rmdir(path) == 0 || errno == ENOENT)
		return true;
	/* Anything else does not get better by waiting. */
	if (errno != EBUSY)
		return true;
	group = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (group < 0)
		return errno == ENOENT;
	self = holds_self(group);
	close(group);
	return self;
}

bool groups_remove(struct groups *groups)
{
	size_t at = 0;

	while (at < groups->len) {
		size_t size = strlen(groups->paths + at) + 1;

		if (!remove_one(groups->paths + at)) {
			at += size;
			continue;
		}
		groups->len -= size;
		memmove(groups->paths + at, groups->paths + at + size, groups->len - at);
	}
	return groups->len == 0;
}
