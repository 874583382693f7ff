/* SPDX-License-Identifier: Apache-2.0 */
/* The library's side of a worker on macOS. */
#ifndef KS_MACOS_APPLY_PARTS_H
#define KS_MACOS_APPLY_PARTS_H

#include "egress/owner.h"
#include "macos/apply/message.h"
#include "macos/apply/names.h"
#include "plan/plan.h"
#include "supervise/jail.h"
#include "supervise/waiter.h"

struct jail {
	pid_t warden; /* 0 = waited for */
	int warden_end; /* polls readable once it has ended; -1 = only control tells of it */
	int control; /* -1 = its end has been seen */
	int record; /* of the worker, locked; -1 = there is none */
	struct worker_names names;
	char *container; /* the program, where the worker is a machine; else NULL */
	bool done; /* the warden has said that it has done what it could, or we have in its place */
	bool ended; /* it has told how the worker ended */
	struct message end;
	struct egress_owner *egress; /* NULL = there is none, or none any more */
	struct waiter waiter; /* of both streams, where there are two, and of the warden's end */
	bool egress_stopped;
	struct network_report network;
};

/* Both, profiles and machines, take grants by their paths: whether each still leads to the object
 * that was planned. 0, or -ESTALE or -errno with the field and the path. */
int grants_recheck(const struct grants *grants, ks_error **reterr);

/* Where the program is that the plan names: its real path; free with free(). 0, or -errno with step
 * "exec". */
int program_find(const struct ks_plan *plan, char **ret_path, ks_error **reterr);

/* All that the warden is told, as bytes; free with free(). 0 or -errno. */
int order_of_plan(const struct ks_plan *plan, const struct ks_host *host,
	const struct worker_names *names, char **ret_bytes, size_t *ret_len, ks_error **reterr);

/* The egress proxy of a worker, whose socket the warden has made the directory for: 0 once it
 * serves, or -errno. audit is lent, or -1. */
int network_open(const struct ks_plan *plan, int audit, struct jail *jail, ks_error **reterr);
/* The worker is gone: what is under way may end, for a while. */
void network_stop(struct jail *jail);
/* True once there is no proxy any more; then its report is the jail's. */
bool network_dispatch(struct jail *jail);
void network_free(struct jail *jail);

/* Starts kastellan-warden of this installation; KASTELLAN_WARDEN in the environment names another
 * one. */
int warden_spawn(const int stdio[3], int control, int record, pid_t *ret_pid, ks_error **reterr);

/* Waits for a word of the warden, -1 = without an end: 1 where there is one, 0 where there is none
 * yet, -EPIPE where it has ended without another. Somebody who has inherited its end of the stream,
 * as no call of a Mac makes one that is not inherited at once, does not keep this back. */
int warden_wait(const struct jail *jail, int ms);
/* What the warden of a jail says, waiting for it: takes note of its last word. 0 or -errno. */
int warden_hear(struct jail *jail, struct message *ret_message);
/* It has said its last word, and ends by itself. */
void warden_part(struct jail *jail);
/* The warden has ended, or is to, and has not done its work, which is done here and now: whoever it
 * has left is ended, and all is removed. 0, also where that has been done before; or -errno, with
 * *ret_what, which is lent: what is left. */
int warden_replace(struct jail *jail, const char **ret_what);
/* Has it end everything, and waits for that; where it takes too long, it is replaced. */
void warden_finish(struct jail *jail);

/* A sentence and an instruction for what the warden reports as failed. Returns -errno. */
int warden_error(const struct ks_plan *plan, const struct message *failure, ks_error **reterr);

#endif
