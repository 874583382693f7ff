/* SPDX-License-Identifier: Apache-2.0 */
/* Spawns without kastellan: the bare one, the floor below every jail that has namespaces, and whole
 * commands. */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK_SIZE 65536

static char *const no_environment[] = {NULL};

static int reap(pid_t pid, const char **ret_reason)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	*ret_reason = "the program ended with another status than 0";
	return -ECHILD;
}

/* Of a program that runs by now. */
static int finish(pid_t pid, uint64_t start, struct timing *ret_timing, const char **ret_reason)
{
	int r;

	ret_timing->spawn_ns = bench_now() - start;
	r = reap(pid, ret_reason);
	ret_timing->total_ns = bench_now() - start;
	return r;
}

int run_bare(const struct bench *bench, const struct request *request, struct timing *ret_timing,
	const char **ret_reason)
{
	char *const argv[] = {(char *)request->target, NULL};
	uint64_t start = bench_now();
	pid_t pid = vfork();

	(void)bench;
	if (pid == 0) {
		execve(request->program, argv, no_environment);
		_exit(127);
	}
	*ret_reason = "vfork failed";
	return pid < 0 ? -errno : finish(pid, start, ret_timing, ret_reason);
}

static int floor_child(void *data)
{
	const struct request *request = data;
	char *const argv[] = {(char *)request->target, NULL};

	execve(request->program, argv, no_environment);
	_exit(127);
}

/* Shares the caller's memory until the exec, as vfork does, so that no page table is copied. */
int run_floor(const struct bench *bench, const struct request *request, struct timing *ret_timing,
	const char **ret_reason)
{
	static _Thread_local char stack[STACK_SIZE] __attribute__((aligned(16)));
	const int flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
			  CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_VM | CLONE_VFORK | SIGCHLD;
	uint64_t start = bench_now();
	pid_t pid = clone(floor_child, stack + STACK_SIZE, flags, (void *)request);

	(void)bench;
	*ret_reason = "this host forbids the namespaces";
	return pid < 0 ? -errno : finish(pid, start, ret_timing, ret_reason);
}

static char **find_command(const struct bench *bench, const char *name)
{
	for (size_t i = 0; i < bench->n_commands; i++)
		if (strcmp(bench->commands[i].items[0], name) == 0)
			return bench->commands[i].items + 1;
	return NULL;
}

/* Not /dev/null: "runsc do" makes what it gets as its streams the property of nobody. */
static int own_stream(void)
{
	static int stream = -1;

	if (stream < 0)
		stream = memfd_create("bench", MFD_CLOEXEC);
	return stream;
}

int run_command(const struct bench *bench, const struct request *request, struct timing *ret_timing,
	const char **ret_reason)
{
	char **argv = find_command(bench, request->target);
	posix_spawn_file_actions_t streams;
	uint64_t start;
	pid_t pid;
	int r;

	*ret_reason = "no such command";
	if (!argv)
		return -ENOENT;
	*ret_reason = "no stream for the command";
	if (own_stream() < 0)
		return -errno;
	posix_spawn_file_actions_init(&streams);
	for (int fd = 0; fd < 3; fd++)
		posix_spawn_file_actions_adddup2(&streams, own_stream(), fd);
	*ret_reason = "the command cannot be started";
	start = bench_now();
	r = -posix_spawnp(&pid, argv[0], &streams, NULL, argv, environ);
	ret_timing->spawn_ns = bench_now() - start;
	if (r == 0)
		r = reap(pid, ret_reason);
	ret_timing->total_ns = bench_now() - start;
	posix_spawn_file_actions_destroy(&streams);
	return r;
}
