/* SPDX-License-Identifier: Apache-2.0 */
/* The child makes system calls only: it is the copy of one thread of many. */
#include "linux/cgroup/probe_child.h"

#include <errno.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "linux/cgroup/cgroup.h"

#define REAP_PATIENCE_MS 1000

struct orders {
	int n_fds;
	int fds[CGROUP_MAX_JOIN];
};

/* A copy of the calling thread. The table of descriptors is shared, because those to join with do
 * not exist yet. No signal at its end, and so only __WALL finds it. */
static long copy(int *ret_pidfd)
{
	struct clone_args args = {
		.flags = CLONE_FILES | CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)ret_pidfd};
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	return pid < 0 ? -errno : pid;
}

static void say(int socket, int result)
{
	send(socket, &result, sizeof(result), MSG_NOSIGNAL);
}

_Noreturn static void joiner(int socket, const struct orders *orders)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < orders->n_fds; i++)
		if (write(orders->fds[i], "0", 1) != 1) {
			say(socket, -errno);
			_exit(1);
		}
	say(socket, 0);
	for (;;)
		pause();
}

/* Stays where it is: a scope must not lose its last process before the group in it is removed. */
_Noreturn static void child(int socket)
{
	struct orders orders;
	int pidfd;
	long pid;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (recv(socket, &orders, sizeof(orders), 0) != sizeof(orders))
		_exit(1);
	pid = copy(&pidfd);
	if (pid == 0)
		joiner(socket, &orders);
	if (pid < 0) {
		say(socket, (int)pid);
	} else {
		while (waitpid((pid_t)pid, NULL, __WALL) < 0 && errno == EINTR)
			;
		close(pidfd);
		say(socket, 0);
	}
	for (;;)
		pause();
}

static long start(struct probe_child *ret)
{
	sigset_t all, saved;
	long pid;

	/* No handler of the caller's may run in the child. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &saved);
	pid = copy(&ret->pidfd);
	if (pid == 0)
		child(ret->sockets[1]);
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
	return pid;
}

static void close_sockets(const struct probe_child *child)
{
	close(child->sockets[0]);
	close(child->sockets[1]);
}

int probe_child_start(struct probe_child *ret, ks_error **reterr)
{
	struct probe_child started = {.pidfd = -1};
	long pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, started.sockets) < 0)
		return error_set(reterr, -errno, ABOUT(.step = "cgroup"),
			"a pair of sockets cannot be made: %s", strerror(errno));
	pid = start(&started);
	if (pid < 0) {
		close_sockets(&started);
		return error_set(reterr, (int)pid, ABOUT(.step = "cgroup"),
			"a process to test control groups with cannot be started: %s",
			strerror((int)-pid));
	}
	started.pid = (pid_t)pid;
	*ret = started;
	return 0;
}

/* The child holds both sockets as well, so that its end is no hang-up. */
static int await_result(const struct probe_child *child, int patience_ms)
{
	struct pollfd fds[2] = {{.fd = child->sockets[0], .events = POLLIN},
		{.fd = child->pidfd, .events = POLLIN}};
	int result;

	while (poll(fds, 2, patience_ms) < 0)
		if (errno != EINTR)
			return -errno;
	if (recv(child->sockets[0], &result, sizeof(result), MSG_DONTWAIT) != sizeof(result))
		return -ESRCH;
	return result;
}

int probe_child_join(struct probe_child *child, const int *fds, size_t n_fds, ks_error **reterr)
{
	struct orders orders = {.n_fds = (int)n_fds};
	int r = 0;

	memcpy(orders.fds, fds, n_fds * sizeof(fds[0]));
	if (send(child->sockets[0], &orders, sizeof(orders), MSG_NOSIGNAL) != sizeof(orders))
		r = -errno;
	if (r == 0) {
		child->asked = true;
		r = await_result(child, -1);
	}
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
	/* Who joined has been ended with its group, who could not has ended itself. It has to be
	 * reaped before it becomes the caller's to reap. */
	if (child->asked)
		await_result(child, REAP_PATIENCE_MS);
	syscall(SYS_pidfd_send_signal, child->pidfd, SIGKILL, NULL, 0);
	while (waitpid(child->pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	/* Not before: its table of descriptors is this one. */
	close_sockets(child);
	close(child->pidfd);
}
