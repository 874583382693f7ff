/* SPDX-License-Identifier: Apache-2.0 */
/* The egress proxy on its own: a way out for programs that kastellan does not run itself (another
 * sandbox, a container, a virtual machine), by the same allowlist and with the same audit as for a
 * worker. Its doors speak HTTP CONNECT and SOCKS5 on one socket: kastellan-egress(1).
 *
 * Thread-safety: as run.h. The proxy is a process of its own; it ends with its owner, however the
 * owner ends. */
#ifndef KASTELLAN_EGRESS_H
#define KASTELLAN_EGRESS_H

#include <stddef.h>
#include <stdint.h>

#include <kastellan/error.h>
#include <kastellan/policy.h>
#include <kastellan/run.h>
#include <kastellan/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ks_egress ks_egress;

/* The most doors of one proxy. */
#define KS_EGRESS_MAX_DOORS 8

/* Set size to sizeof(struct ks_egress_options) and zero the rest, as with struct ks_run_options. */
struct ks_egress_options {
	size_t size;
	/* Sockets that listen already, unix or TCP (duplicated; the caller keeps its own, and may
	 * close them). Whoever can connect to one reaches what the policy lists. n_doors is 1 to
	 * KS_EGRESS_MAX_DOORS. They become non-blocking. */
	const int *doors;
	size_t n_doors;
	/* What the lines of the audit call the worker, at most 63 bytes; NULL = nothing. */
	const char *worker;
	/* 1: the proxy writes its decisions to audit_fd (duplicated), as with egress_audit of
	 * struct ks_run_options. */
	uint32_t audit;
	int audit_fd;
};

/* Starts a proxy for the endpoints of the policy's list and its settings; nothing else of the
 * policy counts, and nothing of policy and options is kept. Returns when it serves: 0; -EINVAL,
 * -E2BIG, -ENAMETOOLONG for options; -EINVAL with field "net" for a policy without endpoints; the
 * errno of the failing step (step "egress") otherwise. */
KS_API int ks_egress_start(const ks_policy *policy, const struct ks_egress_options *options,
	ks_egress **ret_egress, ks_error **reterr);

/* A descriptor that polls readable (POLLIN) whenever ks_egress_dispatch() has something to do.
 * Owned by the proxy's object. */
KS_API int ks_egress_fd(const ks_egress *egress);

/* Does what is due without blocking. Returns 1 when the proxy has ended and the figures below are
 * complete, 0 while it lives. */
KS_API int ks_egress_dispatch(ks_egress *egress);

/* Takes no more connections; those that there are may end within two seconds, then the proxy does.
 * Wait for it with ks_egress_dispatch(). */
KS_API void ks_egress_stop(ks_egress *egress);

/* All of the following are 0 before the end. Connections that were made; attempts that were
 * refused; bytes from and to whoever came through the doors. */
KS_API uint64_t ks_egress_connections(const ks_egress *egress);
KS_API uint64_t ks_egress_connections_denied(const ks_egress *egress);
KS_API uint64_t ks_egress_bytes_sent(const ks_egress *egress);
KS_API uint64_t ks_egress_bytes_received(const ks_egress *egress);
/* As ks_outcome_audit_suppressed(). */
KS_API uint64_t ks_egress_audit_suppressed(const ks_egress *egress);

/* 1: it ended without having been told to, or could not tell its figures. */
KS_API int ks_egress_died(const ks_egress *egress);

/* Number index of the destinations that were refused, as ks_outcome_denied_destination(). Strings
 * belong to the proxy's object. */
KS_API int ks_egress_denied_destination(
	const ks_egress *egress, size_t index, struct ks_denied_destination *ret_denied);

/* Ends it at once if it lives, and frees. NULL is allowed. */
KS_API void ks_egress_free(ks_egress *egress);

/* One proxy for many short workers, each of which would have to wait for the start of its own: to
 * be passed in egress_pool of struct ks_run_options, or of struct ks_workers_options. On Linux;
 * elsewhere there is none.
 *
 * The process is started for the first worker, with the ids, the system-call filter and the
 * Landlock rules of one that a worker has to itself, in a control group of its own. It ends with
 * the pool, and with the process that made the pool, however that ends. Each worker has its own
 * allowlist, names, limits, counts, list of refused destinations and audit there, and none that
 * another could see or use up; what it may have is set aside when it is started, and a start that
 * would pass the pool's limits is refused (-EUSERS, step "egress"). What is shared, and is not with
 * a proxy of its own:
 *  - the process: should it die, all of its workers lose their connections, and the outcome of each
 *    says so (ks_outcome_proxy_died()). The next start begins another one;
 *  - its memory limit: 64 MiB, and 64 KiB for each connection, 512 bytes for each name and 1280 KiB
 *    for each worker that the pool allows. None of it is charged to a worker;
 *  - the time of its one thread, which connections of all workers take in turns;
 *  - the process that looks up names: four at once, two of them for the same worker, and those of
 *    workers that have ended until their name servers answer or are given up;
 *  - large buffers and pipes: what is over 16 and 64 connections at once is slower.
 * A fault in the proxy's own code that one worker makes use of would reach all of its workers. */

/* Set size to sizeof(struct ks_egress_pool_limits) and zero the rest: zeroes are the defaults. */
struct ks_egress_pool_limits {
	size_t size;
	/* Workers at once, with the jails that are built ahead; 0 = 256. At most 16384. */
	uint32_t workers;
	/* The sum of egress.connections of their policies; 0 = 65536. At most 1048576. Each of them
	 * also sets two descriptors aside, of the caller's hard limit of open files. */
	uint32_t connections;
	/* The sum of their egress.names; 0 = 262144. At most 16777216. */
	uint32_t names;
	uint32_t reserved; /* 0 */
};

/* limits may be NULL. No process is started yet. 0; -EINVAL, -ERANGE or -E2BIG for limits;
 * -EOPNOTSUPP where there are no pools. Thread-safety: one pool may be used by any number of
 * threads at once, but for ks_egress_pool_free(). A child of fork() cannot use the pool of its
 * parent: its starts are refused (-EPERM). */
KS_API int ks_egress_pool_new(
	const struct ks_egress_pool_limits *limits, ks_egress_pool **ret_pool, ks_error **reterr);

/* Workers, managers and prepared policies that use it go on with it, and the last of them frees it.
 * NULL is allowed. */
KS_API void ks_egress_pool_free(ks_egress_pool *pool);

#ifdef __cplusplus
}
#endif

#endif
