/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/tenant.h"

#include <errno.h>
#include <sys/random.h>
#include <unistd.h>

#include "egress/dial.h"
#include "egress/dns_tcp.h"
#include "egress/farewell.h"
#include "egress/flow.h"
#include "egress/listener.h"
#include "egress/proxy.h"
#include "egress/setup.h"

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
	listeners_retry(container_of(timer, struct tenant, retry));
}

static void draining_due(struct timer *timer)
{
	farewell(container_of(timer, struct tenant, drain_end));
}

void tenant_init(struct tenant *tenant, struct proxy *proxy)
{
	*tenant = (struct tenant){.proxy = proxy,
		.loop = &proxy->loop,
		.relay.room = &proxy->room,
		.max_listeners = TENANT_MAX_LISTENERS,
		.max_extra = SIZE_MAX,
		.owner.fd = -1,
		.jail.fd = -1,
		.audit_room.fd = -1};
	list_init(&tenant->listeners);
	list_init(&tenant->flows);
	list_init(&tenant->clients);
	timer_init(&tenant->retry);
	timer_init(&tenant->drain_end);
	timer_init(&tenant->patience);
}

static int take_timers(struct tenant *tenant)
{
	const struct egress_config *config = &tenant->config;
	struct tenant_timers *timers = &tenant->timers;
	const struct {
		struct timers **timers;
		uint64_t milliseconds;
		void (*due)(struct timer *timer);
	} wanted[] = {
		{&timers->connecting, config->connect_ms, connecting_due},
		{&timers->idle, config->idle_ms, idle_due},
		{&timers->next_attempt, DIAL_NEXT_MS, dial_next_due},
		{&timers->parting, FLOW_PARTING_MS, parting_due},
		{&timers->asking, DNS_TCP_IDLE_MS, dns_tcp_due},
		{&timers->starving, LISTENER_RETRY_MS, starving_due},
		{&timers->draining, config->drain_ms, draining_due},
		{&timers->patience, FAREWELL_PATIENCE_MS, farewell_due},
	};

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		*wanted[i].timers = loop_take_timers(
			tenant->loop, wanted[i].milliseconds, wanted[i].due);
		if (!*wanted[i].timers)
			return -ENOMEM;
	}
	return 0;
}

static void give_timers(struct tenant *tenant)
{
	struct tenant_timers *timers = &tenant->timers;
	struct timers *taken[] = {timers->connecting, timers->idle, timers->next_attempt,
		timers->parting, timers->asking, timers->starving, timers->draining,
		timers->patience};

	timer_stop(&tenant->retry);
	timer_stop(&tenant->drain_end);
	timer_stop(&tenant->patience);
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		loop_give_timers(tenant->loop, taken[i]);
	*timers = (struct tenant_timers){0};
}

int tenant_configure(struct tenant *tenant, int audit)
{
	const struct egress_config *config = &tenant->config;
	struct hash_key keys[2];

	tenant->audit = audit_new(audit, config->worker, config->policy);
	if (!tenant->audit || take_timers(tenant) < 0)
		return -ENOMEM;
	tenant->relay.bytes_left = config->bytes ? config->bytes : UINT64_MAX;
	if (getentropy(keys, sizeof(keys)) < 0)
		return -EIO;
	lookups_init(&tenant->lookups, &tenant->proxy->asking, keys[0]);
	return synthetic_init(&tenant->names, config->names, keys[1]);
}

/* Sockets that are none of those that were promised are not served: the worker, which cannot be
 * told, finds nobody there. */
static void jail_ready(struct watch *watch, uint32_t events)
{
	struct tenant *tenant = container_of(watch, struct tenant, jail);
	struct control_message message;
	int r;

	(void)events;
	while ((r = control_receive(watch->fd, &message)) == 1) {
		if (message.header.type == EGRESS_SOCKETS && !tenant->stopped)
			setup_sockets(tenant, &message);
		else
			control_message_drop_fds(&message);
	}
	if (r < 0) {
		loop_unwatch(tenant->loop, watch);
		close(watch->fd);
		watch->fd = -1;
	}
}

static void audit_ready(struct watch *watch, uint32_t events)
{
	struct tenant *tenant = container_of(watch, struct tenant, audit_room);

	(void)events;
	audit_flush(tenant->audit);
	farewell_go_on(tenant);
}

int tenant_watch(struct tenant *tenant)
{
	int r = 0;

	tenant->jail.ready = jail_ready;
	if (tenant->jail.fd >= 0)
		r = loop_watch(tenant->loop, &tenant->jail, POLLER_IN | POLLER_END);
	tenant->audit_room = (struct watch){audit_ready, audit_fd(tenant->audit)};
	/* A regular file is never waited for. */
	if (r == 0 && tenant->audit_room.fd >= 0) {
		r = loop_watch(tenant->loop, &tenant->audit_room, POLLER_OUT);
		if (r == -EPERM)
			r = 0;
	}
	return r;
}

void tenant_joined(struct tenant *tenant)
{
	tenant->open++;
	tenant->proxy->open++;
}

void tenant_left(struct tenant *tenant)
{
	tenant->open--;
	tenant->proxy->open--;
	if (tenant->starved)
		listeners_retry(tenant);
	if (tenant->draining_now && tenant->open == 0)
		farewell(tenant);
}

void tenant_done(struct tenant *tenant)
{
	tenant->draining_now = tenant->starved = false;
	listeners_done(tenant);
	while (!list_empty(&tenant->flows))
		flow_end(container_of(tenant->flows.next, struct flow, link), END_WORKER_GONE);
	dns_tcp_done(tenant);
	lookups_done(&tenant->lookups);
	rules_done(&tenant->rules);
	synthetic_done(&tenant->names);
	if (tenant->jail.fd >= 0) {
		loop_unwatch(tenant->loop, &tenant->jail);
		close(tenant->jail.fd);
		tenant->jail.fd = -1;
	}
	if (tenant->audit_room.fd >= 0)
		loop_unwatch(tenant->loop, &tenant->audit_room);
	audit_free(tenant->audit);
	tenant->audit = NULL;
	give_timers(tenant);
}
