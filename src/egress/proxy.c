/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/proxy.h"

#include <errno.h>
#include <sys/random.h>
#include <unistd.h>

#include "egress/dial.h"
#include "egress/dns_tcp.h"
#include "egress/farewell.h"
#include "egress/flow.h"
#include "egress/listener.h"

static void connecting_due(struct timer *timer)
{
	struct flow *flow = container_of(timer, struct flow, timer);
	struct denial denial = {
		.reason = flow->state == FLOW_LOOKUP ? REASON_NOT_RESOLVED : REASON_DIAL_FAILED};

	flow_deny(flow, &denial);
}

static void idle_due(struct timer *timer)
{
	flow_end(container_of(timer, struct flow, timer), END_TIMEOUT);
}

static void parting_due(struct timer *timer)
{
	flow_end(container_of(timer, struct flow, timer), END_FIN);
}

static void starving_due(struct timer *timer)
{
	listeners_retry(container_of(timer, struct proxy, retry));
}

static void draining_due(struct timer *timer)
{
	farewell(container_of(timer, struct proxy, drain_end));
}

void proxy_init(struct proxy *proxy)
{
	*proxy = (struct proxy){.loop.poller = -1,
		.resolver.socket = -1,
		.resolver.pidfd = -1,
		.routes = -1,
		.owner.fd = -1,
		.jail.fd = -1,
		.maker.fd = -1,
		.audit_room.fd = -1};
	list_init(&proxy->listeners);
	list_init(&proxy->flows);
	list_init(&proxy->clients);
	timer_init(&proxy->retry);
	timer_init(&proxy->drain_end);
}

int proxy_configure(struct proxy *proxy)
{
	const struct egress_config *config = &proxy->config;
	struct loop *loop = &proxy->loop;
	struct hash_key keys[2];
	int r = loop_open(loop);

	if (r < 0)
		return r;
	loop_add_timers(loop, &proxy->connecting, config->connect_ms, connecting_due);
	loop_add_timers(loop, &proxy->idle, config->idle_ms, idle_due);
	loop_add_timers(loop, &proxy->next_attempt, DIAL_NEXT_MS, dial_next_due);
	loop_add_timers(loop, &proxy->parting, FLOW_PARTING_MS, parting_due);
	loop_add_timers(loop, &proxy->asking, DNS_TCP_IDLE_MS, dns_tcp_due);
	loop_add_timers(loop, &proxy->starving, LISTENER_RETRY_MS, starving_due);
	loop_add_timers(loop, &proxy->draining, config->drain_ms, draining_due);
	proxy->relay.bytes_left = config->bytes ? config->bytes : UINT64_MAX;
	if (getentropy(keys, sizeof(keys)) < 0)
		return -EIO;
	proxy->lookups.key = keys[0];
	return synthetic_init(&proxy->names, config->names, keys[1]);
}

/* Descriptors: two sockets a connection and a further attempt of some, two ends a pipe, listeners,
 * and those that are always there. */
uint64_t proxy_descriptors(const struct proxy *proxy)
{
	return ((uint64_t)proxy->config.connections + PIPES_MAX) * 2 + PROXY_MAX_LISTENERS + 256;
}

void proxy_left(struct proxy *proxy)
{
	proxy->open--;
	if (proxy->starved)
		listeners_retry(proxy);
	if (proxy->draining_now && proxy->open == 0)
		farewell(proxy);
}

void proxy_done(struct proxy *proxy)
{
	proxy->draining_now = proxy->starved = false;
	listeners_done(proxy);
	while (!list_empty(&proxy->flows))
		flow_end(container_of(proxy->flows.next, struct flow, link), END_WORKER_GONE);
	dns_tcp_done(proxy);
	lookups_done(&proxy->lookups);
	pipes_done(&proxy->relay.pipes);
	rules_done(&proxy->rules);
	synthetic_done(&proxy->names);
	loop_close(&proxy->loop);
}
