/* SPDX-License-Identifier: Apache-2.0 */
/* The manager of workers, measured as a program uses it: with one tool, or as many alike as the
 * slots that are asked for need. */
#ifndef KS_BENCH_WORKERS_H
#define KS_BENCH_WORKERS_H

#include "bench.h"

/* One request, as every row of calls sends it. */
#define WORKERS_REQUEST                                                                         \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"params\":{\"text\":\"as short as " \
	"many\"}}"

struct workers_wanted {
	unsigned tools; /* t0, t1 ... */
	unsigned instances; /* of each; 0 = of single use */
	unsigned jails_ahead;
	uint64_t backoff_ms; /* 0 = the library's own */
};

/* 0, or -errno with a sentence. */
int workers_new(const struct bench *bench, const struct request *request,
	const struct workers_wanted *wanted, ks_workers **ret_workers, const char **ret_reason);

/* Waits until the tool has that many jails waiting, or that many workers are idle; 0 or -ETIME. */
int workers_await(ks_workers *workers, const char *tool, uint64_t jails, uint64_t idle);

/* Methods; see struct method. */
int run_pipe(const struct bench *bench, const struct request *request, struct timing *ret_timing,
	const char **ret_reason);
int run_jailed_pipe(const struct bench *bench, const struct request *request,
	struct timing *ret_timing, const char **ret_reason);
int run_watched_pipe(const struct bench *bench, const struct request *request,
	struct timing *ret_timing, const char **ret_reason);
int run_warm(const struct bench *bench, const struct request *request, struct timing *ret_timing,
	const char **ret_reason);
int run_acquire(const struct bench *bench, const struct request *request, struct timing *ret_timing,
	const char **ret_reason);
void workers_drop(void);

/* Idle ones: warm slots, or as many plain processes with a pipe on each stream, for comparison. */
int warm_hold(const struct bench *bench, const struct request *request, unsigned count,
	const char **ret_reason);
int plain_hold(const struct bench *bench, const struct request *request, unsigned count,
	const char **ret_reason);
void idle_drop(void);

/* Calls from many threads at once while workers are killed all the time. */
struct storm {
	unsigned calls, answers, faults, wrong, kills;
};
int storm_run(const struct bench *bench, const struct request *request, unsigned calls,
	unsigned threads, struct storm *ret_storm, const char **ret_reason);

#endif
