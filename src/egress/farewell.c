/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/farewell.h"

#include <errno.h>
#include <sys/socket.h>

#include "egress/dns_tcp.h"
#include "egress/flow.h"
#include "egress/listener.h"
#include "egress/tell.h"
#include "linux/control_message.h"

static struct flow *flow_at(struct list *link)
{
	return container_of(link, struct flow, link);
}

/* To the worker it was connected from the start, so that what it sent before its end arrives as if
 * it had been. Who has said nothing by now will not. */
static bool is_under_way(const struct flow *flow)
{
	char byte;

	switch (flow->state) {
	case FLOW_RELAY:
		return true;
	case FLOW_LOOKUP:
	case FLOW_DIAL:
		return recv(flow->worker.watch.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
	default:
		return false;
	}
}

void farewell_begin(struct tenant *tenant)
{
	struct list *at, *next;

	if (tenant->stopped)
		return;
	tenant->stopped = true;
	listeners_take_all(tenant);
	listeners_done(tenant);
	dns_tcp_done(tenant);
	for (at = tenant->flows.next; at != &tenant->flows; at = next) {
		next = at->next;
		if (!is_under_way(flow_at(at)))
			flow_end(flow_at(at), END_WORKER_GONE);
	}
	tenant->draining_now = true;
	if (tenant->open == 0 || tenant->config.drain_ms == 0)
		farewell(tenant);
	else
		timer_start(tenant->loop, tenant->timers.draining, &tenant->drain_end);
}

/* 0, -EAGAIN: there is no room now; other -errno: nobody is there. */
static int say_all(struct tenant *tenant)
{
	struct egress_denied denied;
	struct egress_summary summary = {0};
	int r;

	for (; audit_denied(tenant->audit, tenant->said, &denied) == 0; tenant->said++) {
		r = control_send(
			tenant->owner.fd, EGRESS_DENIED, 0, &denied, sizeof(denied), NULL, 0);
		if (r < 0)
			return r;
	}
	audit_totals(tenant->audit, &summary);
	summary.connections = tenant->dialled;
	summary.unfinished = tenant->unfinished;
	summary.up = tenant->up;
	summary.down = tenant->down;
	return control_send(
		tenant->owner.fd, EGRESS_SUMMARY, 0, &summary, sizeof(summary), NULL, 0);
}

static void be_patient(struct tenant *tenant)
{
	timer_start(tenant->loop, tenant->timers.patience, &tenant->patience);
}

/* The last lines have gone to the reader of the audit. One who does not come back loses them. */
static void say_words(struct tenant *tenant)
{
	audit_give_up(tenant->audit);
	tenant->farewell = FAREWELL_WORDS;
	be_patient(tenant);
	farewell_go_on(tenant);
}

static void finish(struct tenant *tenant)
{
	timer_stop(&tenant->patience);
	tenant->farewell = FAREWELL_OVER;
	tenant->over(tenant);
}

void farewell_go_on(struct tenant *tenant)
{
	switch (tenant->farewell) {
	case FAREWELL_AUDIT:
		if (!audit_pending(tenant->audit))
			say_words(tenant);
		break;
	case FAREWELL_WORDS:
		if (say_all(tenant) != -EAGAIN)
			finish(tenant);
		break;
	default:
		break;
	}
}

void farewell_due(struct timer *timer)
{
	struct tenant *tenant = container_of(timer, struct tenant, patience);

	if (tenant->farewell == FAREWELL_AUDIT)
		say_words(tenant);
	else if (tenant->farewell == FAREWELL_WORDS)
		finish(tenant);
}

void farewell(struct tenant *tenant)
{
	tenant->draining_now = false;
	timer_stop(&tenant->drain_end);
	while (!list_empty(&tenant->flows))
		flow_end(flow_at(tenant->flows.next), END_WORKER_GONE);
	tell_summary(tenant);
	audit_flush(tenant->audit);
	tenant->farewell = FAREWELL_AUDIT;
	be_patient(tenant);
	farewell_go_on(tenant);
}
