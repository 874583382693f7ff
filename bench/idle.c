/* SPDX-License-Identifier: Apache-2.0 */
/* Workers that nobody uses: in warm slots, and the same without a jail, whose memory is what a slot
 * is not to blame for. */
#include "workers.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define INSTANCES 250
#define MAX_PLAIN 2048

static ks_workers *held;
static struct {
	pid_t pid;
	int fds[3];
} plain[MAX_PLAIN];
static unsigned n_plain;

static int allow_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -errno;
	limit.rlim_cur = limit.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -errno : 0;
}

/* As many loans at once as workers are wanted, at most all slots. */
static int fill(ks_workers *workers, const char *tool, unsigned count, const char **ret_reason)
{
	static ks_worker *loans[INSTANCES];
	ks_error *error = NULL;
	unsigned n = 0;
	int r = 0;

	for (; r == 0 && n < count && n < INSTANCES; n += r == 0)
		r = ks_workers_acquire(workers, tool, NULL, &loans[n], &error);
	while (n)
		ks_worker_release(loans[--n]);
	return r < 0 ? jail_fail(r, error, "a slot cannot be filled", ret_reason) : 0;
}

int warm_hold(const struct bench *bench, const struct request *request, unsigned count,
	const char **ret_reason)
{
	const struct workers_wanted wanted = {
		.tools = (count + INSTANCES - 1) / INSTANCES, .instances = INSTANCES};
	char tool[16];
	int r = allow_descriptors();

	*ret_reason = "the limit of descriptors cannot be raised";
	if (r == 0)
		r = workers_new(bench, request, &wanted, &held, ret_reason);
	for (unsigned i = 0; r == 0 && i < wanted.tools; i++) {
		snprintf(tool, sizeof(tool), "t%u", i);
		r = fill(held, tool, count - i * INSTANCES, ret_reason);
	}
	return r;
}

static int start_plain(const struct request *request)
{
	char *const argv[] = {(char *)request->program, NULL};
	char *const environment[] = {NULL};
	int pipes[3][2];
	pid_t pid;

	for (int i = 0; i < 3; i++)
		if (pipe(pipes[i]) < 0)
			return -errno;
	pid = fork();
	if (pid == 0) {
		dup2(pipes[0][0], 0);
		dup2(pipes[1][1], 1);
		dup2(pipes[2][1], 2);
		close_range(3, ~0u, 0);
		execve(request->program, argv, environment);
		_exit(127);
	}
	for (int i = 0; i < 3; i++) {
		close(pipes[i][i ? 1 : 0]);
		plain[n_plain].fds[i] = pipes[i][i ? 0 : 1];
	}
	plain[n_plain].pid = pid;
	n_plain += pid > 0;
	return pid < 0 ? -errno : 0;
}

int plain_hold(const struct bench *bench, const struct request *request, unsigned count,
	const char **ret_reason)
{
	int r = allow_descriptors();

	(void)bench;
	*ret_reason = "the plain workers cannot be started";
	while (r == 0 && n_plain < count && n_plain < MAX_PLAIN)
		r = start_plain(request);
	return r;
}

void idle_drop(void)
{
	ks_workers_free(held);
	held = NULL;
	while (n_plain) {
		n_plain--;
		kill(plain[n_plain].pid, SIGKILL);
		waitpid(plain[n_plain].pid, NULL, 0);
		for (int i = 0; i < 3; i++)
			close(plain[n_plain].fds[i]);
	}
}
