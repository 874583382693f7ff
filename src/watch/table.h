/* SPDX-License-Identifier: Apache-2.0 */
/* The processes of a host at one moment. process_list() and process_read() are the platform's: each
 * platform directory has its own, chosen by the build. */
#ifndef KS_WATCH_TABLE_H
#define KS_WATCH_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct process {
	pid_t pid;
	pid_t parent;
	pid_t session;
	uint64_t
		born; /* with the pid it tells one process from all others; units of the platform */
	uint64_t cpu_usec; /* its own */
	uint64_t children_usec; /* of children that it has waited for, and of theirs */
	uint64_t memory; /* bytes that nobody else has */
	uint64_t threads;
	bool ended; /* nobody has waited for it yet */
};

struct process_table {
	struct process *items; /* in no order */
	size_t len;
	bool torn; /* processes were made or ended faster than they could be read: some may not
		    * be in it */
};

/* All that the caller may look at, but those that ended meanwhile. 0, -ENOMEM, or -errno. */
int process_table_read(struct process_table *ret_table);
void process_table_done(struct process_table *table);

/* The numbers of all, in no order; free() them. 0, -ENOMEM, or -errno. */
int process_list(pid_t **ret_pids, size_t *ret_len);

/* One of them: 0, or -ESRCH. */
int process_read(pid_t pid, struct process *ret_process);

#endif
