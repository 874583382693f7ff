/* SPDX-License-Identifier: Apache-2.0 */
/* Control groups by hand, for hosts that a unit test does not see (guests with systemd, version 2):
 *
 *   cgroup_tool probe              what this caller can use, one "key=value" a line
 *   cgroup_tool hog MIB LIMIT      touches MIB under a limit of LIMIT
 *   cgroup_tool forks N LIMIT      keeps N processes under a limit of LIMIT
 *   cgroup_tool spin MS PERCENT    burns CPU for MS under a quota
 *   cgroup_tool sleep SECONDS      prints the directories, and waits
 *
 * All but probe make a group as the library does, start a worker in it, and print what became of
 * both. Exit status: 0 = the group was made and is gone again, 1 = not, 77 = nothing can be made.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "linux/cgroup/cgroup.h"
#include "linux/cgroup/probe.h"

struct worker {
	const char *act;
	uint64_t amount;
};

static void say_facts(const struct host_cgroup *facts)
{
	static const char *const managers[] = {"none", "v1", "v2", "scope"};

	printf("manager=%s\n", managers[facts->manager]);
	printf("v1_memory=%s\nv1_pids=%s\nv1_cpu=%s\nv1_cpuacct=%s\nv2_base=%s\n",
		facts->v1_memory ? facts->v1_memory : "", facts->v1_pids ? facts->v1_pids : "",
		facts->v1_cpu ? facts->v1_cpu : "", facts->v1_cpuacct ? facts->v1_cpuacct : "",
		facts->v2_base ? facts->v2_base : "");
	printf("scope_system=%d\nmemory=%d\nswap=%d\ntasks=%d\ncpu_quota=%d\ncpu_time=%d\n",
		facts->scope_system, facts->memory, facts->swap, facts->tasks, facts->cpu_quota,
		facts->cpu_time);
	printf("reason=%s\n", facts->reason ? facts->reason : "");
}

static int64_t now_msec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void hog(uint64_t mib)
{
	for (uint64_t i = 0; i < mib; i++) {
		char *part = mmap(
			NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (part == MAP_FAILED)
			_exit(3);
		memset(part, 1, 1 << 20);
	}
	_exit(0);
}

/* The exit status is the number of processes that could be had, this one included. */
static void forks(uint64_t n)
{
	for (uint64_t i = 1; i < n; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			pause();
			_exit(0);
		}
		if (pid < 0)
			_exit((int)i);
	}
	_exit((int)n);
}

static void spin(uint64_t msec)
{
	int64_t end = now_msec() + (int64_t)msec;

	while (now_msec() < end)
		;
	_exit(0);
}

static void be_worker(const struct worker *worker, const int *fds, int n_fds)
{
	for (int i = 0; i < n_fds; i++)
		if (write(fds[i], "0", 1) != 1)
			_exit(100 + errno);
	if (strcmp(worker->act, "hog") == 0)
		hog(worker->amount);
	if (strcmp(worker->act, "forks") == 0)
		forks(worker->amount);
	if (strcmp(worker->act, "spin") == 0)
		spin(worker->amount);
	sleep((unsigned)worker->amount);
	_exit(0);
}

union fds_message {
	struct cmsghdr header;
	char space[CMSG_SPACE(CGROUP_MAX_JOIN * sizeof(int))];
};

static int send_fds(int socket, const int *fds, int n)
{
	union fds_message control = {0};
	char byte = 0;
	struct iovec part = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE((size_t)n * sizeof(int))};

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN((size_t)n * sizeof(int));
	memcpy(CMSG_DATA(&control.header), fds, (size_t)n * sizeof(int));
	return sendmsg(socket, &message, 0) == 1 ? 0 : -errno;
}

static int receive_fds(int socket, int *fds)
{
	union fds_message control;
	char byte;
	struct iovec part = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};

	if (recvmsg(socket, &message, 0) != 1 || message.msg_controllen < sizeof(struct cmsghdr))
		return -1;
	memcpy(fds, CMSG_DATA(&control.header), control.header.cmsg_len - CMSG_LEN(0));
	return (int)((control.header.cmsg_len - CMSG_LEN(0)) / sizeof(int));
}

/* As in a jail: monitor, init and worker; only the worker joins, with descriptors that another
 * process opened. Init exists before the group does. */
static void be_monitor(const struct worker *worker, int socket)
{
	int fds[CGROUP_MAX_JOIN];
	int status = -1;
	pid_t init = fork();
	pid_t pid;
	int n;

	if (init > 0) {
		waitpid(init, NULL, 0);
		pause();
	}
	n = receive_fds(socket, fds);
	if (n < 0)
		_exit(1);
	pid = fork();
	if (pid == 0)
		be_worker(worker, fds, n);
	waitpid(pid, &status, 0);
	if (write(socket, &status, sizeof(status)) != sizeof(status))
		_exit(1);
	_exit(0);
}

static void say_usage(const struct cgroup_usage *usage)
{
	printf("cpu_usec=%" PRIu64 "\nmemory_peak=%" PRIu64 "\n", usage->cpu_usec,
		usage->memory_peak_bytes);
	printf("tasks=%" PRIu64 "\ntasks_peak=%" PRIu64 "\noom_kills=%" PRIu64
	       "\ntasks_refused=%" PRIu64 "\n",
		usage->tasks, usage->tasks_peak, usage->oom_kills, usage->tasks_refused);
}

static void say_error(const ks_error *error)
{
	fprintf(stderr, "error=%s\nremedy=%s\n", error ? ks_error_message(error) : "(no memory)",
		error && ks_error_remedy(error) ? ks_error_remedy(error) : "");
}

/* Waits for the worker's end and for a memory event along the way. */
static void follow(struct cgroup *group, int answers)
{
	struct pollfd fds[2] = {{.fd = answers, .events = POLLIN}};
	uint32_t events = 0;
	int seen = 0;
	int status = 0;

	fds[1].fd = cgroup_event_fd(group, &events);
	fds[1].events = (short)events;
	while (poll(fds, 2, 60000) > 0) {
		if (fds[1].revents) {
			seen++;
			cgroup_event_clear(group);
		}
		if (fds[0].revents)
			break;
	}
	if (read(answers, &status, sizeof(status)) != sizeof(status)) {
		printf("worker=unknown\n");
		return;
	}
	printf("event_fd=%d\nevents=%d\n", fds[1].fd >= 0, seen);
	printf("exit=%d\nsignal=%d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1,
		WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

static int let_run(struct cgroup *group, int socket, struct strv *directories)
{
	int fds[CGROUP_MAX_JOIN];
	struct cgroup_usage usage;
	int r = cgroup_directories(group, directories);

	for (size_t i = 0; i < directories->len; i++)
		printf("directory=%s\n", directories->items[i]);
	fflush(stdout);
	if (r == 0)
		r = send_fds(socket, fds, cgroup_join_fds(group, fds));
	if (r < 0)
		return r;
	follow(group, socket);
	r = cgroup_usage(group, &usage);
	if (r == 0)
		say_usage(&usage);
	return r;
}

static int run(struct cgroup *group, const struct cgroup_limits *limits, struct worker *worker)
{
	ks_error *error = NULL;
	struct strv directories = {0};
	int sockets[2];
	pid_t monitor;
	int r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return 1;
	monitor = fork();
	if (monitor == 0) {
		close(sockets[0]);
		be_monitor(worker, sockets[1]);
	}
	close(sockets[1]);
	r = cgroup_create(group, limits, monitor, &error);
	if (r == 0)
		r = let_run(group, sockets[0], &directories);
	else
		say_error(error);
	/* What a service manager makes of the worker's end takes it a moment. */
	usleep(300000);
	printf("kill=%d\n", cgroup_kill(group));
	printf("remove=%d\n", cgroup_remove(group));
	printf("monitor=%s\n", waitpid(monitor, NULL, WNOHANG) == 0 ? "alive" : "gone");
	close(sockets[0]);
	kill(monitor, SIGKILL);
	waitpid(monitor, NULL, 0);
	for (size_t i = 0; i < directories.len; i++)
		if (access(directories.items[i], F_OK) == 0) {
			printf("left=%s\n", directories.items[i]);
			r = 1;
		}
	strv_done(&directories);
	ks_error_free(error);
	return r ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct cgroup_limits limits = {CGROUP_NO_LIMIT, CGROUP_NO_LIMIT, CGROUP_NO_LIMIT};
	struct host_cgroup facts = {0};
	struct cgroup *group = NULL;
	struct worker worker = {.act = argc > 1 ? argv[1] : "probe"};
	uint64_t limit = argc > 3 ? strtoull(argv[3], NULL, 10) : CGROUP_NO_LIMIT;
	ks_error *error = NULL;
	int r;

	if (argc > 2)
		worker.amount = strtoull(argv[2], NULL, 10);
	if (cgroup_probe(true, &facts) < 0)
		return 1;
	if (strcmp(worker.act, "probe") == 0) {
		say_facts(&facts);
		r = facts.manager == CGROUP_NONE ? 77 : 0;
		cgroup_facts_done(&facts);
		return r;
	}
	if (strcmp(worker.act, "hog") == 0 && limit != CGROUP_NO_LIMIT)
		limits.memory_bytes = limit << 20;
	if (strcmp(worker.act, "forks") == 0)
		limits.tasks = limit;
	if (strcmp(worker.act, "spin") == 0)
		limits.cpu_quota_pct = limit;
	if (facts.reason)
		printf("reason=%s\n", facts.reason);
	r = cgroup_new(&facts, &group, &error);
	if (r < 0) {
		say_error(error);
		return 77;
	}
	r = run(group, &limits, &worker);
	cgroup_free(group);
	cgroup_facts_done(&facts);
	ks_error_free(error);
	return r;
}
