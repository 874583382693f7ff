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

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef OPEN_TREE_CLOEXEC
#define OPEN_TREE_CLOEXEC O_CLOEXEC
#endif

#define KNOWN_DEVICES 64

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int user_namespace = -1; /* any one with a map that is not the identity; kept open */
static bool tried;
static struct {
	dev_t device;
	bool works;
} known[KNOWN_DEVICES];
static unsigned n_known;

static int write_file(const char *path, const char *text)
{
	autofd int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		return -errno;
	return 0;
}

/* A user namespace needs a process to be made and mapped, and none to live on. The child makes
 * system calls only: the caller may have threads. Its end sends no signal, which a handler of the
 * caller would see. */
static int make_user_namespace(void)
{
	char path[64];
	char map[32];
	int fd = -1;
	long caller = getpid();
	long pid = syscall(SYS_clone, CLONE_NEWUSER, NULL, NULL, NULL, 0);

	if (pid == 0) {
		/* The caller may be killed before it ends this one. */
		syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		if (syscall(SYS_getppid) != caller)
			syscall(SYS_exit_group, 0);
		for (;;)
			syscall(SYS_ppoll, NULL, 0, NULL, NULL, 0);
	}
	if (pid < 0)
		return -errno;
	snprintf(map, sizeof(map), "0 %u 1\n", KERNEL_ID_BASE);
	snprintf(path, sizeof(path), "/proc/%ld/uid_map", pid);
	if (write_file(path, map) == 0) {
		snprintf(path, sizeof(path), "/proc/%ld/gid_map", pid);
		if (write_file(path, map) == 0) {
			snprintf(path, sizeof(path), "/proc/%ld/ns/user", pid);
			fd = open(path, O_RDONLY | O_CLOEXEC);
		}
	}
	kill((pid_t)pid, SIGKILL);
	while (waitpid((pid_t)pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	return fd;
}

static bool try_device(int fd)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)user_namespace};
	autofd int tree = (int)syscall(
		SYS_open_tree, fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);

	return tree >= 0 &&
	       syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) == 0;
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
