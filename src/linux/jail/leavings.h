/* SPDX-License-Identifier: Apache-2.0 */
/* Monitors of jails that are over: no process of a worker is left, its groups are removed, and what
 * is still there, init and the monitor, ends by itself. Only the monitor's own end has to be taken
 * note of, and that need not be waited for by whoever wants the worker's outcome. */
#ifndef KS_LINUX_JAIL_LEAVINGS_H
#define KS_LINUX_JAIL_LEAVINGS_H

#include <stdbool.h>

/* So many are left to themselves at a time. */
#define LEAVINGS_MAX 64

/* Whether the process of a descriptor has ended, at the latest after so long; it is not reaped. */
bool leavings_ended(int pidfd, int patience_ms);

/* Takes the descriptor of a process that has been told to end. False: there are too many, and it
 * stays the caller's. Thread-safe. */
bool leavings_add(int pidfd);

/* Reaps those that have ended; wait: all, and ends what takes too long. Another thread's that is at
 * it is not waited for. Thread-safe. In a child of fork() it forgets what is its parent's. */
void leavings_reap(bool wait);

/* How many, since it was asked last, have given up waiting for a process to end. */
unsigned leavings_stuck(void);

#endif
