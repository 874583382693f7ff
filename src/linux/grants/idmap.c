/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/grants/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "linux/kernel_id.h"
#include "plan/open_grants.h"

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef OPEN_TREE_CLOEXEC
#define OPEN_TREE_CLOEXEC O_CLOEXEC
#endif

#define KNOWN_DEVICES 64
#define MAX_LEFT 4 /* of one policy; more are cleared away at once */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int user_namespace = -1; /* any one with a map that is not the identity; kept open */
static bool tried;
static struct {
	dev_t device;
	bool works;
} known[KNOWN_DEVICES];
static unsigned n_known;
/* To be cleared away: the process, which has been told to end, and the mounts that were tried. The
 * kernel takes its time for either. */
static pid_t ending; /* 0 = none */
static int left[MAX_LEFT];
static unsigned n_left;

static int write_file(const char *path, const char *text)
{
	autofd int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		return -errno;
	return 0;
}

/* In the caller's memory, where it changes nothing: no call of it fails. */
static int __attribute__((noreturn)) wait_to_die(void *data)
{
	const pid_t *caller = data;

	/* The caller may be killed before it ends this one. */
	syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (syscall(SYS_getppid) != *caller)
		syscall(SYS_exit_group, 0);
	for (;;)
		syscall(SYS_ppoll, NULL, 0, NULL, NULL, 0);
}

/* clone(2) under the name that ThreadSanitizer does not take for fork(): behind a fork it no longer
 * sees what the caller's locks order. */
int __clone(int (*run)(void *), void *stack, int flags, void *data, ...);

/* A child that shares the caller's memory, which may be large. No handler of the caller runs in it:
 * all signals are blocked. Its end sends none, which such a handler would see. */
static pid_t start_child(pid_t *caller)
{
	static char stack[16384] __attribute__((aligned(16)));
	sigset_t all, saved;
	pid_t pid;

	*caller = getpid();
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &saved);
	pid = __clone(wait_to_die, stack + sizeof(stack), CLONE_NEWUSER | CLONE_VM, caller);
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
	return pid;
}

/* A user namespace needs a process to be made and mapped, and none to live on. */
static int make_user_namespace(void)
{
	char path[64];
	char map[32];
	int fd = -1;
	pid_t caller;
	pid_t pid = start_child(&caller);

	if (pid < 0)
		return -EAGAIN;
	snprintf(map, sizeof(map), "0 %u 1\n", KERNEL_ID_BASE);
	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	if (write_file(path, map) == 0) {
		snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
		if (write_file(path, map) == 0) {
			snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
			fd = open(path, O_RDONLY | O_CLOEXEC);
		}
	}
	kill(pid, SIGKILL);
	ending = pid;
	return fd;
}

static bool try_device(int fd)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)user_namespace};
	autofd int tree = (int)syscall(
		SYS_open_tree, fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	bool works = tree >= 0 &&
		     syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) == 0;

	if (tree >= 0 && n_left < MAX_LEFT)
		left[n_left++] = take_fd(&tree);
	return works;
}

bool idmap_works(int fd, dev_t device)
{
	bool works = false;
	unsigned i = 0;

	pthread_mutex_lock(&lock);
	if (!tried)
		user_namespace = make_user_namespace();
	tried = true;
	while (i < n_known && known[i].device != device)
		i++;
	if (i < n_known) {
		works = known[i].works;
	} else if (user_namespace >= 0) {
		works = try_device(fd);
		if (n_known < KNOWN_DEVICES) {
			known[n_known].device = device;
			known[n_known++].works = works;
		}
	}
	pthread_mutex_unlock(&lock);
	return works;
}

void grants_settle(void)
{
	pthread_mutex_lock(&lock);
	while (ending > 0 && waitpid(ending, NULL, __WALL) < 0 && errno == EINTR)
		;
	ending = 0;
	while (n_left > 0)
		close(left[--n_left]);
	pthread_mutex_unlock(&lock);
}
