/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_SUPERVISE_CHILD_H
#define KS_SUPERVISE_CHILD_H

#include "plan/plan.h"
#include "supervise/deadline.h"
#include "supervise/jail.h"
#include "supervise/stdio.h"
#include "supervise/waiter.h"

struct ks_child {
	struct ks_plan *plan;
	struct jail *jail; /* NULL once everything is gone */
	struct stdio_ends stdio;
	struct deadlines deadlines;
	struct ending ending;
	int terminal; /* master of the worker's terminal; what it wrote last can be read after its
			 end */
	struct waiter waiter;
	uint64_t wake; /* see child_wake_by() */
	uint64_t armed; /* what its timer is set to; NO_DEADLINE = off */
	bool out_of_memory; /* the kernel has ended a part of it, and we the rest */
	struct ks_outcome *outcome;
};

/* Starts the plan and takes it, also on failure. options are complete (see options_complete()). */
int child_start(struct ks_plan *plan, const struct ks_host *host,
	const struct ks_run_options *options, ks_child **ret_child, ks_error **reterr);

/* The same in a jail that was built ahead for the plan (jail_build()); takes both. */
int child_start_in(struct jail *jail, struct ks_plan *plan, const struct ks_host *host,
	const char *const *argv, const struct ks_run_options *options, ks_child **ret_child,
	ks_error **reterr);

/* A child that has ended already, with that exit code; takes the plan, also on failure. 0 or
 * -errno. */
int child_finished(struct ks_plan *plan, int exit_code, ks_child **ret_child);

/* Its descriptor polls readable at that time at the latest, once, also where nothing is due then.
 * What is asked for lasts until it has come, so that a time which is always a little later than the
 * last costs a system call only now and then. usec: by clock_usec(); NO_DEADLINE asks for nothing.
 * 0 or -errno. */
int child_wake_by(ks_child *child, uint64_t usec);

/* What its jail has refused it so far: tasks, and processes that the system-call filter ended, with
 * the name of the last call, a static string or NULL. Costs reads of the control group. */
void child_refusals(
	ks_child *child, uint64_t *ret_tasks, uint64_t *ret_calls, const char **ret_call);

/* The descriptor for the audit that is asked for, or -1. */
int child_audit(const struct ks_run_options *options);

#endif
