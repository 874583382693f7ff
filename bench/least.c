/* SPDX-License-Identifier: Apache-2.0 */
/* The least jails, from the calling process: groups, a child that becomes the program, its end. */
#include "least.h"

#include "bench.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK_SIZE 65536
#define NAMESPACES \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

static char stack[STACK_SIZE] __attribute__((aligned(16)));

static int reap(pid_t pid, const char **ret_reason)
{
	int status;

	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	*ret_reason = "the least jail cannot be made here, or its program failed";
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ECHILD;
}

static int child(void *data)
{
	struct least_jail *jail = data;
	int network = -1;
	int maker = least_start_network(&network);

	least_map("/proc/self", jail->uid);
	least_root(jail);
	least_enter_network(maker, &network);
	least_pivot();
	least_execute(jail);
}

static struct least_jail jail_of(const struct bench *bench, const struct request *request)
{
	return (struct least_jail){.place = bench->place,
		.program = request->program,
		.uid = geteuid(),
		.filter = least_filter(),
		.grants = {-1, -1}};
}

/* The child has the caller's memory until the exec, as the floor's, so that no page table is
 * copied; and its descriptors. It clears *running when it leaves that memory. */
static pid_t start(struct least_jail *jail, uint32_t *running)
{
	*running = 1;
	return clone(child, stack + STACK_SIZE,
		NAMESPACES | CLONE_VM | CLONE_FILES | CLONE_CHILD_CLEARTID | SIGCHLD, jail, NULL,
		NULL, running);
}

static int let_join(struct least_jail *jail, pid_t pid, const char **ret_reason)
{
	int r = least_make_groups(jail->groups);

	if (r < 0) {
		*ret_reason = "no control groups of version 1 can be made here";
		if (pid > 0)
			kill(pid, SIGKILL);
	}
	return r;
}

static void wait_for_exec(const uint32_t *running)
{
	while (__atomic_load_n(running, __ATOMIC_ACQUIRE))
		syscall(SYS_futex, running, FUTEX_WAIT, 1, NULL, NULL, 0);
}

static int end(int r, pid_t pid, const struct least_jail *jail, const char **ret_reason)
{
	const char *ignored;
	int ended = reap(pid, r < 0 ? &ignored : ret_reason);

	if (r < 0)
		return r;
	least_close_groups(jail->groups);
	least_remove_groups();
	return ended;
}

/* From the step before the exec; begin: when the time began. */
static int execute(struct least_jail *jail, pid_t pid, int r, const uint32_t *running,
	uint64_t begin, struct timing *ret_timing, const char **ret_reason)
{
	least_wake(&jail->step, LEAST_EXECUTE);
	wait_for_exec(running);
	ret_timing->spawn_ns = bench_now() - begin;
	r = end(r, pid, jail, ret_reason);
	ret_timing->total_ns = bench_now() - begin;
	return r;
}

int run_least(const struct bench *bench, const struct request *request, struct timing *ret_timing,
	const char **ret_reason)
{
	struct least_jail jail = jail_of(bench, request);
	uint64_t begin = bench_now();
	uint32_t running;
	pid_t pid = start(&jail, &running);
	int r;

	*ret_reason = "this host forbids the namespaces";
	if (pid < 0)
		return -errno;
	r = let_join(&jail, pid, ret_reason);
	return execute(&jail, pid, r, &running, begin, ret_timing, ret_reason);
}

/* Everything is in force before the time begins. What remains is the exec, the program, and the end
 * of a jail that serves once. */
int run_least_prepared(const struct bench *bench, const struct request *request,
	struct timing *ret_timing, const char **ret_reason)
{
	struct least_jail jail = jail_of(bench, request);
	uint32_t running;
	pid_t pid = start(&jail, &running);
	int r;

	*ret_reason = "this host forbids the namespaces";
	if (pid < 0)
		return -errno;
	r = let_join(&jail, pid, ret_reason);
	least_wake(&jail.step, LEAST_JOIN);
	while (r == 0 && __atomic_load_n(&running, __ATOMIC_ACQUIRE) &&
		!__atomic_load_n(&jail.armed, __ATOMIC_ACQUIRE))
		usleep(100); /* nothing is timed yet, and it may have failed */
	usleep(200);
	return execute(&jail, pid, r, &running, bench_now(), ret_timing, ret_reason);
}

static _Noreturn void execute_monitor(const struct least_jail *jail, const char *monitor, int own)
{
	char *const argv[] = {
		(char *)"least-monitor", (char *)jail->place, (char *)jail->program, NULL};

	least_must(dup2(own, 3));
	least_must(syscall(SYS_close_range, 4, ~0u, 0));
	execv(monitor, argv);
	_exit(127);
}

/* The program beside this one. */
static const char *monitor_path(void)
{
	static char path[512];
	ssize_t len = path[0] ? 0 : readlink("/proc/self/exe", path, sizeof(path) - 32);

	if (len > 0) {
		path[len] = '\0';
		memcpy(strrchr(path, '/'), "/least-monitor", sizeof("/least-monitor"));
	}
	return path;
}

static int send_groups(int to, const int tasks[LEAST_GROUPS])
{
	union {
		char room[CMSG_SPACE(sizeof(int[LEAST_GROUPS]))];
		struct cmsghdr align;
	} control = {{0}};
	struct iovec text = {(void *)"", 1};
	struct msghdr message = {.msg_iov = &text,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int[LEAST_GROUPS]));
	memcpy(CMSG_DATA(head), tasks, sizeof(int[LEAST_GROUPS]));
	return sendmsg(to, &message, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

/* The groups go while the kernel takes the jail apart; nothing is left when the monitor is reaped.
 */
int run_least_safe(const struct bench *bench, const struct request *request,
	struct timing *ret_timing, const char **ret_reason)
{
	struct least_jail jail = jail_of(bench, request);
	const char *monitor = monitor_path();
	uint64_t begin = bench_now();
	int pair[2], r;
	char word;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	pid = vfork();
	if (pid == 0)
		execute_monitor(&jail, monitor, pair[1]);
	close(pair[1]);
	r = let_join(&jail, pid, ret_reason);
	if (r == 0)
		r = send_groups(pair[0], jail.groups);
	if (r == 0 && read(pair[0], &word, 1) == 1) {
		ret_timing->spawn_ns = bench_now() - begin;
		(void)!read(pair[0], &word, 1);
	}
	least_close_groups(jail.groups);
	least_remove_groups();
	close(pair[0]);
	r = r < 0 ? r : reap(pid, ret_reason);
	ret_timing->total_ns = bench_now() - begin;
	return r;
}
