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
#include "linux/cgroup/group.h"

#define REAP_PATIENCE_MS 1000
#define JOINER_ENDED 1 /* the last word about one, after 0 or -errno for how it joined */
#define REMOVE_ATTEMPTS 100
#define REMOVE_PAUSE_MS 20

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

_Noreturn static void joiner(pid_t parent, int socket, const struct orders *orders)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	for (int i = 0; i < orders->n_fds; i++)
		if (write(orders->fds[i], "0", 1) != 1) {
			say(socket, -errno);
			_exit(1);
		}
	say(socket, 0);
	for (;;)
		pause();
}

/* The caller is gone, and nobody else knows of the group. A scope is the manager's to remove, once
 * it has no process. */
_Noreturn static void clean_up(const struct cgroup *group, int joiner_pidfd)
{
	if (joiner_pidfd >= 0)
		syscall(SYS_pidfd_send_signal, joiner_pidfd, SIGKILL, NULL, 0);
	while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR)
		;
	for (int attempt = 0; attempt < REMOVE_ATTEMPTS; attempt++) {
		bool gone = true;

		for (size_t i = 0; i < group->n_dirs; i++)
			if (group->dirs[i].path && rmdir(group->dirs[i].path) < 0 &&
				errno != ENOENT)
				gone = false;
		if (gone)
			break;
		poll(NULL, 0, REMOVE_PAUSE_MS);
	}
	_exit(0);
}

/* Waits for the descriptor, -1 for nothing, or for the caller's end, and returns in the first case
 * alone. */
static void await(
	const struct probe_child *self, int fd, const struct cgroup *group, int joiner_pidfd)
{
	for (;;) {
		struct pollfd fds[2] = {
			{.fd = fd, .events = POLLIN}, {.fd = self->caller, .events = POLLIN}};

		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents)
			clean_up(group, joiner_pidfd);
		if (fds[0].revents)
			return;
	}
}

/* Stays where it is: a scope must not lose its last process before the group in it is removed. What
 * ends the caller's process group is not to end this one. */
_Noreturn static void child(const struct probe_child *self, const struct cgroup *group)
{
	const int socket = self->sockets[1];
	const pid_t parent = getpid();
	struct orders orders;
	int pidfd = -1;
	long pid;

	setsid();
	say(socket, 0);
	await(self, socket, group, -1);
	if (recv(socket, &orders, sizeof(orders), 0) != sizeof(orders))
		_exit(1);
	pid = copy(&pidfd);
	if (pid == 0)
		joiner(parent, socket, &orders);
	if (pid < 0) {
		say(socket, (int)pid);
	} else {
		await(self, pidfd, group, pidfd);
		while (waitpid((pid_t)pid, NULL, __WALL) < 0 && errno == EINTR)
			;
		close(pidfd);
		say(socket, JOINER_ENDED);
	}
	await(self, -1, group, -1);
	_exit(1);
}

static long start(struct probe_child *ret, const struct cgroup *group)
{
	sigset_t all, saved;
	long pid;

	/* No handler of the caller's may run in the child. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &saved);
	pid = copy(&ret->pidfd);
	if (pid == 0)
		child(ret, group);
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
	return pid;
}

static void close_all(const struct probe_child *child)
{
	close(child->sockets[0]);
	close(child->sockets[1]);
	if (child->caller >= 0)
		close(child->caller);
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

int probe_child_start(struct probe_child *ret, const struct cgroup *group, ks_error **reterr)
{
	struct probe_child started = {.pidfd = -1};
	long pid;
	int r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, started.sockets) < 0)
		return error_set(reterr, -errno, ABOUT(.step = "cgroup"),
			"a pair of sockets cannot be made: %s", strerror(errno));
	started.caller = (int)syscall(SYS_pidfd_open, getpid(), 0);
	pid = started.caller < 0 ? -errno : start(&started, group);
	if (pid < 0) {
		close_all(&started);
		return error_set(reterr, (int)pid, ABOUT(.step = "cgroup"),
			"a process to test control groups with cannot be started: %s",
			strerror((int)-pid));
	}
	started.pid = (pid_t)pid;
	/* Nothing is made as long as it would end together with the caller. */
	r = await_result(&started, -1);
	if (r < 0) {
		probe_child_end(&started);
		return error_set(reterr, r, ABOUT(.step = "cgroup"),
			"a process to test control groups with does not run: %s", strerror(-r));
	}
	*ret = started;
	return 0;
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
	if (r == JOINER_ENDED)
		r = -ESRCH;
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
	close_all(child);
	close(child->pidfd);
}
