/* SPDX-License-Identifier: Apache-2.0 */
/* Until its exec the child has the caller's memory, and the calling thread's errno, while the
 * caller goes on: it makes system calls that write no errno, calls no library, and writes nothing
 * but what the launch has for it. No handler may run in it: all signals are blocked.
 *
 * It is no vfork(), as the caller has something to do meanwhile: a thread that is woken by the exec
 * mostly runs where that was done, and keeps the new program from running. */
#include "linux/jail/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux/raw_call.h"

/* A sanitizer's bookkeeping is the calling thread's. */
#define IN_CALLERS_MEMORY __attribute__((no_sanitize("address", "thread", "undefined")))

/* clone(2) under the name that ThreadSanitizer does not take for fork(). */
int __clone(int (*run)(void *), void *stack, int flags, void *data, ...);

int launch_add(struct launch *launch, int slot, int fd)
{
	if (fd < 0)
		return 0;
	if (launch->n_slots == LAUNCH_MAX_SLOTS)
		return -E2BIG;
	launch->slots[launch->n_slots++] = (struct launch_slot){slot, fd};
	return 0;
}

static IN_CALLERS_MEMORY int highest_slot(const struct launch *launch)
{
	int highest = 2;

	for (size_t i = 0; i < launch->n_slots; i++)
		if (launch->slots[i].slot > highest)
			highest = launch->slots[i].slot;
	return highest;
}

/* As many descriptors as the caller could have. */
static IN_CALLERS_MEMORY void raise_limit(void)
{
	struct rlimit64 files = {0};

	if (raw_call(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&files, 0, 0) < 0 ||
		files.rlim_cur >= files.rlim_max)
		return;
	files.rlim_cur = files.rlim_max;
	raw_call(SYS_prlimit64, 0, RLIMIT_NOFILE, (long)&files, 0, 0, 0);
}

/* Copies what lies among the slots above the highest of them first, so that no slot is overwritten
 * while it is still somebody's source. Returns 0 or -errno. */
static IN_CALLERS_MEMORY long place_descriptors(struct launch *launch, int highest)
{
	long r = 0;

	raise_limit();
	for (size_t i = 0; i < launch->n_slots; i++) {
		r = launch->slots[i].fd;
		if (r <= highest)
			r = raw_call(SYS_fcntl, r, F_DUPFD, highest + 1, 0, 0, 0);
		if (r < 0)
			return r;
		launch->sources[i] = (int)r;
	}
	r = raw_call(SYS_close_range, 0, highest, 0, 0, 0, 0);
	for (size_t i = 0; r >= 0 && i < launch->n_slots; i++)
		r = raw_call(SYS_dup3, launch->sources[i], launch->slots[i].slot, 0, 0, 0, 0);
	return r < 0 ? r : raw_call(SYS_close_range, highest + 1, ~0u, 0, 0, 0, 0);
}

static IN_CALLERS_MEMORY int child(void *data)
{
	static const char *const no_environment[] = {NULL};
	struct launch *launch = data;
	long r = place_descriptors(launch, highest_slot(launch));

	if (r == 0)
		r = raw_call(SYS_execveat, launch->exe, (long)"", (long)launch->argv,
			(long)no_environment, AT_EMPTY_PATH, 0);
	launch->failure = (int)r;
	/* The C library ends it with the same call as a thread, which is all it is made of. */
	return 127;
}

int launch_start(struct launch *launch, pid_t *ret_pid, int *ret_pidfd)
{
	const int flags = CLONE_VM | CLONE_PIDFD | CLONE_CHILD_CLEARTID | SIGCHLD;
	void *const no_thread_area = NULL;
	sigset_t all, saved;
	int code, pidfd;

	launch->failure = 0;
	launch->running = 1;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &saved);
	launch->pid = __clone(child, launch->stack + LAUNCH_STACK, flags, launch, &pidfd,
		no_thread_area, &launch->running);
	code = errno;
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
	if (launch->pid < 0)
		return -code;
	*ret_pid = launch->pid;
	*ret_pidfd = pidfd;
	return 0;
}

int launch_await(struct launch *launch)
{
	while (__atomic_load_n(&launch->running, __ATOMIC_ACQUIRE))
		syscall(SYS_futex, &launch->running, FUTEX_WAIT, 1, NULL, NULL, 0);
	if (launch->failure == 0)
		return 0;
	while (waitpid(launch->pid, NULL, 0) < 0 && errno == EINTR)
		;
	return launch->failure;
}

int launch_run(struct launch *launch, pid_t *ret_pid, int *ret_pidfd)
{
	int pidfd = -1;
	int r = launch_start(launch, ret_pid, &pidfd);

	if (r < 0)
		return r;
	r = launch_await(launch);
	if (r < 0) {
		close(pidfd);
		*ret_pid = 0;
	} else {
		*ret_pidfd = pidfd;
	}
	return r;
}
