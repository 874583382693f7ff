/* SPDX-License-Identifier: Apache-2.0 */
/* One descriptor that polls readable when one of a few others does, or when a time has come. Each
 * platform directory has its own, chosen by the build. */
#ifndef KS_SUPERVISE_WAITER_H
#define KS_SUPERVISE_WAITER_H

#include <stdint.h>

struct waiter {
	int fd; /* to be polled; -1 = none */
	int timer; /* where the timer is a descriptor of its own, else -1 */
};

#define WAITER_NONE ((struct waiter){-1, -1})

/* 0 or -errno; what has been opened by then is closed by waiter_close(). */
int waiter_make(struct waiter *waiter);

/* Polls fd, too, which stays its owner's. 0 or -errno. */
int waiter_add(const struct waiter *waiter, int fd);

/* The one time, by clock_usec(): NO_DEADLINE = none, one that has passed = at once. 0 or -errno. */
int waiter_set(const struct waiter *waiter, uint64_t usec);

/* Takes note of the time's having come, once: 1, or 0 where it has not. */
int waiter_fired(const struct waiter *waiter);

void waiter_close(struct waiter *waiter);

/* A pipe of which nothing is inherited. 0 or -errno. */
int pipe_make(int ret_ends[2]);

#endif
