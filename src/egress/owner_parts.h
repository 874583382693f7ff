/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by owner_start.c and owner.c. */
#ifndef KS_EGRESS_OWNER_PARTS_H
#define KS_EGRESS_OWNER_PARTS_H

#include <sys/types.h>

#include "egress/owner.h"

#define REINSTALL "install kastellan again; in a build tree set KASTELLAN_EGRESS"

struct egress_owner {
	int socket; /* -1 = it has hung up */
	int complaints; /* what the program says before it can speak: the loader's errors */
	pid_t pid; /* 0 = reaped */
	int pidfd;
	int epoll; /* socket and pidfd: one that hangs up may live on for a moment */
	bool ready;
	bool told_to_stop;
	bool told_all; /* a summary has come */
	ks_error *why; /* it said so itself */
	struct egress_report report;
};

/* Starts the program; of what it fills in, egress_free() is to be called in any case. */
int owner_start(struct egress_owner *owner, const struct egress_setup *setup, ks_error **reterr);

#endif
