/* SPDX-License-Identifier: Apache-2.0 */
/* The calls of macOS itself. */
#include "macos/apply/system.h"

#include <errno.h>
#include <fcntl.h>
#include <libproc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/event.h>
#include <sys/param.h>
#include <sys/proc_info.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "macos/host/sandbox_check.h"

/* Of libquarantine's neighbours in libSystem; no header of the SDK has it. */
extern int responsibility_spawnattrs_setdisclaim(posix_spawnattr_t *attributes, int disclaim);

int system_spawn_alone(
	posix_spawnattr_t *attributes, posix_spawn_file_actions_t *actions, short *flags, int n_fds)
{
	(void)actions;
	(void)n_fds;
	*flags |= POSIX_SPAWN_CLOEXEC_DEFAULT;
	return responsibility_spawnattrs_setdisclaim(attributes, 1);
}

/* Those below n_fds are there by being named. */
static int name_descriptors(posix_spawn_file_actions_t *actions, int n_fds)
{
	int r = 0;

	for (int fd = 0; r == 0 && fd < n_fds; fd++)
		r = posix_spawn_file_actions_addinherit_np(actions, fd);
	return r;
}

int system_become(const char *path, char *const *argv, char *const *env, int n_fds)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	short flags = POSIX_SPAWN_SETEXEC | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
	sigset_t all, none;
	int r;

	sigfillset(&all);
	sigemptyset(&none);
	r = posix_spawnattr_init(&attributes);
	if (r == 0)
		r = posix_spawn_file_actions_init(&actions);
	if (r == 0)
		r = name_descriptors(&actions, n_fds);
	if (r == 0)
		r = system_spawn_alone(&attributes, &actions, &flags, n_fds);
	if (r == 0)
		r = posix_spawnattr_setflags(&attributes, flags);
	if (r == 0)
		r = posix_spawnattr_setsigdefault(&attributes, &all);
	if (r == 0)
		r = posix_spawnattr_setsigmask(&attributes, &none);
	if (r == 0)
		r = posix_spawn(NULL, path, &actions, &attributes, argv, env);
	/* It has not become the program. */
	return r ? -r : -ENOEXEC;
}

int system_end_fd(pid_t pid)
{
	struct kevent change;
	autofd int queue = kqueue();

	if (queue < 0 || fcntl(queue, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	EV_SET(&change, (uintptr_t)pid, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, NULL);
	if (kevent(queue, &change, 1, NULL, 0, NULL) < 0)
		return -errno;
	return take_fd(&queue);
}

/* The last argument: also of one that has ended. */
int system_program_name(pid_t pid, char *name, size_t size)
{
	struct proc_bsdshortinfo info;

	if (proc_pidinfo(pid, PROC_PIDT_SHORTBSDINFO, 1, &info, sizeof(info)) != sizeof(info))
		return -ESRCH;
	return strlcpy(name, info.pbsi_comm, size) < size ? 0 : -ENAMETOOLONG;
}

/* The socket itself knows. */
const int system_send_flags = 0;

int system_pair(int ret_ends[2])
{
	const int yes = 1;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ret_ends) < 0)
		return -errno;
	for (int i = 0; i < 2; i++)
		if (fcntl(ret_ends[i], F_SETFD, FD_CLOEXEC) < 0 ||
			setsockopt(ret_ends[i], SOL_SOCKET, SO_NOSIGPIPE, &yes, sizeof(yes)) < 0) {
			int r = -errno;

			close(ret_ends[0]);
			close(ret_ends[1]);
			return r;
		}
	return 0;
}

bool system_is_confined(void)
{
	/* An error is no yes: the proxy serves nobody then. */
	return sandbox_check(getpid(), NULL, 0) == 1;
}

int system_open_object(const char *path)
{
	int fd = open(path, O_EVTONLY | O_CLOEXEC | O_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

int system_object_path(int fd, char *path, size_t size)
{
	char real[MAXPATHLEN];

	if (fcntl(fd, F_GETPATH, real) < 0)
		return -errno;
	return strlcpy(path, real, size) < size ? 0 : -ENAMETOOLONG;
}

const char *system_variable(const char *name)
{
	return issetugid() ? NULL : getenv(name);
}
