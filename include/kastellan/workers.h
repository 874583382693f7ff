/* SPDX-License-Identifier: Apache-2.0 */
/* The workers of a manifest's tools: a manager starts them, keeps them warm, hands them requests
 * and ends them. A request and its answer are JSON-RPC 2.0, one message a line on the worker's
 * stdin and stdout, as the stdio transport of MCP has them.
 *
 * Ownership: a ks_workers belongs to the caller, who frees it. A ks_worker is on loan: it goes back
 * with ks_worker_release(), also after a failed call.
 * Thread-safety: every function of a ks_workers may be called from any thread at any time, but for
 * freeing what another thread still uses. A ks_worker belongs to one thread at a time, as a child
 * does.
 * Threads: a manager has one thread of its own, which looks after workers that nobody uses, and a
 * second one where jails are built ahead. Both have every signal blocked. A call is carried out by
 * the thread that makes it: it writes, waits and reads itself. */
#ifndef KASTELLAN_WORKERS_H
#define KASTELLAN_WORKERS_H

#include <stddef.h>
#include <stdint.h>

#include <kastellan/backend.h>
#include <kastellan/error.h>
#include <kastellan/run.h>
#include <kastellan/tools.h>
#include <kastellan/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ks_workers ks_workers;
typedef struct ks_worker ks_worker;

/* What went wrong with a call, beside the errno value. */
enum ks_fault {
	KS_FAULT_NONE = 0, /* none of these: the call itself was wrong, or memory ran out */
	KS_FAULT_TOOL = 1, /* -ENOENT: the manifest has no tool of that name */
	KS_FAULT_BUSY = 2, /* -EAGAIN: no worker was free in time, or too many callers wait */
	KS_FAULT_BACKOFF = 3, /* -EAGAIN: it failed before, and may not be started again in time */
	KS_FAULT_START = 4, /* the errno of the spawn: refused, or set-up failed */
	KS_FAULT_CRASH = 5, /* -EPIPE: the worker ended before it answered */
	KS_FAULT_TIMEOUT = 6, /* -ETIMEDOUT: no answer within the time of a request */
	KS_FAULT_GARBAGE = 7, /* -EPROTO: it wrote something that is no message, or no answer */
	KS_FAULT_FLOOD = 8, /* -EMSGSIZE: it wrote more than the bound of a message or request */
	KS_FAULT_CLOSED = 9, /* -EPIPE: it lives on, but has closed its stdin or stdout */
	KS_FAULT_CANCELLED = 10, /* -ECANCELED: by the caller */
	KS_FAULT_SHUTDOWN = 11 /* -ESHUTDOWN: the manager is drained or freed */
};

/* "none", "tool", "busy", "backoff", "start", "crash", "timeout", "garbage", "flood", "closed",
 * "cancelled", "shutdown". */
KS_API const char *ks_fault_name(enum ks_fault fault);

/* Of an error that a call gave. The outcome is that of the worker which the fault ended, and NULL
 * where none was; its stderr is the last of what it wrote there, at most KS_WORKERS_STDERR bytes,
 * NUL-terminated, NULL where there is none. Both belong to the error. */
KS_API enum ks_fault ks_error_fault(const ks_error *error);
KS_API const ks_outcome *ks_error_outcome(const ks_error *error);
KS_API const char *ks_error_stderr(const ks_error *error, size_t *ret_len);

#define KS_WORKERS_STDERR 16384

/* Set size to sizeof(struct ks_workers_options) and zero the rest: zeroes are the defaults. */
struct ks_workers_options {
	size_t size;
	/* Fields (KS_FIELD_ bits) that may be degraded or absent, for every tool. 0 = strict. */
	uint32_t allow_degraded;
	/* Jails that are kept waiting for each tool of single use; 0 = none. */
	uint32_t jails_ahead;
	/* Workers at once of each tool of single use; 0 = 16. */
	uint32_t single_use_workers;
	/* Callers that may wait for one tool; 0 = 1024. */
	uint32_t max_waiting;
	/* The first pause after a failure, which doubles with each further one; 0 = 1000 ms. */
	uint64_t backoff_ms;
	/* The longest one; 0 = 60000 ms. */
	uint64_t max_backoff_ms;
	/* How long a worker has to end by itself after its stdin is closed, before SIGTERM, and
	 * again before SIGKILL; 0 = 1000 ms. */
	uint64_t grace_ms;
	/* Called with each new worker before its first request, as for MCP's initialize; it may use
	 * ks_worker_call() and ks_worker_send(). A negative errno value ends the worker, and is the
	 * result of the acquisition. NULL = nothing. */
	int (*greet)(void *data, const char *tool, ks_worker *worker, ks_error **reterr);
	void *data;
	/* Called with each fault of a worker's: a start that failed, a request that ended it, and
	 * what an idle one did, of which no call is told. The error is what a call gets, with its
	 * outcome and stderr, and belongs to the manager. It is called with the data above, in the
	 * thread that has found the fault (a caller's, or the manager's own) and by many at once,
	 * before the call returns; it may use the manager, but for draining and freeing it. Not
	 * called where a call is cancelled, or all ends. NULL = nothing. */
	void (*on_fault)(void *data, const char *tool, const ks_error *error);
	/* The workers with an allowlist share the egress proxy of this pool (egress.h); NULL = each
	 * has one of its own. The caller may free its own reference at once. */
	ks_egress_pool *egress_pool;
};

/* A manager for the tools, which it keeps a reference to; the backends must stay until it is freed.
 * No worker is started yet. Returns 0, -E2BIG for options of a newer library, -ERANGE, -EINVAL, or
 * the errno of making its thread. */
KS_API int ks_workers_new(ks_backends *backends, const ks_tools *tools,
	const struct ks_workers_options *options, ks_workers **ret_workers, ks_error **reterr);

/* Takes another manifest. Tools that stay the same keep their workers. Of tools that changed or
 * went, idle workers are ended and busy ones end with their acquisition. Returns 0, -ESHUTDOWN, or
 * -ENOMEM with everything as it was. */
KS_API int ks_workers_reload(ks_workers *workers, const ks_tools *tools, ks_error **reterr);

/* Accepts nothing any more, and ends the workers that nobody uses; waits until the others are given
 * back, but not longer than that many milliseconds. Returns 0 when no worker is left, or
 * -ETIMEDOUT; it may be called again. */
KS_API int ks_workers_drain(ks_workers *workers, uint64_t timeout_ms);

/* Ends everything: workers on loan are killed, and calls in progress fail with KS_FAULT_SHUTDOWN.
 * Returns when every worker is gone and no call is in progress. What is still on loan then can only
 * be released. NULL is allowed. */
KS_API void ks_workers_free(ks_workers *workers);

/* Set size to sizeof(struct ks_call_options) and zero the rest. */
struct ks_call_options {
	size_t size;
	/* How long to wait for a worker in milliseconds, back-off included; 0 = as long as it
	 * takes. The start of a worker is not part of it. */
	uint64_t wait_ms;
	/* How long the answer may take, from the request's first byte; 0 = the tool's wall_ms. */
	uint64_t timeout_ms;
	/* A descriptor that ends waiting and call with KS_FAULT_CANCELLED once it polls readable or
	 * hung up, as an eventfd or the socket of a client; 0 = none. The worker is ended. */
	int cancel_fd;
	uint32_t reserved; /* 0 */
	/* Called in the caller's thread with each message of the worker that is not the answer: a
	 * notification, or a request of its own, which ks_worker_send() may answer. The text is
	 * NUL-terminated and valid during the call. NULL: notifications are dropped, and requests
	 * are refused with "method not found". */
	void (*on_message)(void *data, ks_worker *worker, const char *text, size_t len);
	void *data;
};

/* One request to a tool, from acquisition to release. request is one JSON-RPC request of len bytes
 * with an id, which may contain line feeds between its tokens; *ret_answer is the response with
 * that id, NUL-terminated, to be freed with free(); ret_len may be NULL. That the response carries
 * an error of the tool's is no failure of the call. On the way to the worker the id is another, so
 * that callers need not agree on theirs. Every call ends exactly once: with an answer, or with an
 * error that says which fault it was. options may be NULL.
 * Returns 0; a value named at enum ks_fault; -EINVAL for what is no request; -ERANGE for a time of
 * more than a year; -EMSGSIZE for one past
 * the tool's bound, with KS_FAULT_NONE; -ENOMEM. */
KS_API int ks_workers_call(ks_workers *workers, const char *tool, const char *request, size_t len,
	const struct ks_call_options *options, char **ret_answer, size_t *ret_len,
	ks_error **reterr);

/* Takes a worker of the tool for several requests: a warm one, or a new one. Waits in the order of
 * the callers where all are in use. Its backend was resolved when it was started, and is held until
 * it is gone. Of options, wait_ms and cancel_fd count. */
KS_API int ks_workers_acquire(ks_workers *workers, const char *tool,
	const struct ks_call_options *options, ks_worker **ret_worker, ks_error **reterr);

/* As ks_workers_call(), on a worker that was acquired. After a fault each further call fails with
 * the same one: what follows in such a stream belongs to nobody. */
KS_API int ks_worker_call(ks_worker *worker, const char *request, size_t len,
	const struct ks_call_options *options, char **ret_answer, size_t *ret_len,
	ks_error **reterr);

/* Sends a notification, or a response to a request of the worker's own; also from on_message. It
 * waits while the worker does not read, at most the time of a request. Returns as ks_worker_call().
 */
KS_API int ks_worker_send(ks_worker *worker, const char *text, size_t len, ks_error **reterr);

/* Gives it back: kept warm, or ended, as its lifecycle says. Never waits. NULL is allowed. */
KS_API void ks_worker_release(ks_worker *worker);

/* What a tool's workers do now, and did since the manager was made or the tool changed. */
struct ks_workers_status {
	size_t size; /* sizeof(struct ks_workers_status) of the caller, set before the call */
	uint64_t waiting; /* callers that wait for a worker: the depth of the queue */
	uint64_t slots; /* workers that it may have at once */
	uint64_t starting;
	uint64_t idle; /* warm, and used by nobody */
	uint64_t busy; /* on loan */
	uint64_t ending; /* on their way out */
	uint64_t jails_waiting; /* built ahead */
	uint64_t calls; /* requests, however they ended */
	uint64_t faults; /* requests and starts that ended with a fault of the worker's */
	uint64_t starts;
	uint64_t restarts; /* starts after a failure of the same slot */
	uint64_t retired; /* ended as their lifecycle says */
	uint64_t crashes; /* ended by themselves, or in a fault */
	uint64_t backoff_ms; /* until the next start is possible, where none is now */
	enum ks_fault last_fault; /* KS_FAULT_NONE = there was none */
	enum ks_outcome_type last_outcome; /* of the last worker that ended; see ended */
	int last_exit_code; /* -1 = by a signal */
	int last_signal; /* 0 = by itself */
	uint64_t ended; /* workers that have ended, so that last_ means something */
};

/* 0, or -ENOENT. */
KS_API int ks_workers_status(
	ks_workers *workers, const char *tool, struct ks_workers_status *ret_status);

/* The same for all tools as one JSON object: {"tools": {NAME: {...}}}. Free with free(). 0 or
 * -ENOMEM. */
KS_API int ks_workers_json(ks_workers *workers, char **ret_text);

#ifdef __cplusplus
}
#endif

#endif
