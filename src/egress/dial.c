/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/dial.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "egress/socket.h"

struct attempt {
	struct watch own;
	struct watch *watch; /* its own, or the flow's of its server */
	struct dial *dial;
	size_t order;
	bool extra; /* it was begun while another one was under way */
	struct address address;
};

struct dial {
	struct flow *flow;
	struct timer timer; /* the next attempt */
	size_t count, next; /* addresses, and the one that is tried next */
	bool starved; /* one was not tried, for want of a descriptor or of memory */
	struct attempt attempts[DIAL_AT_ONCE];
	struct address addresses[RESOLVER_MAX_ADDRESSES];
};

/* The resolver's order, but for the families: one of the first one's, one of the other, and on. */
static void interleave(struct dial *dial, const struct address *addresses, size_t count)
{
	size_t at[2] = {0, 0};
	enum address_family first = addresses[0].family;

	while (dial->count < count && dial->count < RESOLVER_MAX_ADDRESSES) {
		for (int other = 0; other < 2; other++) {
			size_t *i = &at[other];

			while (*i < count && (addresses[*i].family != first) != other)
				++*i;
			if (*i < count && dial->count < RESOLVER_MAX_ADDRESSES)
				dial->addresses[dial->count++] = addresses[(*i)++];
		}
	}
}

static void no_longer_extra(struct attempt *attempt)
{
	attempt->dial->flow->tenant->extra -= attempt->extra;
	attempt->extra = false;
}

static void attempt_end(struct dial *dial, struct attempt *attempt)
{
	if (attempt->watch->fd < 0)
		return;
	no_longer_extra(attempt);
	loop_forget(dial->flow->tenant->loop, attempt->watch);
	close(attempt->watch->fd);
	attempt->watch->fd = -1;
}

void dial_cancel(struct flow *flow)
{
	struct dial *dial = flow->dial;

	if (!dial)
		return;
	for (int i = 0; i < DIAL_AT_ONCE; i++)
		attempt_end(dial, &dial->attempts[i]);
	timer_stop(&dial->timer);
	free(dial);
	flow->dial = NULL;
}

/* What was said of the flow's own watch is not said again. */
static void win(struct attempt *attempt, uint32_t events)
{
	struct flow *flow = attempt->dial->flow;
	struct address address = attempt->address;
	struct watch *watch = attempt->watch;
	int fd = watch->fd;

	watch->fd = -1;
	no_longer_extra(attempt);
	if (watch == &flow->server.watch)
		end_note(&flow->server, events);
	else
		loop_forget(flow->tenant->loop, watch);
	dial_cancel(flow);
	if (watch == &flow->server.watch)
		watch->fd = fd;
	flow_connected(flow, fd, &address);
}

static void try_next(struct dial *dial);

static void take(struct attempt *attempt, uint32_t events)
{
	if (events & (POLLER_ERROR | POLLER_HANGUP)) {
		attempt_end(attempt->dial, attempt);
		try_next(attempt->dial);
	} else if (events & POLLER_OUT) {
		win(attempt, events);
	}
}

static void attempt_ready(struct watch *watch, uint32_t events)
{
	take(container_of(watch, struct attempt, own), events);
}

void dial_ready(struct flow *flow, uint32_t events)
{
	take(&flow->dial->attempts[0], events);
}

static bool under_way(const struct dial *dial)
{
	for (int i = 0; i < DIAL_AT_ONCE; i++)
		if (dial->attempts[i].watch->fd >= 0)
			return true;
	return false;
}

/* 0 while it is under way, else -errno. */
static int attempt_begin(struct dial *dial, struct attempt *attempt, const struct address *address)
{
	struct flow *flow = dial->flow;
	int family = address->family == ADDRESS_V4 ? AF_INET : AF_INET6;
	bool another = under_way(dial);
	int fd = socket_open(family), r;

	dial->starved |= fd == -EMFILE || fd == -ENFILE || fd == -ENOBUFS || fd == -ENOMEM;
	if (fd < 0)
		return fd;
	attempt->order = dial->next;
	attempt->address = *address;
	attempt->watch->fd = fd;
	r = socket_prepare(fd);
	if (r == 0 && flow->small)
		r = socket_keep_small(fd);
	if (r == 0)
		r = socket_connect(fd, address, flow->port);
	if (r == 0)
		r = loop_watch(flow->tenant->loop, attempt->watch, RELAY_EVENTS);
	if (r < 0) {
		attempt_end(dial, attempt);
		return r;
	}
	attempt->extra = another;
	flow->tenant->extra += another;
	return 0;
}

/* A free one, or that of the oldest attempt, which is given up. */
static struct attempt *make_room(struct dial *dial)
{
	struct attempt *oldest = &dial->attempts[0];

	for (int i = 0; i < DIAL_AT_ONCE; i++) {
		struct attempt *attempt = &dial->attempts[i];

		if (attempt->watch->fd < 0)
			return attempt;
		if (attempt->order < oldest->order)
			oldest = attempt;
	}
	attempt_end(dial, oldest);
	return oldest;
}

/* The tenant has as many further attempts as it may: what is under way goes on, and the next one
 * comes later. */
static bool has_to_wait(const struct dial *dial)
{
	const struct tenant *tenant = dial->flow->tenant;

	return tenant->extra >= tenant->max_extra && under_way(dial);
}

static int begin_next(struct dial *dial)
{
	const struct address *address = &dial->addresses[dial->next++];

	return attempt_begin(dial, make_room(dial), address);
}

/* What cannot even be begun, for want of a route say, is passed over at once. */
static void try_next(struct dial *dial)
{
	struct flow *flow = dial->flow;
	struct denial denial = {.reason = REASON_DIAL_FAILED};

	while (dial->next < dial->count) {
		if (has_to_wait(dial) || begin_next(dial) == 0) {
			timer_start(flow->tenant->loop, flow->tenant->timers.next_attempt,
				&dial->timer);
			return;
		}
	}
	if (under_way(dial))
		return;
	if (dial->starved)
		denial.reason = REASON_LIMIT;
	denial.resolved = dial->addresses;
	denial.n_resolved = flow->name ? dial->count : 0;
	flow_deny(flow, &denial);
}

void dial_next_due(struct timer *timer)
{
	try_next(container_of(timer, struct dial, timer));
}

int dial_start(struct flow *flow, const struct address *addresses, size_t count)
{
	struct dial *dial = calloc(1, sizeof(*dial));

	if (!dial)
		return -ENOMEM;
	dial->flow = flow;
	timer_init(&dial->timer);
	for (int i = 0; i < DIAL_AT_ONCE; i++) {
		struct attempt *attempt = &dial->attempts[i];

		*attempt = (struct attempt){.own = {attempt_ready, -1}, .dial = dial};
		attempt->watch = &attempt->own;
	}
	/* Mostly there is one attempt, and it wins: nothing has to change for the kernel then. */
	dial->attempts[0].watch = &flow->server.watch;
	interleave(dial, addresses, count);
	flow->dial = dial;
	try_next(dial);
	return 0;
}
