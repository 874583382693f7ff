/* SPDX-License-Identifier: Apache-2.0 */
/* The proxy as whoever starts it sees it. It ends with its owner, however the owner ends, and
 * nothing of it is left when egress_free() returns; of one of a pool, nothing of this worker. One
 * thread at a time; no call but egress_open() (for as long as an exec takes), egress_await_ready()
 * and egress_free() waits for anything. */
#ifndef KS_EGRESS_OWNER_H
#define KS_EGRESS_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <kastellan/egress.h>
#include <kastellan/error.h>

#include "egress/control.h"

struct egress_owner;
struct ks_host;

/* What it is started with; nothing of it is kept. */
struct egress_setup {
	struct egress_config config; /* version and EGRESS_FLAG_AUDIT are filled in */
	const char *const *entries; /* of the allowlist, n_entries */
	size_t n_entries;
	int audit; /* lent; -1 = no lines */
	const int *groups; /* lent: of control groups, n_groups, which it is to join */
	size_t n_groups; /* EGRESS_MAX_GROUPS at most */
	const int *jail; /* lent: the proxy's side of a SOCK_SEQPACKET pair, over which a jail sends
			  * its sockets; NULL = there is no jail */
	ks_egress_pool *pool; /* lent: one of its processes is to serve; NULL = one of its own,
			       * which config's ids and the groups are for */
	const struct ks_host *host; /* lent; for the start of such a process */
	const int *sockets; /* lent; for a proxy without a jail, n_sockets of one kind each */
	const enum egress_socket *kinds;
	size_t n_sockets;
};

/* Starts kastellan-egress, which waits for its configuration; or comes to one of the pool. 0 or
 * -errno, with nothing left. Of setup, only jail, pool and host are looked at. */
int egress_open(
	const struct egress_setup *setup, struct egress_owner **ret_owner, ks_error **reterr);

pid_t egress_pid(const struct egress_owner *owner); /* 0 = it is reaped, or a pool's */

/* Tells it everything, once. It becomes ready while the caller goes on: the sockets that are handed
 * to it take connections already. 0 or -errno. */
int egress_tell(struct egress_owner *owner, const struct egress_setup *setup, ks_error **reterr);

/* Waits until it serves: 0, or -errno with step "egress" (it failed, it died, it took longer). */
int egress_await_ready(struct egress_owner *owner, int patience_ms, ks_error **reterr);

/* Polls readable when egress_dispatch() has something to do. Owned by the owner. */
int egress_fd(const struct egress_owner *owner);

/* Takes in what it says. True once it has ended and is reaped: then the report is complete. */
bool egress_dispatch(struct egress_owner *owner);

/* The worker is gone: let what is under way end (config.drain_ms), then end. Idempotent. */
void egress_stop(struct egress_owner *owner);

/* What it said before it ended. died: it ended without being told to, or without a summary. */
struct egress_report {
	bool died;
	int status; /* wait status where it has died */
	bool memory; /* the limit of a pool's control group has ended it */
	struct egress_summary totals;
	struct egress_denied *denied; /* the most frequent first */
	size_t n_denied;
};

const struct egress_report *egress_report(const struct egress_owner *owner);

/* Ends it if it lives, reaps it, frees. One of a pool has five seconds to let the worker's
 * connections go, and is ended where it does not. NULL is allowed. */
void egress_free(struct egress_owner *owner);

#endif
