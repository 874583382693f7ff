/* SPDX-License-Identifier: Apache-2.0 */
/* The record of a worker: a file beside its directory that says which process it is. Its two
 * owners, the caller and the warden, hold it locked as long as either lives:
 *
 *   the warden writes it before the worker may begin, so that a caller whose warden is killed, at
 *   whatever moment, knows whom to end;
 *   where both are killed, the lock is gone, and the next start of the same user ends and removes
 *   what the record tells of.
 *
 * Whoever has removed all of a worker removes the record last. No worker can write it: nothing of
 * the directory around it is ever granted. */
#ifndef KS_MACOS_APPLY_RECORD_H
#define KS_MACOS_APPLY_RECORD_H

#include <stdbool.h>
#include <stdint.h>

struct record {
	uint64_t version;
	uint64_t machine; /* 1: the process is the command of a virtual machine */
	int64_t process; /* 0 = none has been made */
	uint64_t born; /* as the table of processes has it */
};

/* Makes it, locked. 0; -EAGAIN where somebody has taken it meanwhile, who will remove it: draw
 * another name; or -errno. */
int record_make(const char *path, bool machine, int *ret_fd);

/* Locks one that is there: 0, -EAGAIN where an owner lives, -EPERM where it is none of ours, or
 * -errno. */
int record_take(const char *path, int *ret_fd);

/* Of one that is locked. 0, -EINVAL where it says nothing, or -errno. */
int record_read(int fd, struct record *ret);
int record_write(int fd, bool machine, int process, uint64_t born);

#endif
