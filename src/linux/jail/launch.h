/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a program with exactly the descriptors it is meant to have. */
#ifndef KS_LINUX_JAIL_LAUNCH_H
#define KS_LINUX_JAIL_LAUNCH_H

#include <stddef.h>
#include <sys/types.h>

#define LAUNCH_MAX_SLOTS 640

/* The caller's descriptor fd becomes the child's descriptor slot. */
struct launch_slot {
	int slot;
	int fd;
};

struct launch {
	struct launch_slot slots[LAUNCH_MAX_SLOTS];
	size_t n_slots;
	int exe; /* slot of the program itself, executed by descriptor */
	const char **argv; /* the environment is empty */
};

/* 0, or -E2BIG. A negative fd is left out: the slot stays closed. */
int launch_add(struct launch *launch, int slot, int fd);

/* vfork and exec: only the slots are open in the child, all signals are blocked in it, and the
 * caller's memory is not copied however large it is. Returns 0 with the pid and a pidfd
 * (close-on-exec), or -errno; then there is no child. Thread-safe. */
int launch_run(const struct launch *launch, pid_t *ret_pid, int *ret_pidfd);

#endif
