/* SPDX-License-Identifier: Apache-2.0 */
/* A network namespace takes the kernel longer to make than all the others together, and nothing of
 * the root's making needs it. So a process beside the jail's first one makes it meanwhile, which
 * has the user namespace in common with it, and the first one enters it before any other process
 * is there.
 *
 * The helper shares the memory and the descriptors of the first process, which is all that has to
 * be handed over. It writes nothing but its answer: errno is shared as well. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux/init/native_parts.h"
#include "linux/init/process.h"

static char stack[4096] __attribute__((aligned(16)));

/* The answer is left alone until it is right. A failure's number is the exit status: that of errno
 * is the first process's. */
static int make(void *data)
{
	struct native_network *network = data;
	long fd;

	if (unshare(CLONE_NEWNET) < 0)
		_exit(errno);
	/* By the host's /proc, which knows this process as well. */
	fd = syscall(SYS_openat, AT_FDCWD, "/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		_exit(errno);
	network->fd = (int)fd;
	_exit(0);
}

int native_network_start(struct native_network *network, struct failure *failure)
{
	network->fd = -1;
	/* No signal tells its end, as it is waited for. */
	network->maker = clone(make, stack + sizeof(stack), CLONE_VM | CLONE_FILES, network);
	if (network->maker < 0)
		return failure_set(failure, errno, "namespaces", "a maker of the network");
	return 0;
}

/* So that the worker is the second process of its namespace, as with any other backend. A kernel
 * that does not give its numbers away has it be the third. */
static void forget_maker(void)
{
	write_small_file(AT_FDCWD, "/proc/sys/kernel/ns_last_pid", "1");
}

int native_network_join(struct native_network *network, struct failure *failure)
{
	int status = 0;

	if (network->maker == 0)
		return 0;
	while (waitpid(network->maker, &status, __WALL) < 0)
		if (errno != EINTR)
			return failure_set(failure, errno, "namespaces", "the network's maker");
	network->maker = 0;
	forget_maker();
	if (network->fd < 0)
		return failure_set(failure, WIFEXITED(status) ? WEXITSTATUS(status) : ECANCELED,
			"namespaces", "a network");
	if (setns(network->fd, CLONE_NEWNET) < 0)
		return failure_set(failure, errno, "namespaces", "entering the network");
	close(network->fd);
	network->fd = -1;
	return 0;
}
