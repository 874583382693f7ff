/* SPDX-License-Identifier: Apache-2.0 */
/* Two services of this process, which workers with an allowlist reach through the proxy of a pool.
 */
#ifndef TESTS_LIBRARY_POOL_COMMON_H
#define TESTS_LIBRARY_POOL_COMMON_H

#include <sys/types.h>

#include "suite.h"

#define SERVICES 2
#define PONG "pong\n"

/* The same port of 192.0.2.1 and of 192.0.2.2, so that a worker which asks for the other one comes
 * to the proxy with it, whatever the jail's kernel can do. */
extern unsigned port;

/* Each answers a line with a line, in a network of this process's own, for which there must be no
 * thread by then. 0 or -1. */
int services_start(void);

/* How many connections they have had. */
unsigned visitors(void);

/* Of the default limits where limits is NULL. */
ks_egress_pool *pool_new(const struct ks_egress_pool_limits *limits);

/* One endpoint: that service, which is 0 or 1. */
ks_policy *policy_of(int service);

struct ks_run_options pool_options(ks_egress_pool *pool);

/* A worker of that script for bash, under the policy, which is freed: 0, or what the spawn
 * returned. The errors are said unless a refusal is what is waited for. */
int start(ks_egress_pool *pool, ks_policy *policy, const char *script, int quiet,
	ks_child **ret_child);

/* What it wrote, once it has ended; then ks_child_outcome() is ready. */
const char *finish(ks_child *child, char text[256]);

/* A script that reaches a service and prints its answer; and one that tries. Static: one at a time.
 */
const char *reaches(int service);
const char *tries(int service);

/* Waits for a line that the worker writes. */
int says(ks_child *child, const char *line);

/* Processes of that name (as the kernel cuts it) whose parent is this one; the pid of one of them.
 */
int children_named(const char *name, pid_t *ret_pid);
/* The pid of one that is not the other; 0 where there is none. */
pid_t other_child(const char *name, pid_t other);
/* Their open descriptors; their memory that is nobody else's, in KiB. */
int descriptors_of(pid_t pid);
long memory_of(pid_t pid);
/* Waits until something holds; 0 where it does not within half a minute. */
int wait_until(int (*holds)(void *data), void *data);

#endif
