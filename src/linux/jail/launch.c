/* SPDX-License-Identifier: Apache-2.0 */
/* Between vfork and exec the child shares the caller's memory: system calls only, no errno that
 * somebody else might read (the calling thread is suspended), no handler may run (all signals are
 * blocked). */
#include "linux/jail/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int launch_add(struct launch *launch, int slot, int fd)
{
	if (fd < 0)
		return 0;
	if (launch->n_slots == LAUNCH_MAX_SLOTS)
		return -E2BIG;
	launch->slots[launch->n_slots++] = (struct launch_slot){slot, fd};
	return 0;
}

static int highest_slot(const struct launch *launch)
{
	int highest = 2;

	for (size_t i = 0; i < launch->n_slots; i++)
		if (launch->slots[i].slot > highest)
			highest = launch->slots[i].slot;
	return highest;
}

/* Copies what lies among the slots above the highest of them first, so that no slot is overwritten
 * while it is still somebody's source. Returns 0 or an errno. */
static int place_descriptors(const struct launch *launch, int highest, int *high)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	for (size_t i = 0; i < launch->n_slots; i++) {
		high[i] = launch->slots[i].fd;
		if (high[i] <= highest)
			high[i] = fcntl(high[i], F_DUPFD, highest + 1);
		if (high[i] < 0)
			return errno;
	}
	if (syscall(SYS_close_range, 0, (unsigned)highest, 0) < 0)
		return errno;
	for (size_t i = 0; i < launch->n_slots; i++)
		if (dup2(high[i], launch->slots[i].slot) < 0)
			return errno;
	if (syscall(SYS_close_range, (unsigned)highest + 1, ~0u, 0) < 0)
		return errno;
	return 0;
}

static void child(const struct launch *launch, int *high, volatile int *failure)
{
	static const char *const no_environment[] = {NULL};
	int r = place_descriptors(launch, highest_slot(launch), high);

	if (r == 0) {
		syscall(SYS_execveat, launch->exe, "", launch->argv, no_environment, AT_EMPTY_PATH);
		r = errno;
	}
	*failure = r;
	_exit(127);
}

int launch_run(const struct launch *launch, pid_t *ret_pid, int *ret_pidfd)
{
	int high[LAUNCH_MAX_SLOTS];
	volatile int failure = 0;
	sigset_t all, saved;
	pid_t pid;
	int pidfd;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &saved);
	pid = vfork();
	if (pid == 0)
		child(launch, high, &failure);
	if (pid < 0)
		failure = errno;
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
	if (pid < 0)
		return -failure;
	if (failure) {
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		return -failure;
	}
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0) {
		failure = errno;
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		return -failure;
	}
	*ret_pid = pid;
	*ret_pidfd = pidfd;
	return 0;
}
