/* SPDX-License-Identifier: Apache-2.0 */
/* The least that an allowlist costs: what the kernel takes for the network of one (the loopback,
 * routes, the rules that divert, four sockets that are handed over), by the very calls of
 * kastellan-init, and beside it one more program that is started, which does nothing. The namespace
 * is there before, as every jail has one. What a proxy has to do besides, to be told its list and
 * to be confined, is left out. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "linux/control.h"
#include "linux/init/network.h"

/* One word of the caller's: go. One of ours before: there is a namespace; and one behind: all of it
 * is made. */
static _Noreturn void make_network(int caller, int proxy)
{
	static const uint16_t port = 443;
	static struct spec spec; /* of this child's memory alone; an allowlist's one port */
	struct failure failure;
	char word = 0;

	spec.ports = &port;
	spec.n_ports = 1;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0 || dup2(proxy, SLOT_EGRESS) < 0 ||
		write(caller, &word, 1) != 1 || read(caller, &word, 1) != 1 ||
		network_open(&spec, &failure) < 0 || write(caller, &word, 1) != 1)
		_exit(1);
	/* The kernel's time to take it apart is a jail's own, and comes with the jail's end. */
	_exit(read(caller, &word, 1) == 1);
}

static pid_t start_program(const char *program)
{
	char *const argv[] = {(char *)"proxy", NULL};
	char *const no_environment[] = {NULL};
	pid_t pid = vfork();

	if (pid == 0) {
		execve(program, argv, no_environment);
		_exit(127);
	}
	return pid;
}

static int reap(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ECHILD;
}

static int time_both(int child, const char *program, struct timing *ret_timing)
{
	uint64_t begin;
	char word = 0;
	pid_t pid;

	if (read(child, &word, 1) != 1)
		return -ECHILD;
	begin = bench_now();
	if (write(child, &word, 1) != 1)
		return -EPIPE;
	pid = start_program(program);
	if (pid < 0)
		return -errno;
	if (read(child, &word, 1) != 1) {
		reap(pid);
		return -ECHILD;
	}
	ret_timing->spawn_ns = bench_now() - begin;
	if (reap(pid) < 0)
		return -ECHILD;
	ret_timing->total_ns = bench_now() - begin;
	return 0;
}

int run_least_network(const struct bench *bench, const struct request *request,
	struct timing *ret_timing, const char **ret_reason)
{
	int way[2], proxy[2], r, ended;
	pid_t pid;

	(void)bench;
	*ret_reason = "the network of an allowlist cannot be made here";
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, way) < 0)
		return -errno;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, proxy) < 0) {
		close(way[0]);
		close(way[1]);
		return -errno;
	}
	pid = fork();
	if (pid == 0) {
		close(way[0]);
		make_network(way[1], proxy[1]);
	}
	close(way[1]);
	r = pid < 0 ? -EAGAIN : time_both(way[0], request->program, ret_timing);
	close(way[0]);
	ended = pid < 0 ? 0 : reap(pid);
	close(proxy[0]);
	close(proxy[1]);
	return r < 0 ? r : ended;
}
