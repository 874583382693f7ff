/* SPDX-License-Identifier: Apache-2.0 */
/* A network namespace takes the kernel longer to make than all the others together, and nothing of
 * the root's making needs it. So a process beside the jail's first one makes it meanwhile, which
 * has the user namespace in common with it, and the first one enters it before any other process
 * is there. That one goes on as soon as there is a network; the helper's end, which takes the
 * kernel a while too, is waited for before init says that it is ready.
 *
 * The helper shares the memory and the descriptors of the first process, which is all that has to
 * be handed over. It writes nothing but its answer. errno is shared as well, so what fails and does
 * no harm may not write it; what ends the jail may. */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux/control.h"
#include "linux/init/native_parts.h"
#include "linux/init/network.h"
#include "linux/init/process.h"
#include "linux/init/raw.h"

static char stack[32768] __attribute__((aligned(16))); /* what is not touched costs nothing */

/* What the helper has come to. The kernel itself writes its end. */
enum { ENDED, MAKING, MADE };

static struct {
	pid_t pid; /* 0: none, or it has been waited for */
	uint32_t state;
	int network; /* from MADE on */
	const struct spec *spec;
	struct failure failure; /* code 0: none */
} helper;

/* By the host's /proc, which knows this process as well, or by the jail's. */
static int hold(struct failure *failure)
{
	int fd = raw_open(AT_FDCWD, "/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return failure_set(failure, -fd, "namespaces", "a network");
	helper.network = fd;
	return 0;
}

/* Nobody's filter allows a socket where the loopback stays down. */
static int make_network(const struct spec *spec, struct failure *failure)
{
	int r = (int)raw_call(SYS_unshare, CLONE_NEWNET, 0, 0, 0, 0, 0);

	if (r < 0)
		return failure_set(failure, -r, "namespaces", "a network");
	if (spec->ports) {
		helper.network = SLOT_EGRESS;
		return network_open(spec, failure);
	}
	if (spec_flags(spec) & SPEC_FLAG_LOOPBACK)
		r = network_loopback(failure);
	return r < 0 ? r : hold(failure);
}

static int make(void *unused)
{
	(void)unused;
	if (make_network(helper.spec, &helper.failure) < 0)
		_exit(1);
	__atomic_store_n(&helper.state, MADE, __ATOMIC_RELEASE);
	raw_call(SYS_futex, (long)&helper.state, FUTEX_WAKE, 1, 0, 0, 0);
	_exit(0);
}

/* So that the worker is the second process of its namespace, as with any other backend. A kernel
 * that does not give its numbers away has it be the third. */
static void forget_helper(void)
{
	write_small_file(AT_FDCWD, "/proc/sys/kernel/ns_last_pid", "1");
}

int native_network_start(const struct spec *spec, struct failure *failure)
{
	pid_t pid;

	helper.state = MAKING;
	helper.spec = spec;
	/* No signal tells its end, as it is waited for. */
	pid = clone(make, stack + sizeof(stack), CLONE_VM | CLONE_FILES | CLONE_CHILD_CLEARTID,
		NULL, NULL, NULL, &helper.state);
	if (pid < 0)
		return failure_set(failure, errno, "namespaces", "a maker of the network");
	helper.pid = pid;
	/* While that can be written. */
	forget_helper();
	return 0;
}

int native_network_reap(struct failure *failure)
{
	int status = 0;

	if (helper.pid == 0)
		return 0;
	while (waitpid(helper.pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return failure_set(failure, errno, "namespaces", "the network's maker");
	helper.pid = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (!helper.failure.code)
		return failure_set(failure, ECANCELED, "namespaces", "a network");
	*failure = helper.failure;
	return -failure->code;
}

int native_network_join(struct failure *failure)
{
	uint32_t state;
	int r;

	if (helper.pid == 0)
		return 0;
	while ((state = __atomic_load_n(&helper.state, __ATOMIC_ACQUIRE)) == MAKING)
		syscall(SYS_futex, &helper.state, FUTEX_WAIT, MAKING, NULL, NULL, 0);
	/* The end alone says nothing of how it ended. */
	if (state == ENDED) {
		r = native_network_reap(failure);
		if (r < 0)
			return r;
	}
	if (setns(helper.network, CLONE_NEWNET) < 0)
		return failure_set(failure, errno, "namespaces", "entering the network");
	/* Of the other kind init keeps the mark. */
	if (helper.network != SLOT_EGRESS)
		close(helper.network);
	return 0;
}
