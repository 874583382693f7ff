/* SPDX-License-Identifier: Apache-2.0 */
/* Running a worker: spawn, talk to it, wait, and know how it ended.
 *
 * Thread-safety: any number of threads may spawn at once, also on one backend. One child belongs
 * to one thread at a time. The library installs no signal handler, waits for no process but its
 * own, and needs SIGCHLD neither blocked nor handled. */
#ifndef KASTELLAN_RUN_H
#define KASTELLAN_RUN_H

#include <stddef.h>
#include <stdint.h>

#include <kastellan/backend.h>
#include <kastellan/error.h>
#include <kastellan/plan.h>
#include <kastellan/policy.h>
#include <kastellan/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ks_child ks_child;
typedef struct ks_outcome ks_outcome;
typedef struct ks_egress_pool ks_egress_pool; /* egress.h */

/* Where a standard stream of the worker goes. Only files, pipes, character devices and stream
 * sockets that are connected (or listen) are taken: -EINVAL, step "stdio", for whatever leads
 * further. */
enum ks_stdio {
	KS_STDIO_NULL = 0, /* /dev/null */
	KS_STDIO_INHERIT = 1, /* the caller's own stream; /dev/null where closed or close-on-exec */
	KS_STDIO_PIPE = 2, /* a new pipe; the other end is ks_child_stdio() */
	KS_STDIO_FD = 3 /* the given descriptor (duplicated; the caller keeps its own) */
};

/* Options of a spawn. Set size to sizeof(struct ks_run_options) and zero the rest: zeroes are the
 * defaults. A caller older than the library has a smaller size, and gets defaults for the rest; a
 * caller newer than the library with a non-zero tail is refused (-E2BIG), as a restriction that is
 * not understood must not be dropped. */
struct ks_run_options {
	size_t size;
	/* Fields (KS_FIELD_ bits) that may be degraded or absent. 0 = strict. */
	uint32_t allow_degraded;
	/* 1: the worker gets a terminal of its own; stdio[] is not used; ks_child_terminal() is its
	 * other side. */
	uint32_t terminal;
	uint16_t terminal_rows; /* 0 = 24 */
	uint16_t terminal_columns; /* 0 = 80 */
	uint32_t reserved; /* 0 */
	/* Wall-clock limit in milliseconds from the start of the program; 0 = none. */
	uint64_t timeout_ms;
	/* Time between the friendly signal (SIGTERM) and SIGKILL at the end of the wall-clock limit
	 * or in ks_child_stop(); 0 = 2000 ms. */
	uint64_t grace_ms;
	/* The working directory inside; NULL = the caller's own where a grant shows it, else "/".
	 */
	const char *cwd;
	enum ks_stdio stdio[3];
	int stdio_fd[3]; /* with KS_STDIO_FD */
	/* 1: the egress proxy writes its decisions to egress_audit_fd (duplicated; the caller keeps
	 * its own), one JSON object a line, as kastellan-egress(1) describes them. Of no effect
	 * without an allowlist. */
	uint32_t egress_audit;
	int egress_audit_fd;
	/* The egress proxy is one that this pool's workers share; NULL = one of its own. Of no
	 * effect without an allowlist. The pool may be freed while workers of it run. */
	ks_egress_pool *egress_pool;
};

/* Starts argv (NULL-terminated, argv[0] is the program: a path, or a name looked for in the jail's
 * /usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin) under the policy. Returns when the
 * program has been executed, confined, or with an error when it never was.
 * Returns 0; -EOPNOTSUPP when a field is not held and not allowed to be degraded; with step "exec"
 * -ENOENT when the program is not found, or -EACCES, -EISDIR, -ENOEXEC and the like when it cannot
 * be executed; or the errno of the failing step. argv, policy and options are not kept.
 */
KS_API int ks_child_spawn(ks_backend *backend, const ks_policy *policy, const char *const *argv,
	const struct ks_run_options *options, ks_child **ret_child, ks_error **reterr);

/* The caller's end of stdin (0, for writing), stdout (1) or stderr (2, both for reading) where
 * KS_STDIO_PIPE was asked, else -1. Owned by the child; closed with it. ks_child_take_stdio()
 * hands it over, once: the caller closes it. */
KS_API int ks_child_stdio(const ks_child *child, int stream);
KS_API int ks_child_take_stdio(ks_child *child, int stream);

/* The master side of the worker's terminal, or -1. Owned by the child. */
KS_API int ks_child_terminal(const ks_child *child);

/* Changes the size of the worker's terminal, where it has one. 0, or -ESRCH when it has ended. */
KS_API int ks_child_resize(ks_child *child, uint16_t rows, uint16_t columns);

/* A descriptor that polls readable (POLLIN) whenever ks_child_dispatch() has something to do; for
 * the caller's own event loop. Owned by the child. */
KS_API int ks_child_fd(const ks_child *child);

/* Does what is due (deadlines, budgets, reports of the jail) without blocking. Returns 1 when the
 * worker and everything of it is gone and the outcome is ready, 0 while it lives, or -errno. */
KS_API int ks_child_dispatch(ks_child *child, ks_error **reterr);

/* Blocks until the outcome is ready: the loop around ks_child_dispatch(). Returns 0, or -errno. */
KS_API int ks_child_wait(ks_child *child, ks_error **reterr);

/* Sends a signal to the worker's process group. 0, or -ESRCH when it has ended. */
KS_API int ks_child_signal(ks_child *child, int signal);

/* Ends the worker: SIGTERM, and SIGKILL after the grace time (dispatch or wait do it). 0, or -ESRCH
 * when it has ended. */
KS_API int ks_child_stop(ks_child *child);

/* Ends everything of the worker at once with SIGKILL. May be called again; 0 or -errno. */
KS_API int ks_child_kill(ks_child *child);

/* How it ended: owned by the child; NULL before ks_child_dispatch() has returned 1. */
KS_API const ks_outcome *ks_child_outcome(const ks_child *child);

/* Ends what still lives, removes everything and frees. NULL is allowed. */
KS_API void ks_child_free(ks_child *child);

/* Spawn and wait. The outcome is the caller's: ks_outcome_free(). Returns 0, however the worker
 * ended, or as ks_child_spawn() and ks_child_wait(). With KS_STDIO_PIPE nobody could talk to the
 * worker. */
KS_API int ks_run(ks_backend *backend, const ks_policy *policy, const char *const *argv,
	const struct ks_run_options *options, ks_outcome **ret_outcome, ks_error **reterr);

enum ks_outcome_type {
	KS_OUTCOME_EXIT = 0, /* by itself: exit code */
	KS_OUTCOME_SIGNAL = 1, /* by a signal that was not ours */
	KS_OUTCOME_TIMEOUT = 2, /* wall-clock limit */
	KS_OUTCOME_CPU = 3, /* cpu_ms spent */
	KS_OUTCOME_OOM = 4, /* mem_mb exceeded */
	KS_OUTCOME_TASKS = 5, /* failed after tasks_max had refused it a process or thread */
	KS_OUTCOME_DENIED = 6, /* killed by the system-call filter */
	KS_OUTCOME_SETUP = 7 /* never started */
};

/* "exit", "signal", "timeout", "cpu", "oom", "tasks", "denied", "setup". */
KS_API const char *ks_outcome_type_name(enum ks_outcome_type type);
KS_API enum ks_outcome_type ks_outcome_type(const ks_outcome *outcome);
/* The program's exit code, or -1 where it was ended by a signal or never started. */
KS_API int ks_outcome_exit_code(const ks_outcome *outcome);
/* The signal that ended it, or 0. */
KS_API int ks_outcome_signal(const ks_outcome *outcome);
/* The name of the call that was denied, or the step that failed in setup; for a signal "jail" where
 * it was not the program's own: the jail had an end before the program, as when somebody killed
 * its first process or what watches it. NULL otherwise. */
KS_API const char *ks_outcome_detail(const ks_outcome *outcome);
/* From the start of the program to the end of everything. */
KS_API uint64_t ks_outcome_wall_ms(const ks_outcome *outcome);
/* Of the whole tree where a control group counts it, else of the program and its waited-for
 * children. */
KS_API uint64_t ks_outcome_cpu_ms(const ks_outcome *outcome);
/* 0 where nothing measures it. */
KS_API uint64_t ks_outcome_memory_peak_bytes(const ks_outcome *outcome);
/* Processes and threads at once; 0 where the kernel does not say. */
KS_API uint64_t ks_outcome_tasks_peak(const ks_outcome *outcome);
/* Processes that the kernel ended for want of memory; forks that tasks_max refused; processes that
 * the system-call filter ended. */
KS_API uint64_t ks_outcome_oom_kills(const ks_outcome *outcome);
KS_API uint64_t ks_outcome_tasks_refused(const ks_outcome *outcome);
KS_API uint64_t ks_outcome_calls_denied(const ks_outcome *outcome);
/* Connections through the egress proxy: those that were made; those that were allowed, and given up
 * by the worker, or over with it, before they were made; attempts and names that it refused. 0
 * without an allowlist. */
KS_API uint64_t ks_outcome_connections(const ks_outcome *outcome);
KS_API uint64_t ks_outcome_connections_unfinished(const ks_outcome *outcome);
KS_API uint64_t ks_outcome_connections_denied(const ks_outcome *outcome);
/* Bytes from and to the worker over all of them. */
KS_API uint64_t ks_outcome_bytes_sent(const ks_outcome *outcome);
KS_API uint64_t ks_outcome_bytes_received(const ks_outcome *outcome);
/* Lines of the egress audit that were left out: of more than 200 refusals a second, or because its
 * file or reader did not take them. 0 without an audit. */
KS_API uint64_t ks_outcome_audit_suppressed(const ks_outcome *outcome);
/* 1: the egress proxy ended before the worker did, and the worker's connections with it. What the
 * functions above and below say is then not known. */
KS_API int ks_outcome_proxy_died(const ks_outcome *outcome);
/* How, where it did: "signal", "memory" (the limit of its own control group), "failed" (it gave up)
 * or "hung" (it did not end when it was told to). Else NULL. Static. */
KS_API const char *ks_outcome_proxy_death(const ks_outcome *outcome);

/* Where the worker wanted to connect to, or whose address it wanted to know, in vain. Set size to
 * sizeof(struct ks_denied_destination). Strings belong to the outcome. */
struct ks_denied_destination {
	size_t size;
	const char *host; /* printable ASCII */
	uint32_t port; /* 0: only the name was asked for */
	uint32_t reserved;
	const char *reason; /* "host_not_allowed": a word of the audit, see kastellan-egress(1) */
	const char *why; /* the same in words */
	uint64_t times;
	const char *entry; /* of net.Allowlist, which would allow it; NULL: none would */
};

/* Number index of them, the most frequent first, at most 64: 0, or -ENOENT past the last one. */
KS_API int ks_outcome_denied_destination(
	const ks_outcome *outcome, size_t index, struct ks_denied_destination *ret_denied);

/* What a shell would see: the exit code, 128 + signal, 124 timeout, 137 cpu and oom, 159 denied,
 * 125 setup (126 not executable, 127 not found). */
KS_API int ks_outcome_shell_status(const ks_outcome *outcome);
/* One JSON object, as kastellan-status(5) describes it: outcome, usage and receipt. Free with
 * free(). */
KS_API int ks_outcome_json(const ks_outcome *outcome, char **ret_text);
/* Row number index of the receipt, whose strings belong to the outcome; 0, or -ENOENT past the last
 * one. For type setup it is what the worker would have started with, -ENOENT where the failure came
 * before a plan. */
KS_API int ks_outcome_receipt(
	const ks_outcome *outcome, size_t index, struct ks_receipt_row *ret_row);
/* An outcome of type setup from a failed spawn, so that a status can be written for it too. */
KS_API int ks_outcome_from_error(const ks_error *error, ks_outcome **ret_outcome);
KS_API void ks_outcome_free(ks_outcome *outcome);

#ifdef __cplusplus
}
#endif

#endif
