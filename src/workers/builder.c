/* SPDX-License-Identifier: Apache-2.0 */
/* The second thread, where jails are built ahead for tools of single use: whenever one was used,
 * another is built. A failure here is no one's: the spawn that then has to make its own jail meets
 * it again, and reports it. */
#include "workers/manager.h"

static struct pool *find_wanting(const struct ks_workers *workers)
{
	struct pool *pool = workers->pools;

	while (pool && (pool->closed || !pool->wants_jails))
		pool = pool->next;
	return pool;
}

/* The policy is prepared when its first jail is wanted. Without the lock. */
static void prepare(const struct ks_workers *workers, const struct pool *pool,
	ks_backend **ret_backend, ks_prepared **ret_prepared)
{
	const struct tool *tool = pool->tool;
	struct ks_run_options run = {.size = sizeof(run),
		.cwd = tool->cwd ? tool->cwd : "/",
		.allow_degraded = workers->options.allow_degraded,
		.egress_pool = workers->options.egress_pool};

	if (ks_backends_resolve(workers->backends, tool->backend, tool->image, ret_backend) < 0)
		return;
	if (ks_prepared_new(*ret_backend, tool->policy, &run, workers->options.jails_ahead,
		    ret_prepared, NULL) == 0)
		return;
	ks_backend_unref(*ret_backend);
	*ret_backend = NULL;
}

/* The lock is let go for what takes long. */
static void build(struct ks_workers *workers, struct pool *pool)
{
	ks_prepared *prepared = pool->prepared;
	ks_backend *backend = NULL;

	pool->wants_jails = false;
	pool->users++;
	pthread_mutex_unlock(&workers->lock);
	if (!prepared)
		prepare(workers, pool, &backend, &prepared);
	if (prepared)
		ks_prepared_fill(prepared, NULL);
	pthread_mutex_lock(&workers->lock);
	if (!pool->prepared) {
		pool->prepared_backend = backend;
		pool->prepared = prepared;
	}
	pool_leave(workers, pool);
}

void *builder_main(void *data)
{
	struct ks_workers *workers = data;

	pthread_mutex_lock(&workers->lock);
	while (!workers->leaving) {
		struct pool *pool = workers->stopping ? NULL : find_wanting(workers);

		if (pool)
			build(workers, pool);
		else
			pthread_cond_wait(&workers->wanted, &workers->lock);
	}
	pthread_mutex_unlock(&workers->lock);
	return NULL;
}
