/* SPDX-License-Identifier: Apache-2.0 */
/* Control groups: one interface, three managers (v1 controllers, a v2 subtree that the caller may
 * write, a transient systemd scope), chosen by probe.
 *
 * A group is created, its limits are written and then read back from its own files: a limit that
 * does not stick is an error. Nothing here starts or ends a process but cgroup_kill(). */
#ifndef KS_LINUX_CGROUP_CGROUP_H
#define KS_LINUX_CGROUP_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <kastellan/error.h>

#include "base/strv.h"
#include "resolve/host.h"

#define CGROUP_NO_LIMIT UINT64_MAX
#define CGROUP_MAX_JOIN 4

struct cgroup_limits {
	uint64_t memory_bytes; /* with swap; CGROUP_NO_LIMIT */
	uint64_t tasks;
	uint64_t cpu_quota_pct; /* percent of one processor */
};

struct cgroup_usage {
	uint64_t cpu_usec;
	uint64_t memory_peak_bytes; /* 0 = the kernel does not say (v2 before Linux 5.19) */
	uint64_t tasks; /* now; the dead count until somebody has waited for them */
	uint64_t tasks_peak; /* 0 = the kernel does not say (before Linux 6.1) */
	uint64_t oom_kills;
	uint64_t tasks_refused; /* forks that the limit refused */
};

struct cgroup;

/* Finds what this caller can use, by creating a group, setting limits, reading them back and
 * removing it. Without `tried`, places that have all that is needed are believed unseen, which
 * costs a few system calls and leaves no group behind if the caller is killed meanwhile. Always
 * fills *ret (manager CGROUP_NONE and a reason where nothing works); returns 0 or -ENOMEM. Slow (a
 * millisecond or more): called once, the facts are kept in struct ks_host. */
int cgroup_probe(bool tried, struct host_cgroup *ret);

/* Decides on a fresh name ("kastellan-PID-N", process-wide unique) without creating anything. With
 * cgroup_directories() the monitor learns what to remove before it exists. Removes what a killed
 * predecessor left behind (empty groups of dead pids) in passing. */
int cgroup_new(const struct host_cgroup *host, struct cgroup **ret_group, ks_error **reterr);

/* The directories of the group, as absolute paths, deepest first. Not all of them need exist. Empty
 * for a scope before it is created, and then the worker's directory alone: the manager removes the
 * scope. */
int cgroup_directories(const struct cgroup *group, struct strv *ret);

/* Creates it, sets the limits and reads them back. member is the monitor's pid. A scope takes it
 * and all its descendants in, because nobody else can join it; only processes that descend from it
 * may write to the descriptors of cgroup_join_fds() then. The other managers leave it where it is,
 * and look at its scheduling policy (0 = the calling thread's). On failure nothing is left but the
 * scope with the member in it, which ends with that. */
int cgroup_create(
	struct cgroup *group, const struct cgroup_limits *limits, pid_t member, ks_error **reterr);

/* Descriptors (O_WRONLY|O_CLOEXEC, owned by the group) to write "0" to, one a hierarchy, by a
 * process with a single thread. The kernel asks what the opener may, so that the writer can be
 * anybody. Returns their number. */
int cgroup_join_fds(const struct cgroup *group, int ret_fds[CGROUP_MAX_JOIN]);

/* A descriptor that gets readable (EPOLLIN, v1) or exceptional (EPOLLPRI, v2) when an out-of-memory
 * kill happened or is due, or -1. *ret_events: the epoll events to ask for. cgroup_event_clear()
 * re-arms it, and returns when a kill that is due is counted (v1: within 20 ms). There are events
 * without a kill (v2: whenever memory is short): cgroup_usage() has the truth. */
int cgroup_event_fd(const struct cgroup *group, uint32_t *ret_events);
void cgroup_event_clear(struct cgroup *group);

/* -ENODEV once the group is removed, -ENOENT if somebody else did that. */
int cgroup_usage(const struct cgroup *group, struct cgroup_usage *ret);

/* New limits for a living group, read back. Less memory than is in use: v1 refuses with -EBUSY, v2
 * kills. A v1 group that was made without a CPU quota cannot get one. */
int cgroup_set_limits(struct cgroup *group, const struct cgroup_limits *limits, ks_error **reterr);

/* Sends SIGKILL to everything in it, until it is empty or five seconds have passed (-EBUSY): a
 * loaded machine takes its time. The limits are the same afterwards, and the group can be used
 * again. */
int cgroup_kill(struct cgroup *group);

/* Removes the directories; -EBUSY while something lives in them. Idempotent. */
int cgroup_remove(struct cgroup *group);

/* The same where nothing is in it and nothing has to be waited for or asked of a service manager.
 * Returns whether it is removed; else nothing has changed but that empty parts of it are gone. */
bool cgroup_remove_empty(struct cgroup *group);

/* Closes and frees; removes nothing. NULL is allowed. */
void cgroup_free(struct cgroup *group);

#endif
