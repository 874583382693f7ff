/* SPDX-License-Identifier: Apache-2.0 */
/* The child makes system calls only: it is the copy of one thread of many. */
#include "linux/cgroup_probe_child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "linux/cgroup.h"

struct orders {
	int n_fds;
	int fds[CGROUP_MAX_JOIN];
};

_Noreturn static void child(int orders_fd)
{
	struct orders orders;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (read(orders_fd, &orders, sizeof(orders)) != sizeof(orders))
		_exit(EIO);
	for (int i = 0; i < orders.n_fds; i++)
		if (write(orders.fds[i], "0", 1) != 1)
			_exit(errno);
	_exit(0);
}

int probe_child_start(struct probe_child *ret, ks_error **reterr)
{
	/* The table of descriptors is shared, because those to join with do not exist yet. No
	 * signal at its end, and so only __WALL finds it. */
	struct clone_args args = {.flags = CLONE_FILES};
	int ends[2];
	sigset_t all, saved;
	long pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(reterr, -errno, ABOUT(.step = "cgroup"),
			"a pipe cannot be made: %s", strerror(errno));
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &saved);
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		child(ends[0]);
	if (pid < 0)
		pid = -errno;
	sigprocmask(SIG_SETMASK, &saved, NULL);
	if (pid < 0) {
		close(ends[0]);
		close(ends[1]);
		return error_set(reterr, (int)pid, ABOUT(.step = "cgroup"),
			"a process to test control groups with cannot be started: %s",
			strerror((int)-pid));
	}
	*ret = (struct probe_child){.pid = (pid_t)pid, .orders = ends[1], .read_end = ends[0]};
	return 0;
}

static int reap(struct probe_child *child)
{
	int status = 0;
	pid_t r;

	do {
		r = waitpid(child->pid, &status, __WALL);
	} while (r < 0 && errno == EINTR);
	/* Not before: its table of descriptors is this one. */
	close(child->orders);
	close(child->read_end);
	child->pid = 0;
	if (r < 0)
		return -errno;
	if (WIFSIGNALED(status))
		return -EINTR;
	return -WEXITSTATUS(status);
}

int probe_child_join(struct probe_child *child, const int *fds, size_t n_fds, ks_error **reterr)
{
	struct orders orders = {.n_fds = (int)n_fds};
	int r = 0;

	memcpy(orders.fds, fds, n_fds * sizeof(fds[0]));
	if (write(child->orders, &orders, sizeof(orders)) != sizeof(orders)) {
		r = -EIO;
		kill(child->pid, SIGKILL);
	}
	if (r == 0)
		r = reap(child);
	else
		reap(child);
	if (r == 0)
		return 0;
	return error_set(reterr, r,
		ABOUT(.step = "cgroup",
			.remedy = r == -EINVAL ? "start it with an ordinary scheduling policy"
					       : NULL),
		"a process cannot join the new control group: %s",
		r == -EINVAL ? "a real-time scheduling policy does not go with a CPU quota"
			     : strerror(-r));
}

void probe_child_end(struct probe_child *child)
{
	if (!child->pid)
		return;
	kill(child->pid, SIGKILL);
	reap(child);
}
