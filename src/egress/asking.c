/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/asking.h"

#include <errno.h>

#include "egress/lookup.h"

#define SLOT(ticket) ((ticket)&0xffffu)

/* Everybody who waits hears that there is nothing; so does everybody who asks from now on. */
static void break_off(struct asking *asking)
{
	struct list *at, *next;

	if (asking->broken)
		return;
	asking->broken = true;
	loop_unwatch(asking->loop, &asking->watch);
	for (size_t i = 0; i < ASKING_MAX; i++)
		asking->tickets[i] = (struct ticket){0};
	/* Who is told may end connections, but no tenant. */
	for (at = asking->all.next; at != &asking->all; at = next) {
		next = at->next;
		lookups_give_up(container_of(at, struct lookups, link));
	}
	if (asking->when_broken)
		asking->when_broken(asking);
}

static struct ticket *free_ticket(struct asking *asking)
{
	for (size_t i = 0; i < asking->most; i++) {
		struct ticket *ticket = &asking->tickets[i];

		if (ticket->number)
			continue;
		/* Never 0, which is a free one's. */
		if (++asking->asked == 0)
			asking->asked = 1;
		ticket->number = (uint32_t)asking->asked << 16 | (uint32_t)i;
		return ticket;
	}
	return NULL;
}

static void line_up(struct asking *asking, struct lookups *lookups)
{
	if (list_empty(&lookups->turn) && !list_empty(&lookups->unasked) &&
		lookups->n_asked < asking->share)
		list_append(&asking->turns, &lookups->turn);
}

/* One question of each in turn, until there is no room. */
static void go_round(struct asking *asking)
{
	while (!asking->broken && !list_empty(&asking->turns)) {
		struct lookups *next = container_of(asking->turns.next, struct lookups, turn);
		struct ticket *ticket = free_ticket(asking);
		int r;

		if (!ticket)
			return;
		r = lookups_ask_first(next, ticket->number, &ticket->lookup);
		if (r < 0)
			*ticket = (struct ticket){0};
		if (r == -EAGAIN)
			return;
		if (r < 0) {
			break_off(asking);
			return;
		}
		list_remove(&next->turn);
		line_up(asking, next);
	}
}

static void take_answers(struct asking *asking)
{
	struct resolution resolution;
	int r;

	while (!asking->broken && (r = resolver_take(asking->resolver, &resolution)) != 0) {
		struct ticket ticket, *place;

		if (r < 0 || SLOT(resolution.ticket) >= ASKING_MAX ||
			resolution.n_addresses > RESOLVER_MAX_ADDRESSES) {
			break_off(asking);
			return;
		}
		place = &asking->tickets[SLOT(resolution.ticket)];
		ticket = *place;
		if (!ticket.number || ticket.number != resolution.ticket) {
			break_off(asking);
			return;
		}
		*place = (struct ticket){0};
		if (!ticket.lookup)
			continue;
		line_up(asking, lookup_settle(ticket.lookup, resolution.addresses,
					resolution.error ? 0 : resolution.n_addresses));
	}
}

static void resolver_ready(struct watch *watch, uint32_t events)
{
	struct asking *asking = container_of(watch, struct asking, watch);

	take_answers(asking);
	if (events & (POLLER_ERROR | POLLER_HANGUP))
		break_off(asking);
	go_round(asking);
}

void asking_wants(struct asking *asking, struct lookups *lookups)
{
	line_up(asking, lookups);
	go_round(asking);
}

void asking_forget(struct asking *asking, uint32_t ticket)
{
	asking->tickets[SLOT(ticket)].lookup = NULL;
}

void asking_init(struct asking *asking, size_t share, size_t most)
{
	*asking = (struct asking){.share = share, .most = most};
	list_init(&asking->turns);
	list_init(&asking->all);
}

int asking_start(struct asking *asking, struct loop *loop, struct resolver *resolver)
{
	asking->loop = loop;
	asking->resolver = resolver;
	asking->watch = (struct watch){resolver_ready, resolver->socket};
	return loop_watch(loop, &asking->watch, POLLER_IN | POLLER_OUT | POLLER_END);
}
