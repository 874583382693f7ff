/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/flow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "egress/dial.h"
#include "egress/door.h"
#include "egress/guard.h"
#include "egress/judge.h"
#include "egress/proxy.h"
#include "egress/socket.h"
#include "egress/tell.h"

#define PARTING_READS 8 /* pieces that are thrown away in one turn */

static void step(struct flow *flow);

static void worker_ready(struct watch *watch, uint32_t events)
{
	struct flow *flow = container_of(watch, struct flow, worker.watch);

	end_note(&flow->worker, events);
	step(flow);
}

static void server_ready(struct watch *watch, uint32_t events)
{
	struct flow *flow = container_of(watch, struct flow, server.watch);

	if (flow->state == FLOW_DIAL) {
		dial_ready(flow, events);
		return;
	}
	end_note(&flow->server, events);
	step(flow);
}

static void go_on(struct task *task)
{
	step(container_of(task, struct flow, task));
}

/* Takes the socket; NULL, and the worker is reset, where there is no memory. */
static struct flow *flow_new(struct tenant *tenant, int fd)
{
	struct flow *flow = calloc(1, sizeof(*flow));

	if (!flow) {
		socket_reset(fd);
		return NULL;
	}
	flow->tenant = tenant;
	flow->worker.watch = (struct watch){worker_ready, fd};
	flow->server.watch = (struct watch){server_ready, -1};
	flow->rule = FLOW_NO_RULE;
	flow->began = tenant->loop->now;
	timer_init(&flow->timer);
	task_init(&flow->task, go_on);
	lookup_wait_init(&flow->lookup, judge_resolved);
	list_append(&tenant->flows, &flow->link);
	flow->small = tenant->proxy->open >= FLOW_ROOMY;
	tenant_joined(tenant);
	if ((flow->small && socket_keep_small(fd) < 0) ||
		loop_watch(tenant->loop, &flow->worker.watch, RELAY_EVENTS) < 0) {
		flow_end(flow, END_RST);
		return NULL;
	}
	return flow;
}

bool flow_host(const struct flow *flow, struct egress_host *ret_host)
{
	if (flow->name) {
		*ret_host = (struct egress_host){.kind = HOST_NAME};
		memcpy(ret_host->text, flow->name, strlen(flow->name) + 1);
		return true;
	}
	*ret_host = (struct egress_host){.kind = HOST_ADDRESS};
	if (flow->address.family == ADDRESS_NONE)
		return false;
	egress_host_from_address(&flow->address, ret_host);
	return !synthetic_is(&flow->address);
}

/* The limit is for all of it: asking, and dialling. */
static void decide(struct flow *flow)
{
	struct tenant *tenant = flow->tenant;

	if (!flow->name)
		flow->name = synthetic_name(&tenant->names, &flow->address);
	timer_start(tenant->loop, tenant->timers.connecting, &flow->timer);
	judge(flow);
}

void flow_accept(struct tenant *tenant, int fd, const struct address *address, uint16_t port)
{
	struct flow *flow = flow_new(tenant, fd);

	if (!flow)
		return;
	flow->via = VIA_TRANSPARENT;
	flow->address = *address;
	flow->port = port;
	decide(flow);
}

void flow_accept_door(struct tenant *tenant, int fd)
{
	struct flow *flow = flow_new(tenant, fd);

	if (!flow)
		return;
	flow->state = FLOW_DOOR;
	timer_start(tenant->loop, tenant->timers.idle, &flow->timer);
}

void flow_asked(struct flow *flow, const struct egress_host *host, uint16_t port)
{
	flow->port = port;
	flow->began = flow->tenant->loop->now;
	if (host->kind == HOST_ADDRESS) {
		flow->address = host->address;
	} else {
		flow->name = strdup(host->text);
		flow->owns_name = true;
		if (!flow->name) {
			flow_end(flow, END_RST);
			return;
		}
	}
	decide(flow);
}

void flow_dial(struct flow *flow, const struct address *addresses, size_t count)
{
	struct denial denial = {.reason = REASON_LIMIT};

	flow->state = FLOW_DIAL;
	if (dial_start(flow, addresses, count) < 0)
		flow_deny(flow, &denial);
}

void flow_deny(struct flow *flow, const struct denial *denial)
{
	char text[HOST_PORT_TEXT];
	const char *entry = tell_entry(flow, denial, text);
	bool at_door = flow->state != FLOW_RELAY && flow->via != VIA_TRANSPARENT;

	tell_denied(flow, denial, entry);
	dial_cancel(flow);
	lookup_cancel(&flow->lookup);
	if (at_door && door_answer(flow, denial->reason, entry))
		flow_part(flow);
	else
		flow_end(flow, END_RST);
}

void flow_connected(struct flow *flow, int fd, const struct address *address)
{
	struct tenant *tenant = flow->tenant;
	bool watched = flow->server.watch.fd == fd;

	flow->server.watch.fd = fd;
	flow->server.writable = true;
	flow->dialled = *address;
	flow->number = ++tenant->dialled;
	flow->dial_usec = (uint32_t)(tenant->loop->now - flow->began);
	flow->state = FLOW_RELAY;
	flow->guard = guard_applies(flow) ? GUARD_HELLO : GUARD_OFF;
	if (!flow->guard)
		tell_allowed(flow, NULL);
	if ((!watched && loop_rewatch(tenant->loop, &flow->server.watch, RELAY_EVENTS) < 0) ||
		(flow->via != VIA_TRANSPARENT && !door_answer(flow, REASON_ALLOWED, NULL))) {
		flow_end(flow, END_RST);
		return;
	}
	timer_start(tenant->loop, tenant->timers.idle, &flow->timer);
	step(flow);
}

void flow_part(struct flow *flow)
{
	flow->state = FLOW_PARTING;
	shutdown(flow->worker.watch.fd, SHUT_WR);
	timer_start(flow->tenant->loop, flow->tenant->timers.parting, &flow->timer);
	loop_later(flow->tenant->loop, &flow->task);
}

static void close_end(struct tenant *tenant, struct end *end, enum audit_end how)
{
	if (end->watch.fd < 0)
		return;
	loop_forget(tenant->loop, &end->watch);
	if (how == END_FIN)
		close(end->watch.fd);
	else
		socket_reset(end->watch.fd);
}

void flow_end(struct flow *flow, enum audit_end end)
{
	struct tenant *tenant = flow->tenant;

	/* Allowed, but it came to nothing before there was more to say. */
	if (!flow->told && flow->rule != FLOW_NO_RULE) {
		tell_allowed(flow, NULL);
		tenant->unfinished += !flow->number;
	}
	if (flow->number)
		tell_closed(flow, end);
	tenant->up += flow->up.bytes;
	tenant->down += flow->down.bytes;
	dial_cancel(flow);
	lookup_cancel(&flow->lookup);
	timer_stop(&flow->timer);
	task_cancel(&flow->task);
	relay_done(&tenant->relay, &flow->up);
	relay_done(&tenant->relay, &flow->down);
	close_end(tenant, &flow->worker, end);
	close_end(tenant, &flow->server, end);
	list_remove(&flow->link);
	if (flow->owns_name)
		free((char *)flow->name);
	free(flow);
	tenant_left(tenant);
}

/* What was looked at, and is good. False: the flow is gone. */
static bool pass_hello(struct flow *flow, size_t len)
{
	struct tenant *tenant = flow->tenant;
	enum relay_result result = relay_pass(
		&tenant->relay, &flow->worker, &flow->server, &flow->up, len);

	if (result == RELAY_WAITS) {
		timer_start(tenant->loop, tenant->timers.idle, &flow->timer);
		return true;
	}
	flow_end(flow, result == RELAY_SPENT ? END_LIMIT : END_RST);
	return false;
}

/* False: the flow is gone. */
static bool judge_hello(struct flow *flow)
{
	struct egress_host sni;
	size_t len;
	enum guard_result result = guard_look(flow, &sni, &len);
	struct denial denial = {.sni = &sni};

	switch (result) {
	case GUARD_WAITS:
		return true;
	case GUARD_PASSES:
		if (!flow->told)
			tell_allowed(flow, &sni);
		return len == 0 || pass_hello(flow, len);
	default:
		denial.reason = result == GUARD_MISMATCH ? REASON_SNI_MISMATCH : REASON_SNI_MISSING;
		flow_deny(flow, &denial);
		return false;
	}
}

/* As far as the bytes go that are there. False: the flow is gone. */
static bool guard(struct flow *flow)
{
	if (flow->guard == GUARD_HELLO && flow->worker.readable && !judge_hello(flow))
		return false;
	if (flow->guard == GUARD_REPLY && flow->server.readable)
		guard_hear(flow);
	/* A record of early data at a time, and then the hello. */
	while (flow->guard == GUARD_AGAIN && flow->worker.readable)
		if (!judge_hello(flow))
			return false;
	return true;
}

static void relay(struct flow *flow)
{
	struct tenant *tenant = flow->tenant;
	enum relay_result up = RELAY_WAITS, down;
	bool moved = false;

	if (!guard(flow))
		return;
	flow->up.last = flow->down.shut;
	if (!flow->guard)
		up = relay_pump(&tenant->relay, &flow->worker, &flow->server, &flow->up, &moved);
	flow->down.last = flow->up.shut;
	down = relay_pump(&tenant->relay, &flow->server, &flow->worker, &flow->down, &moved);
	if (up == RELAY_SPENT || down == RELAY_SPENT) {
		flow_end(flow, END_LIMIT);
	} else if (up == RELAY_RESET || down == RELAY_RESET || flow->worker.failed ||
		   flow->server.failed) {
		/* What was there before the reset has been passed on by now. */
		flow_end(flow, END_RST);
	} else if (flow->up.shut && flow->down.shut) {
		flow_end(flow, END_FIN);
	} else {
		if (moved)
			timer_start(tenant->loop, tenant->timers.idle, &flow->timer);
		if (up == RELAY_MORE || down == RELAY_MORE)
			loop_later(tenant->loop, &flow->task);
	}
}

/* Bytes that nobody reads would turn the answer's end into a reset, which destroys it. */
static void part(struct flow *flow)
{
	struct relay *relay = &flow->tenant->relay;

	for (int i = 0; i < PARTING_READS; i++) {
		ssize_t got = recv(
			flow->worker.watch.fd, relay->room->scratch, RELAY_SCRATCH, MSG_DONTWAIT);

		if (got < 0 && errno == EAGAIN)
			return;
		if (got <= 0) {
			flow_end(flow, END_FIN);
			return;
		}
	}
	loop_later(flow->tenant->loop, &flow->task);
}

static void step(struct flow *flow)
{
	switch (flow->state) {
	case FLOW_DOOR:
		door_step(flow);
		break;
	case FLOW_LOOKUP:
	case FLOW_DIAL:
		if (flow->worker.failed)
			flow_end(flow, END_RST);
		break;
	case FLOW_RELAY:
		relay(flow);
		break;
	case FLOW_PARTING:
		part(flow);
		break;
	}
}
