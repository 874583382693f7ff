/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/probe/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* A fork without the C library's handlers, and with signals blocked in the child until it has
 * settled. No signal at its end, so that the caller's SIGCHLD handler does not see it. */
static pid_t plain_fork(void)
{
	sigset_t all;
	sigset_t before;
	long pid;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = syscall(SYS_clone, 0UL, NULL, NULL, NULL, NULL);
	if (pid != 0)
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	return (pid_t)pid;
}

/* Ends with its parent's thread, whatever happens there. */
static void tie_to_parent(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (syscall(SYS_getppid) != parent)
		syscall(SYS_exit_group, 1);
}

int probe_become(uint32_t id)
{
	/* The bare calls: those of the C library would tell all threads, which are not here. */
	if (syscall(SYS_setgroups, 0UL, NULL) < 0 || syscall(SYS_setresgid, id, id, id) < 0 ||
		syscall(SYS_setresuid, id, id, id) < 0)
		return -errno;
	/* Changing ids makes a process undumpable, and then its own /proc files belong to root. */
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	return 0;
}

static int wait_for(pid_t pid, int *ret_status)
{
	while (waitpid(pid, ret_status, __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* Reads until the other side is closed, the room is used up (the rest is read and dropped) or time
 * is over. Returns the number of bytes, or -ETIMEDOUT. */
static ssize_t collect(int fd, char *bytes, size_t room)
{
	int64_t end = clock_ms() + PROBE_PATIENCE_MS;
	size_t used = 0;
	char rest[512] = {0};

	for (;;) {
		struct pollfd readable = {.fd = fd, .events = POLLIN};
		int64_t left = end - clock_ms();
		ssize_t n;

		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&readable, 1, (int)left) <= 0)
			continue;
		n = read(fd, used < room ? bytes + used : rest,
			used < room ? room - used : sizeof(rest));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return (ssize_t)used;
		if (used < room)
			used += (size_t)n;
	}
}

/* A caller that ignores its children's ends would make the kernel drop those of this child, too. */
static void await_children(void)
{
	struct sigaction usual = {.sa_handler = SIG_DFL};

	sigaction(SIGCHLD, &usual, NULL);
}

int probe_in_child(void (*function)(const void *data, struct probe_answer *answer),
	const void *data, struct probe_answer *ret_answer)
{
	struct probe_answer answer = {0};
	pid_t parent = getpid();
	int pipe_fds[2];
	ssize_t n;
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	pid = plain_fork();
	if (pid == 0) {
		tie_to_parent(parent);
		await_children();
		function(data, &answer);
		if (write(pipe_fds[1], &answer, sizeof(answer)) < 0)
			syscall(SYS_exit_group, 1);
		syscall(SYS_exit_group, 0);
	}
	close(pipe_fds[1]);
	if (pid < 0) {
		close(pipe_fds[0]);
		return -errno;
	}
	n = collect(pipe_fds[0], (char *)&answer, sizeof(answer));
	close(pipe_fds[0]);
	if (n < 0)
		kill(pid, SIGKILL);
	wait_for(pid, NULL);
	if (n != sizeof(answer))
		return n < 0 ? (int)n : -EIO;
	*ret_answer = answer;
	return 0;
}

static void reset_signals(void)
{
	struct sigaction usual = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		sigaction(number, &usual, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Descriptors for the program; any of them may be 0, 1 or 2, where the caller has those closed. */
struct program_fds {
	int exe;
	int null;
	int output;
};

static int arrange(const struct program_fds *fds)
{
	int exe = fcntl(fds->exe, F_DUPFD, 4);
	int null = fcntl(fds->null, F_DUPFD, 4);
	int output = fcntl(fds->output, F_DUPFD, 4);

	if (dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0 ||
		dup3(exe, 3, O_CLOEXEC) < 0)
		return -errno;
	return (int)syscall(SYS_close_range, 4U, ~0U, 0U);
}

static void execute(
	const char *path, const char *const *argv, uint32_t id, const struct program_fds *fds)
{
	static const char *const environment[] = {"PATH=/usr/bin:/bin", "LC_ALL=C", NULL};

	if (id && probe_become(id) < 0)
		syscall(SYS_exit_group, 127);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* again: changing ids has cleared it */
	if (arrange(fds) < 0)
		syscall(SYS_exit_group, 127);
	reset_signals();
	/* By descriptor, as that user may not reach the path. A script can only be started by it.
	 */
	syscall(SYS_execveat, 3, "", argv, environment, AT_EMPTY_PATH);
	execve(path, (char *const *)argv, (char *const *)environment);
	syscall(SYS_exit_group, 127);
}

/* With a process between, the caller never has a child that has executed something: such a one
 * raises SIGCHLD, and may be waited for by whoever waits for anything. */
static void execute_and_wait(
	const char *path, const char *const *argv, uint32_t id, const struct program_fds *fds)
{
	int status = 0;
	pid_t pid;

	await_children();
	pid = vfork();
	if (pid == 0)
		execute(path, argv, id, fds);
	close(fds->output); /* or the reader would wait for this process, too */
	if (pid < 0 || wait_for(pid, &status) < 0)
		syscall(SYS_exit_group, 127);
	syscall(SYS_exit_group, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

int probe_run(const char *path, const char *const *argv, uint32_t id, char *text, size_t room)
{
	autofd int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	autofd int exe = open(path, O_RDONLY | O_CLOEXEC);
	struct program_fds fds = {.exe = exe, .null = null};
	pid_t parent = getpid();
	int pipe_fds[2];
	int status = 0;
	ssize_t n;
	pid_t pid;
	int r;

	text[0] = '\0';
	if (null < 0 || exe < 0 || pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	fds.output = pipe_fds[1];
	pid = plain_fork();
	if (pid == 0) {
		tie_to_parent(parent);
		execute_and_wait(path, argv, id, &fds);
	}
	close(pipe_fds[1]);
	if (pid < 0) {
		close(pipe_fds[0]);
		return -errno;
	}
	n = collect(pipe_fds[0], text, room - 1);
	close(pipe_fds[0]);
	if (n < 0)
		kill(pid, SIGKILL);
	text[n > 0 ? n : 0] = '\0';
	r = wait_for(pid, &status);
	if (n < 0 || r < 0)
		return n < 0 ? (int)n : r;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
