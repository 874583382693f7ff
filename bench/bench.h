/* SPDX-License-Identifier: Apache-2.0 */
/* The measuring process: it spawns on request and says how long it took. Which spawn comes when,
 * how often, and what the figures mean is decided by bench/run; here nothing is averaged or left
 * out. */
#ifndef KS_BENCH_H
#define KS_BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <kastellan/kastellan.h>

#include "base/strv.h"

#define BENCH_MAX_GRANTS 256
#define BENCH_MAX_COMMANDS 32

struct bench {
	const char *place; /* directory with read/, write/ and grants/0 ... */
	ks_backends *backends;
	struct strv commands[BENCH_MAX_COMMANDS]; /* the first word is the name */
	size_t n_commands;
};

struct method;

/* METHOD/TARGET/GRANTS: "native/true-static/2". With the method "command", the target is the name
 * of a line of the file of commands. */
struct request {
	const struct method *method;
	char target[64];
	unsigned grants; /* of the policy, two or more */
	ks_policy *policy; /* NULL where the method has no use for one */
	char program[512];
};

struct timing {
	uint64_t spawn_ns; /* until the program was executed */
	uint64_t total_ns; /* until it was reaped and nothing was left of the jail */
};

/* Spawns once. Returns 0, or -errno with a sentence in *ret_reason, which is static or belongs to
 * the calling thread until its next call. */
typedef int (*method_run)(const struct bench *bench, const struct request *request,
	struct timing *ret_timing, const char **ret_reason);

struct method {
	const char *name;
	method_run run;
	enum ks_backend_kind kind; /* of jails */
	const char *endpoint; /* of an allowlist; NULL: no network */
	/* Keeps so many until they are dropped, where it is no jail of its own. */
	int (*hold)(const struct bench *bench, const struct request *request, unsigned count,
		const char **ret_reason);
};

/* A line of words, as a file of commands has them between tabs. */
int bench_load_commands(struct bench *bench, const char *path);

/* Returns 0 or -errno with a sentence. */
int request_parse(const struct bench *bench, const char *text, struct request *ret_request,
	const char **ret_reason);
void request_done(struct request *request);

int run_bare(const struct bench *bench, const struct request *request, struct timing *ret_timing,
	const char **ret_reason);
int run_floor(const struct bench *bench, const struct request *request, struct timing *ret_timing,
	const char **ret_reason);
/* See least.h. */
int run_least(const struct bench *bench, const struct request *request, struct timing *ret_timing,
	const char **ret_reason);
int run_least_safe(const struct bench *bench, const struct request *request,
	struct timing *ret_timing, const char **ret_reason);
int run_least_prepared(const struct bench *bench, const struct request *request,
	struct timing *ret_timing, const char **ret_reason);
/* See least_network.c. */
int run_least_network(const struct bench *bench, const struct request *request,
	struct timing *ret_timing, const char **ret_reason);
int run_command(const struct bench *bench, const struct request *request, struct timing *ret_timing,
	const char **ret_reason);
int run_jail(const struct bench *bench, const struct request *request, struct timing *ret_timing,
	const char **ret_reason);
/* The same with the proxy of a pool, which is one for all that are run. */
int run_shared(const struct bench *bench, const struct request *request, struct timing *ret_timing,
	const char **ret_reason);

int run_prepared(const struct bench *bench, const struct request *request,
	struct timing *ret_timing, const char **ret_reason);
int run_prepared_whole(const struct bench *bench, const struct request *request,
	struct timing *ret_timing, const char **ret_reason);

/* A policy that limits everything, with the targets' directory to read, one to write, and more to
 * read until there are that many grants. */
int jail_policy(const char *place, unsigned grants, ks_policy **ret_policy);

/* Keeps count jails until jails_drop(), prepared ones without a worker. Returns 0 or -errno with a
 * sentence. */
int jails_hold(const struct bench *bench, const struct request *request, unsigned count,
	const char **ret_reason);
void jails_drop(void);

/* Waiting jails for a request, which is not kept. */
int prepared_new(const struct bench *bench, const struct request *request, size_t ahead,
	ks_prepared **ret_prepared, ks_error **reterr);
/* A jail with other options than most have. */
int jail_spawn(const struct bench *bench, const struct request *request,
	const struct ks_run_options *options, ks_child **ret_child, const char **ret_reason);
/* Waits for the worker and takes the times. */
int jail_finish(
	ks_child *child, uint64_t start, struct timing *ret_timing, const char **ret_reason);
int jail_fail(int r, ks_error *error, const char *otherwise, const char **ret_reason);
/* Ends what waits. */
void prepared_drop(void);

/* Spawns from that many threads for a while. */
int rate_measure(const struct bench *bench, const struct request *request, unsigned threads,
	unsigned milliseconds, uint64_t *ret_count, uint64_t *ret_ns, const char **ret_reason);

/* What a caller can have that must not make its spawns dearer. 0 or -errno. */
int caller_resident(unsigned mib);
int caller_descriptors(unsigned count);
int caller_mounts(const char *place, unsigned count);

static inline uint64_t bench_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#endif
