/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/proxy.h"

#include <unistd.h>

#define OTHERS 256 /* further attempts of some connections, and what is always there */

void proxy_init(struct proxy *proxy)
{
	*proxy = (struct proxy){.loop.poller = -1,
		.resolver.socket = -1,
		.resolver.pidfd = -1,
		.routes = -1,
		.maker.fd = -1,
		.lobby.fd = -1};
	list_init(&proxy->tenants.list);
	asking_init(&proxy->asking, ASKING_MAX, ASKING_MAX);
}

/* Two sockets a connection, two ends a pipe, and listeners. */
uint64_t proxy_descriptors(const struct egress_config *config)
{
	return ((uint64_t)config->connections + PIPES_MAX) * 2 + TENANT_MAX_LISTENERS + OTHERS;
}

void proxy_done(struct proxy *proxy)
{
	pipes_done(&proxy->room.pipes);
	loop_close(&proxy->loop);
	resolver_done(&proxy->resolver);
}
