/* SPDX-License-Identifier: Apache-2.0 */
/* Locks that programs in the guest hold in files of the host, where everybody else sees them.
 *
 * fcntl() locks belong to a process and a file, so each such pair has an open file of its own here,
 * and the locks are those of the open file (F_OFD_*). flock() locks belong to an open file, which
 * is the handle's. Who has to wait is put aside: its lock is tried again whenever one of ours was
 * given back, and every few milliseconds, since the kernel tells nobody about those of others. */
#ifndef KS_VM_FILES_LOCKS_H
#define KS_VM_FILES_LOCKS_H

#include <linux/fuse.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bounds.h"

struct lock_holder {
	uint64_t node; /* 0: free */
	uint64_t owner;
	uint32_t pid;
	int fd;
};

struct lock_waiting {
	uint64_t unique; /* 0: free */
	uint64_t node;
	struct fuse_lk_in in;
};

struct locks {
	struct lock_holder holders[KS_MAX_FILES_LOCKS];
	struct lock_waiting waiting[KS_MAX_FILES_WAITING];
	uint32_t n_holders, n_waiting;
	bool given_back; /* a lock of ours was: somebody may have waited for it */
};

struct server;

/* Tries again for all that wait, and answers those who need not any more. 0 or -errno of the
 * socket.
 */
int locks_retry(struct server *server);
/* Milliseconds until the next time for that; -1 where nobody waits. */
int locks_patience(const struct server *server);
/* The owner has closed the file: its locks in it are given back. */
void locks_drop(struct server *server, uint64_t node, uint64_t owner);
/* The file is forgotten, or nobody has it open. */
void locks_forget(struct server *server, uint64_t node);

#endif
