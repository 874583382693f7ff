/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a program with exactly the descriptors it is meant to have. */
#ifndef KS_LINUX_JAIL_LAUNCH_H
#define KS_LINUX_JAIL_LAUNCH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define LAUNCH_MAX_SLOTS 640
#define LAUNCH_STACK 8192

/* The caller's descriptor fd becomes the child's descriptor slot. */
struct launch_slot {
	int slot;
	int fd;
};

/* Not to be moved or freed between launch_start() and launch_await(). */
struct launch {
	struct launch_slot slots[LAUNCH_MAX_SLOTS];
	size_t n_slots;
	int exe; /* slot of the program itself, executed by descriptor */
	const char **argv; /* the environment is empty */
	/* The child's, until it executes the program or ends. */
	pid_t pid;
	uint32_t running; /* the kernel makes it 0 then */
	int failure; /* -errno */
	int sources[LAUNCH_MAX_SLOTS];
	char stack[LAUNCH_STACK] __attribute__((aligned(16)));
};

/* 0, or -E2BIG. A negative fd is left out: the slot stays closed. */
int launch_add(struct launch *launch, int slot, int fd);

/* Begins to execute the program, and does not wait for it: the caller goes on beside it. Only the
 * slots are open in the child, all signals are blocked in it, and the caller's memory is not copied
 * however large it is. The caller may close the descriptors at once. Returns 0 with the pid and a
 * pidfd (close-on-exec), or -errno; then there is no child. Thread-safe. */
int launch_start(struct launch *launch, pid_t *ret_pid, int *ret_pidfd);

/* Once after each launch_start(), by the same thread or another: waits until the program is
 * executed. Returns 0, or -errno where it cannot be; then the child is reaped. */
int launch_await(struct launch *launch);

/* Both. On failure there is neither child nor pidfd, and a pid of 0. */
int launch_run(struct launch *launch, pid_t *ret_pid, int *ret_pidfd);

#endif
