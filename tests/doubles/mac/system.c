/* SPDX-License-Identifier: Apache-2.0 */
/* Linux in the place of what a Mac alone can do (src/macos/apply/system.h). A test double. */
#include "macos/apply/system.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

int system_spawn_alone(
	posix_spawnattr_t *attributes, posix_spawn_file_actions_t *actions, short *flags, int n_fds)
{
	(void)attributes;
	(void)flags;
	return posix_spawn_file_actions_addclosefrom_np(actions, n_fds);
}

int system_become(const char *path, char *const *argv, char *const *env, int n_fds)
{
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* On exec and not now, as on a Mac: whoever waits for the exec hears of it by that. */
	if (syscall(SYS_close_range, (unsigned)n_fds, ~0u, 1u << 2 /* CLOSE_RANGE_CLOEXEC */) < 0)
		return -errno;
	execve(path, argv, env);
	return -errno;
}

int system_end_fd(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -errno : fd;
}

int system_program_name(pid_t pid, char *name, size_t size)
{
	char path[64];
	autofile FILE *file = NULL;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	file = fopen(path, "re");
	if (!file || !fgets(name, (int)size, file))
		return -ESRCH;
	name[strcspn(name, "\n")] = '\0';
	return 0;
}

const int system_send_flags = MSG_NOSIGNAL;

int system_pair(int ret_ends[2])
{
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ret_ends) < 0 ? -errno : 0;
}

/* The mark of the double of sandbox-exec. */
bool system_is_confined(void)
{
	return prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1;
}

int system_open_object(const char *path)
{
	int fd = open(path, O_PATH | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int system_object_path(int fd, char *path, size_t size)
{
	char link[64];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, size);
	if (len < 0 || (size_t)len == size)
		return len < 0 ? -errno : -ENAMETOOLONG;
	path[len] = '\0';
	return 0;
}

const char *system_variable(const char *name)
{
	return secure_getenv(name);
}
