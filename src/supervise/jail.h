/* SPDX-License-Identifier: Apache-2.0 */
/* A running jail as the supervisor sees it; each platform directory has its own implementation,
 * chosen by the build. All calls are non-blocking but jail_start() and jail_free(). */
#ifndef KS_SUPERVISE_JAIL_H
#define KS_SUPERVISE_JAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "plan/plan.h"
#include "report/outcome.h"

struct jail;

struct jail_stdio {
	int fds[3]; /* lent; ignored with a terminal */
	bool terminal;
	uint16_t rows;
	uint16_t columns;
};

/* What a jail is made with, besides its plan. */
struct jail_setup {
	const struct jail_stdio *stdio; /* NULL: it waits for its program */
	int audit; /* lent; where the egress proxy writes its decisions, or -1 */
	ks_egress_pool *pool; /* lent; whose proxy serves it, or NULL */
	const struct ks_policy *policy; /* lent; whom the audit names as the worker's, where it is
					   not the plan's; or NULL */
	const int *extra; /* lent; the program's descriptors from 3 on. Only of jails without a
			     helper */
	uint32_t n_extra;
};

struct jail_usage {
	uint64_t cpu_usec; /* UINT64_MAX = cannot be read */
	uint64_t memory_peak_bytes;
	uint64_t tasks_peak;
	uint64_t oom_kills;
	uint64_t tasks_refused;
};

/* Applies the plan and executes the program. Returns 0 once it runs, confined; otherwise -errno,
 * the program was never started and nothing is left behind. */
int jail_start(const struct ks_plan *plan, const struct ks_host *host,
	const struct jail_setup *setup, struct jail **ret_jail, ks_error **reterr);

/* Applies a plan without arguments and without a terminal, to the last step before the exec: every
 * process is there, and confined. What is left is jail_run(). Of setup, what is the egress proxy's
 * counts. As jail_start() otherwise. */
int jail_build(const struct ks_plan *plan, const struct ks_host *host,
	const struct jail_setup *setup, struct jail **ret_jail, ks_error **reterr);

/* Whether a built jail still waits. */
bool jail_waits(const struct jail *jail);

/* Executes the program in a built jail, once. Returns 0, or -errno with the program not started:
 * the jail is of no more use then. */
int jail_run(struct jail *jail, const struct ks_plan *plan, const struct ks_host *host,
	const char *const *argv, const struct jail_stdio *stdio, ks_error **reterr);

/* Polls readable when jail_dispatch() has something to do. Owned by the jail. */
int jail_fd(const struct jail *jail);

/* Hands over the master of the worker's terminal, or -1. */
int jail_take_terminal(struct jail *jail);

/* Takes in what has happened: fills status and denials of *ending. *ret_memory: an out-of-memory
 * event has been seen. Returns 1 when every process of the jail is gone and everything of it is
 * removed, 0 while it lives, -errno when it cannot be followed any more. Of a jail that was built
 * ahead: every process of the worker, and its control groups; what is left of the jail then ends
 * by itself. */
int jail_dispatch(struct jail *jail, struct ending *ending, bool *ret_memory, ks_error **reterr);

/* Counters of the whole tree; kept after the end. */
void jail_usage(struct jail *jail, struct jail_usage *ret_usage);

/* What became of the worker's connections; complete once jail_dispatch() has returned 1. Owned by
 * the jail. */
const struct network_report *jail_network(const struct jail *jail);

/* To the worker's process group. 0, -ESRCH. */
int jail_signal(struct jail *jail, int signal);
int jail_resize(struct jail *jail, uint16_t rows, uint16_t columns);

/* Ends everything inside, at once. Idempotent; the end itself is seen by jail_dispatch(). */
int jail_kill(struct jail *jail);

/* Ends what lives, waits for it, removes everything, frees. What ends by itself is not waited for:
 * see jail_settle(). NULL is allowed. */
void jail_free(struct jail *jail);

/* Takes note of the end of all jails of this process that were left to end by themselves; wait:
 * until they have. Returns 0, or -EBUSY where one does not end. */
int jail_settle(bool wait, ks_error **reterr);

#endif
