/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/jail/kept.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "linux/jail/root_cache.h"

struct kept {
	struct root_cache *roots;
	atomic_int network; /* -1: none yet */
};

void *kept_new(void)
{
	struct kept *kept = calloc(1, sizeof(*kept));

	if (!kept)
		return NULL;
	kept->roots = root_cache_new();
	atomic_init(&kept->network, -1);
	return kept;
}

void kept_free(void *data)
{
	struct kept *kept = data;
	int network;

	if (!kept)
		return;
	root_cache_free(kept->roots);
	network = atomic_load(&kept->network);
	if (network >= 0)
		close(network);
	free(kept);
}

struct root_cache *kept_roots(const struct ks_host *host)
{
	const struct kept *kept = host->kept;

	return kept ? kept->roots : NULL;
}

void kept_hold_network(const struct ks_host *host, int network)
{
	struct kept *kept = host->kept;
	int none = -1;

	if (!kept || !atomic_compare_exchange_strong(&kept->network, &none, network))
		close(network);
}
