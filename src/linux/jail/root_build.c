/* SPDX-License-Identifier: Apache-2.0 */
/* By the code that makes the root of a jail from within, in a child that has memory and descriptors
 * in common with the caller, but not its working directory and umask. Between its clone and its end
 * the caller waits: system calls only. */
#include "linux/jail/root_build.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux/init/native_parts.h"

#define STACK 65536

/* clone(2) under the name that ThreadSanitizer does not take for fork(): behind a fork it no longer
 * sees what the caller's locks order. */
int __clone(int (*run)(void *), void *stack, int flags, void *data, ...);

struct order {
	const struct spec_writer *mounts;
	int result;
};

struct spec_mount *root_next_mount(const struct spec_writer *mounts, size_t *cursor)
{
	size_t at = *cursor ? *cursor : sizeof(struct spec_header);
	struct spec_record *record = (struct spec_record *)(mounts->text.data + at);

	if (at >= mounts->text.len)
		return NULL;
	*cursor = at + sizeof(*record) + ((size_t)record->len + 7) / 8 * 8;
	return (struct spec_mount *)(record + 1);
}

static int build(const struct spec_writer *mounts, struct native_root *root)
{
	struct spec_mount *mount;
	struct failure failure;
	size_t cursor = 0;
	int r = root_new(root, &failure);

	while (r == 0 && (mount = root_next_mount(mounts, &cursor)))
		r = mount_one(root, mount, &failure);
	return r < 0 ? r : root_seal(root, &failure);
}

static int child(void *data)
{
	struct native_root root = root_none(ROOT_SHARED);
	struct order *order = data;

	umask(022);
	order->result = build(order->mounts, &root);
	if (order->result == 0) {
		order->result = root.fd;
		root.fd = -1;
	}
	root_close(&root);
	/* Not by _exit(), where a sanitizer tidies a stack that it takes for the caller's. */
	return 0;
}

int root_build_shared(const struct spec_writer *mounts)
{
	struct order order = {.mounts = mounts, .result = -ECANCELED};
	sigset_t all, saved;
	char *stack;
	pid_t pid;
	int code;

	stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK,
		-1, 0);
	if (stack == MAP_FAILED)
		return -errno;
	/* No handler may run in the child, whose memory is the caller's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &saved);
	pid = __clone(child, stack + STACK, CLONE_VM | CLONE_VFORK | CLONE_FILES, &order);
	code = errno;
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
	/* A child without a signal is nobody else's to wait for. */
	while (pid > 0 && waitpid(pid, NULL, __WCLONE) < 0 && errno == EINTR)
		;
	munmap(stack, STACK);
	return pid < 0 ? -code : order.result;
}
