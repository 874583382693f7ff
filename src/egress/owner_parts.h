/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by owner.c and what each system has of its own: owner_start.c, mac/owner_start.c. */
#ifndef KS_EGRESS_OWNER_PARTS_H
#define KS_EGRESS_OWNER_PARTS_H

#include <stdbool.h>
#include <sys/types.h>

#include "egress/owner.h"
#include "egress/pool.h"

#define REINSTALL "install kastellan again; in a build tree set KASTELLAN_EGRESS"

struct egress_owner {
	struct egress_shared *shared; /* the process, where it is a pool's; then all that is of a
				       * process of its own below is unused */
	int socket; /* -1 = it has hung up */
	int complaints; /* what the program says before it can speak: the loader's errors */
	pid_t pid; /* 0 = reaped */
	int ended; /* polls readable once it has ended */
	pid_t helper; /* the resolver, where that is a child of ours, too; 0 = none */
	int watch; /* polls readable when socket or ended does: one that hangs up may live on for a
		    * moment */
	bool ready;
	bool told_to_stop;
	bool told_all; /* a summary has come */
	ks_error *why; /* it said so itself */
	struct egress_report report;
};

/* "the egress proxy WHAT: why", with step "egress". Returns code. */
int owner_fail(ks_error **reterr, int code, const char *what, const char *remedy);

/* Why it ended before it was ready; the code is negative, and returned. */
int owner_say_why(struct egress_owner *owner, ks_error **reterr);

/* Comes to a process of the pool; owner_shared.c, as the two after it. */
int owner_enter(struct egress_owner *owner, const struct egress_setup *setup, ks_error **reterr);
/* True once it is known how it ended for this worker, whose socket has hung up. */
bool owner_note_end(struct egress_owner *owner);
/* The audit as a pool's process may have it: whoever does not read one worker's must not be able to
 * hold up the others, so that a pipe or a terminal is opened once more, and never waited for.
 * *ret_fd is the caller's to close. 0 or -errno. */
int owner_open_audit(int audit, int *ret_fd);
/* Nothing of the worker is left there. */
void owner_leave(struct egress_owner *owner);

/* Starts the program; of what it fills in, egress_free() is to be called in any case. */
int owner_start(struct egress_owner *owner, const struct egress_setup *setup, ks_error **reterr);

/* Ends the proxy at once, where this process may; and what else was started, of which nothing is
 * left. */
void owner_kill(const struct egress_owner *owner);
void owner_end_helper(struct egress_owner *owner);

#endif
