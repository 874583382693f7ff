/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/farewell.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "egress/dns_tcp.h"
#include "egress/flow.h"
#include "egress/listener.h"
#include "egress/tell.h"
#include "linux/control_message.h"

#define PATIENCE_MS 2000 /* for an owner or a reader of the audit who is busy */

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

void farewell_begin(struct proxy *proxy)
{
	struct list *at, *next;

	if (proxy->draining_now)
		return;
	listeners_take_all(proxy);
	listeners_done(proxy);
	dns_tcp_done(proxy);
	for (at = proxy->flows.next; at != &proxy->flows; at = next) {
		next = at->next;
		if (!is_under_way(flow_at(at)))
			flow_end(flow_at(at), END_WORKER_GONE);
	}
	proxy->draining_now = true;
	if (proxy->open == 0 || proxy->config.drain_ms == 0)
		farewell(proxy);
	else
		timer_start(&proxy->loop, &proxy->draining, &proxy->drain_end);
}

static int say(struct proxy *proxy, enum egress_message type, const void *data, size_t len)
{
	struct pollfd room = {.fd = proxy->owner.fd, .events = POLLOUT};
	int r = control_send(room.fd, type, 0, data, len, NULL, 0);

	while (r == -EAGAIN && poll(&room, 1, PATIENCE_MS) > 0)
		r = control_send(room.fd, type, 0, data, len, NULL, 0);
	return r;
}

/* The last lines, for a reader who was busy elsewhere. One who does not come back loses them. */
static void finish_audit(struct proxy *proxy)
{
	int64_t until = clock_ms() + PATIENCE_MS;

	audit_flush(proxy->audit);
	while (audit_pending(proxy->audit)) {
		struct pollfd room = {.fd = audit_fd(proxy->audit), .events = POLLOUT};
		int64_t left = until - clock_ms();

		if (left <= 0 || poll(&room, 1, (int)left) <= 0)
			return;
		audit_flush(proxy->audit);
	}
}

void farewell(struct proxy *proxy)
{
	struct egress_denied denied;
	struct egress_summary summary = {0};

	proxy->draining_now = false;
	while (!list_empty(&proxy->flows))
		flow_end(flow_at(proxy->flows.next), END_WORKER_GONE);
	tell_summary(proxy);
	finish_audit(proxy);
	audit_give_up(proxy->audit);
	for (size_t i = 0; audit_denied(proxy->audit, i, &denied) == 0; i++)
		if (say(proxy, EGRESS_DENIED, &denied, sizeof(denied)) < 0)
			break;
	audit_totals(proxy->audit, &summary);
	summary.connections = proxy->dialled;
	summary.unfinished = proxy->unfinished;
	summary.up = proxy->up;
	summary.down = proxy->down;
	say(proxy, EGRESS_SUMMARY, &summary, sizeof(summary));
	proxy->loop.ended = true;
}
