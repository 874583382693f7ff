/* SPDX-License-Identifier: Apache-2.0 */
#include "resolve/facts.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/error.h"

struct facts {
	atomic_uint references;
	probe_function *probe;
	pthread_mutex_t lock;
	/* Both are kept once known, as readers hold pointers into them. */
	struct ks_host *quick;
	struct ks_host *tried;
};

struct facts *facts_new(probe_function *probe)
{
	struct facts *facts = calloc(1, sizeof(*facts));

	if (!facts)
		return NULL;
	atomic_init(&facts->references, 1);
	facts->probe = probe;
	pthread_mutex_init(&facts->lock, NULL);
	return facts;
}

struct facts *facts_new_described(struct ks_host *host)
{
	struct facts *facts = facts_new(NULL);

	if (facts)
		facts->tried = host;
	else
		host_free(host);
	return facts;
}

bool facts_are_described(const struct facts *facts)
{
	return !facts->probe;
}

struct facts *facts_ref(struct facts *facts)
{
	atomic_fetch_add_explicit(&facts->references, 1, memory_order_relaxed);
	return facts;
}

void facts_unref(struct facts *facts)
{
	if (!facts || atomic_fetch_sub_explicit(&facts->references, 1, memory_order_acq_rel) != 1)
		return;
	host_free(facts->quick);
	host_free(facts->tried);
	pthread_mutex_destroy(&facts->lock);
	free(facts);
}

static int look_at(struct ks_host *host, unsigned parts, ks_error **reterr)
{
	unsigned missing = host->look ? parts & ~host->looked : 0;

	if (missing && host->look(host, missing) < 0)
		return error_oom(reterr);
	host->looked |= missing;
	return 0;
}

int facts_get(struct facts *facts, bool tried, unsigned parts, const struct ks_host **ret_host,
	ks_error **reterr)
{
	struct ks_host **slot = tried ? &facts->tried : &facts->quick;
	int r = 0;

	pthread_mutex_lock(&facts->lock);
	if (facts->tried)
		slot = &facts->tried;
	if (!*slot)
		r = facts->probe(tried, slot, reterr);
	if (r == 0)
		r = look_at(*slot, parts, reterr);
	if (r == 0)
		*ret_host = *slot;
	pthread_mutex_unlock(&facts->lock);
	return r;
}
