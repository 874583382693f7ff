/* SPDX-License-Identifier: Apache-2.0 */
/* The pool: its limits, and the process that takes workers now. It is started for the first of
 * them, and another one where it has ended or takes no more. One that is replaced serves whom it
 * has. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "core/pipeline.h"
#include "egress/owner_parts.h"
#include "egress/shared.h"
#include "linux/jail/parts.h"

#define WORKERS 256
#define CONNECTIONS (WORKERS * 256u) /* of as many policies with the default */
#define NAMES (WORKERS * 1024u)
#define MAX_WORKERS 16384u
#define MAX_CONNECTIONS (1u << 20)
#define MAX_NAMES (1u << 24)

struct ks_egress_pool {
	unsigned users; /* atomic */
	pid_t maker;
	struct egress_pool_config config;
	pthread_mutex_t lock; /* for what follows */
	struct egress_shared *current;
};

static int too_many(ks_error **reterr, const char *what, unsigned most)
{
	return error_set(reterr, -ERANGE,
		ABOUT(.step = "options", .remedy = "choose fewer; 0 is the default"),
		"options: %s is more than %u", what, most);
}

static int read_limits(const struct ks_egress_pool_limits *given, struct egress_pool_config *config,
	ks_error **reterr)
{
	struct ks_egress_pool_limits limits = {0};
	int r = given ? options_copy_sized(given, sizeof(limits), &limits, sizeof(limits), reterr)
		      : 0;

	if (r < 0)
		return r;
	if (limits.reserved)
		return error_set(reterr, -EINVAL,
			ABOUT(.step = "options", .remedy = "zero the structure first"),
			"options: reserved is not 0");
	if (limits.workers > MAX_WORKERS)
		return too_many(reterr, "workers", MAX_WORKERS);
	if (limits.connections > MAX_CONNECTIONS)
		return too_many(reterr, "connections", MAX_CONNECTIONS);
	if (limits.names > MAX_NAMES)
		return too_many(reterr, "names", MAX_NAMES);
	*config = (struct egress_pool_config){.tenants = limits.workers ? limits.workers : WORKERS,
		.connections = limits.connections ? limits.connections : CONNECTIONS,
		.names = limits.names ? limits.names : NAMES};
	return 0;
}

int ks_egress_pool_new(
	const struct ks_egress_pool_limits *limits, ks_egress_pool **ret_pool, ks_error **reterr)
{
	struct egress_pool_config config;
	ks_egress_pool *pool;
	int r = read_limits(limits, &config, reterr);

	if (r < 0)
		return r;
	pool = calloc(1, sizeof(*pool));
	if (!pool)
		return error_oom(reterr);
	pool->users = 1;
	pool->maker = getpid();
	pool->config = config;
	pthread_mutex_init(&pool->lock, NULL);
	*ret_pool = pool;
	return 0;
}

ks_egress_pool *egress_pool_ref(ks_egress_pool *pool)
{
	if (pool)
		__atomic_add_fetch(&pool->users, 1, __ATOMIC_RELAXED);
	return pool;
}

/* What a child of fork() has is a copy, and the process is its parent's. */
void ks_egress_pool_free(ks_egress_pool *pool)
{
	if (!pool || pool->maker != getpid() ||
		__atomic_sub_fetch(&pool->users, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	egress_shared_unref(pool->current);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

/* With the lock. */
static int start(ks_egress_pool *pool, const struct ks_host *host, ks_error **reterr)
{
	struct egress_pool_config config = pool->config;

	/* Ids that own nothing, and that no worker of this caller ever has. */
	if (host->set_ids) {
		config.flags |= EGRESS_FLAG_IDS;
		config.uid = config.gid = kernel_id_apart();
	}
	return shared_start(&config, &host->cgroup, &pool->current, reterr);
}

/* With the lock. One that has ended since is found out by the attempt. */
static int admit(ks_egress_pool *pool, const struct egress_setup *setup, const int *fds,
	size_t n_fds, ks_error **reterr)
{
	int r = pool->current ? shared_admit(pool->current, fds, n_fds) : -EPIPE;

	if (r == -EPIPE) {
		egress_shared_unref(pool->current);
		pool->current = NULL;
		r = start(pool, setup->host, reterr);
		if (r < 0)
			return r;
		r = shared_admit(pool->current, fds, n_fds);
	}
	/* One that could not even be made ready says why. */
	if (r == -EPIPE)
		return egress_shared_why(pool->current, reterr);
	return r < 0 ? owner_fail(reterr, r, "takes no more workers", NULL) : 0;
}

int egress_pool_enter(const struct egress_setup *setup, int socket,
	struct egress_shared **ret_shared, ks_error **reterr)
{
	ks_egress_pool *pool = setup->pool;
	const int fds[] = {socket, setup->jail ? *setup->jail : -1};
	int r;

	if (pool->maker != getpid())
		return error_set(reterr, -EPERM,
			ABOUT(.step = "egress", .remedy = "make a pool of its own in the child"),
			"the egress pool belongs to the process that made it, not to its child");
	pthread_mutex_lock(&pool->lock);
	r = admit(pool, setup, fds, setup->jail ? 2 : 1, reterr);
	if (r == 0)
		*ret_shared = pool->current;
	pthread_mutex_unlock(&pool->lock);
	return r;
}
