/* SPDX-License-Identifier: Apache-2.0 */
/* The processes of one jail on Linux, from the supervisor's side; control.h draws them. */
#ifndef KS_LINUX_JAIL_PARTS_H
#define KS_LINUX_JAIL_PARTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "linux/cgroup/cgroup.h"
#include "linux/control.h"
#include "linux/control_message.h"
#include "linux/spec.h"
#include "supervise/jail.h"

struct egress_owner;
struct launch;
struct vm_jail;

#define COMPLAINT_MAX 2048
#define MONITOR_PATIENCE_MS 4000 /* the monitor's own bound for removing groups is 2 s */

struct jail {
	pid_t monitor; /* 0 = none, or reaped */
	int monitor_pidfd;
	int monitor_status; /* once it is reaped */
	struct launch *launch; /* the monitor's, until it is known to run; then NULL */
	int monitor_socket;
	int init_socket;
	int complaints; /* what helper and monitor wrote to their standard error */
	int epoll;
	int terminal;
	struct cgroup_limits limits; /* of the group */
	struct cgroup *group; /* NULL = no group is used */
	bool group_removed;
	bool retired; /* it was tried to remove the group at the program's end */
	bool released; /* the monitor has been told that nothing is left to it */
	bool leaves; /* once its groups are gone it is left to end by itself (leavings.h) */
	bool helper_gone;
	struct jail_usage usage;
	const char *machine; /* static */
	uint32_t kernel_id; /* the worker's own; 0 = it has the caller's ids */
	struct egress_owner *egress; /* NULL: no network, or its proxy has ended */
	struct cgroup *egress_group; /* the proxy's; NULL = it has none */
	int egress_pair[2]; /* the jail's and the proxy's side, until each has its own; -1 */
	bool egress_stopped;
	int patience; /* a timer for the proxy's end; -1 = it has not been told to */
	bool impatient; /* there is no such timer */
	struct network_report network;
	struct vm_jail *vm; /* NULL: it is a jail of processes, and nothing above is used else but
			       epoll and network */
};

struct jail *jail_alloc(void); /* NULL = out of memory or descriptors; errno says */

/* Begins to start monitor, init and, where the plan has one, the helper for the plan; init then
 * waits for the word to start the worker. Fills the process members of *jail. Returns 0, or -errno
 * and no process was started. */
int apply_jail(const struct ks_plan *plan, const struct ks_host *host,
	const struct jail_setup *setup, struct jail *jail, ks_error **reterr);
/* Whether the monitor could be started at all: to be asked before what it says, or does not, means
 * anything. On failure there is no process. */
int jail_await_monitor(struct jail *jail, ks_error **reterr);

/* Ids for a process that is to own nothing: no two of this caller have the same while fewer than
 * KERNEL_ID_COUNT are given meanwhile. Thread-safe. */
uint32_t kernel_id_next(void);
/* The same for one that stays while workers come and go: none of them ever has it. */
uint32_t kernel_id_apart(void);

/* network.c: the egress proxy, for a plan with one; each does nothing for any other. */

/* Makes the socket pair between jail and proxy. */
int jail_pair_network(const struct ks_plan *plan, struct jail *jail, ks_error **reterr);
/* Starts it. */
int jail_open_network(const struct ks_plan *plan, const struct ks_host *host,
	const struct jail_setup *setup, struct jail *jail, ks_error **reterr);
/* Waits until it serves. */
int jail_await_network(struct jail *jail, int patience_ms, ks_error **reterr);
/* Whether it does so still, as far as is known. */
bool jail_network_waits(const struct jail *jail);
int jail_network_fd(const struct jail *jail); /* to be watched for input; -1 = none */
/* Nothing uses it any more. */
void jail_stop_network(struct jail *jail);
/* True once nothing of it is left; its report is kept. */
bool jail_dispatch_network(struct jail *jail);
void jail_free_network(struct jail *jail);

/* network_group.c */
int jail_make_network_group(const struct ks_plan *plan, const struct ks_host *host,
	struct jail *jail, pid_t proxy, ks_error **reterr);
bool jail_network_out_of_memory(const struct jail *jail);
void jail_remove_network_group(struct jail *jail);

/* Tells the monitor which directories to remove, should it be left alone with them. */
int jail_announce_group(struct jail *jail, const struct cgroup *group, ks_error **reterr);

/* Lets a worker with kernel ids of its own reopen the pipes that are its streams. */
void give_pipes(const struct jail_stdio *stdio, uint32_t kernel_id);

/* Waits until the jail is made: its init waits for the word, and nothing has been executed. */
int jail_await_ready(struct jail *jail, const struct ks_host *host, const struct ks_plan *plan,
	ks_error **reterr);

/* Waits until the program runs. On failure the error says why it does not. */
int jail_await_start(struct jail *jail, const struct ks_host *host, const struct ks_plan *plan,
	ks_error **reterr);

/* Waits until a jail that is built ahead waits for its program. */
int jail_await_armed(struct jail *jail, const struct ks_host *host, const struct ks_plan *plan,
	ks_error **reterr);

/* Another CPU bandwidth for a running jail whose group has one; UINT64_MAX leaves it as it is. 0 or
 * -errno. */
int jail_set_quota(struct jail *jail, uint64_t quota_pct, ks_error **reterr);

/* The next message of init: 1 = there is one, 0 = none now or init has hung up, other -errno = its
 * socket cannot be read, so that what happens inside is not known. A socket that is of no more use
 * is closed and forgotten. */
int jail_hear_init(struct jail *jail, struct control_message *ret);

/* What the helper complained of so far, its last line. Empty text if nothing. */
void jail_complaint(const struct jail *jail, char text[COMPLAINT_MAX]);

/* Failures as people read them (setup_errors.c). */
int setup_error(
	const struct ks_plan *plan, const struct control_message *message, ks_error **reterr);

#endif
