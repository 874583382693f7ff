/* SPDX-License-Identifier: Apache-2.0 */
/* Two things take the kernel long, and nothing of the jail's making needs them: a network namespace
 * takes longer to make than all the others together, and of a root that is left the kernel waits
 * until no processor is looking at it any more. So a thread beside the jail's first process does
 * the one while the root is made, and the other while the worker confines itself. The first process
 * enters the network before any other process is there, and the worker waits for the thread's end
 * before it executes the program.
 *
 * The thread shares the memory and the descriptors of the first process, which is all that has to
 * be handed over, and what it does counts as done by that one; its root and working directory are
 * its own. It writes nothing but its answer. errno is shared as well, so what fails and does no
 * harm may not write it; what ends the jail may. */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "linux/control.h"
#include "linux/init/native_parts.h"
#include "linux/init/process.h"
#include "linux/init/raw.h"

/* clone(2) under the name of which a C library expects that the caller knows what a thread is. */
int __clone(int (*run)(void *), void *stack, int flags, void *data, ...);

#define LAST_PID "/proc/sys/kernel/ns_last_pid"

static char stack[32768] __attribute__((aligned(16))); /* what is not touched costs nothing */

/* What the thread has come to. The kernel itself writes its end. */
enum { ENDED, MAKING, MADE };

static struct {
	bool started;
	uint32_t state;
	uint32_t left; /* 1: the new root is entered, and the old one to be let go of */
	int network; /* from MADE on; -1: the caller's is kept */
	const struct spec *spec;
	bool done; /* all of it */
	struct failure failure; /* code 0: none */
} beside;

/* Looks again now and then, so that a word that was lost costs no more than that. */
static void await_change(uint32_t *word, uint32_t from)
{
	const struct timespec pause = {.tv_nsec = 100000000};

	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == from)
		raw_call(SYS_futex, (long)word, FUTEX_WAIT, from, (long)&pause, 0, 0);
}

static void change(uint32_t *word, uint32_t to)
{
	__atomic_store_n(word, to, __ATOMIC_RELEASE);
	raw_call(SYS_futex, (long)word, FUTEX_WAKE, 1, 0, 0, 0);
}

/* It lies over the new one, which is the root of this thread as well. */
static int let_go(struct failure *failure)
{
	int r = (int)raw_call(SYS_chdir, (long)"/", 0, 0, 0, 0, 0);

	if (r == 0)
		r = (int)raw_call(SYS_umount2, (long)".", MNT_DETACH, 0, 0, 0, 0);
	return r < 0 ? failure_set(failure, -r, "pivot", "the old root") : 0;
}

static int work(void *unused)
{
	(void)unused;
	if (!(spec_flags(beside.spec) & SPEC_FLAG_HOST_NETWORK) &&
		native_network_make(beside.spec, &beside.network, &beside.failure) < 0)
		return 0;
	change(&beside.state, MADE);
	await_change(&beside.left, 0);
	if (let_go(&beside.failure) == 0)
		beside.done = true;
	/* The C library ends it with the call of a thread's end. */
	return 0;
}

/* So that the worker is the second process of its namespace, as with any other backend: the thread
 * has a number out of the way. A kernel that does not give its numbers away has it be the third. */
static int next_number_follows(const char *last)
{
	return write_small_file(AT_FDCWD, LAST_PID, last);
}

int native_beside_start(const struct spec *spec, struct failure *failure)
{
	const int flags = CLONE_VM | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			  CLONE_CHILD_CLEARTID;
	void *const no_number = NULL;
	void *const no_thread_area = NULL;
	bool numbered;
	int code;

	beside.state = MAKING;
	beside.network = -1;
	beside.spec = spec;
	/* While that can be written. */
	numbered = next_number_follows("299") == 0;
	beside.started = __clone(work, stack + sizeof(stack), flags, NULL, no_number,
				 no_thread_area, &beside.state) >= 0;
	code = errno;
	if (!beside.started)
		return failure_set(failure, code, "namespaces", "a thread beside");
	if (numbered && next_number_follows("1") < 0)
		return failure_set(failure, EPERM, "namespaces", LAST_PID);
	return 0;
}

static int failed(const char *what, struct failure *failure)
{
	if (!beside.failure.code)
		return failure_set(failure, ECANCELED, "namespaces", what);
	*failure = beside.failure;
	return -failure->code;
}

int native_beside_join_network(struct failure *failure)
{
	if (!beside.started)
		return 0;
	await_change(&beside.state, MAKING);
	if (__atomic_load_n(&beside.state, __ATOMIC_ACQUIRE) == ENDED && !beside.done)
		return failed("a network", failure);
	if (beside.network < 0)
		return 0;
	if (setns(beside.network, CLONE_NEWNET) < 0)
		return failure_set(failure, errno, "namespaces", "entering the network");
	/* Of the other kind init keeps the mark. */
	if (beside.network != SLOT_EGRESS)
		close(beside.network);
	return 0;
}

void native_beside_leave_root(void)
{
	change(&beside.left, 1);
}

int native_beside_await(struct failure *failure)
{
	if (!beside.started)
		return 0;
	await_change(&beside.state, MAKING);
	await_change(&beside.state, MADE);
	return beside.done ? 0 : failed("the old root", failure);
}
