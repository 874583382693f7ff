/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/lookup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOT(ticket) ((ticket)&0xffffu)

struct lookup {
	struct list link; /* of known or unasked; in neither while the resolver works on it */
	struct lookup *next; /* of the bucket */
	struct list waiting;
	uint64_t until;
	uint32_t ticket;
	bool known;
	size_t n_addresses;
	struct address addresses[RESOLVER_MAX_ADDRESSES];
	struct egress_host name;
};

static struct lookup **find(struct lookups *lookups, const char *name)
{
	struct lookup **at = &lookups->buckets[hash_text(lookups->key, name) % LOOKUP_BUCKETS];

	while (*at && strcmp((*at)->name.text, name) != 0)
		at = &(*at)->next;
	return at;
}

static void drop(struct lookups *lookups, struct lookup *lookup)
{
	*find(lookups, lookup->name.text) = lookup->next;
	lookups->slots[SLOT(lookup->ticket)] = NULL;
	list_remove(&lookup->link);
	lookups->count--;
	free(lookup);
}

static struct lookup *first(struct list *list)
{
	return list_empty(list) ? NULL : container_of(list->next, struct lookup, link);
}

/* What is too old, and the oldest one where there is no room. */
static void make_room(struct lookups *lookups)
{
	struct lookup *oldest = first(&lookups->known);

	while (oldest && (oldest->until <= lookups->loop->now || lookups->count == LOOKUP_MAX)) {
		drop(lookups, oldest);
		oldest = first(&lookups->known);
	}
}

/* The list is taken first: those who are told may ask again, for the same name too. */
static void answer(struct list *waiting, const struct address *addresses, size_t count)
{
	while (!list_empty(waiting)) {
		struct lookup_wait *wait = container_of(waiting->next, struct lookup_wait, link);

		list_remove(&wait->link);
		wait->done(wait, count ? addresses : NULL, count);
	}
}

/* A name without addresses is not kept: the next one who asks may be luckier. */
static void settle(struct lookups *lookups, struct lookup *lookup, const struct address *addresses,
	size_t count)
{
	struct list waiting;

	list_move_all(&lookup->waiting, &waiting);
	list_remove(&lookup->link);
	if (count) {
		memcpy(lookup->addresses, addresses, count * sizeof(*addresses));
		lookup->n_addresses = count;
		lookup->known = true;
		lookup->until = lookups->loop->now + LOOKUP_SECONDS * 1000000ull;
		list_append(&lookups->known, &lookup->link);
	} else {
		drop(lookups, lookup);
	}
	answer(&waiting, addresses, count);
}

/* Everybody who waits hears that there is nothing; so does everybody who asks from now on. */
static void break_off(struct lookups *lookups)
{
	if (lookups->broken)
		return;
	lookups->broken = true;
	loop_unwatch(lookups->loop, &lookups->watch);
	for (size_t i = 0; i < LOOKUP_MAX; i++)
		if (lookups->slots[i] && !lookups->slots[i]->known)
			settle(lookups, lookups->slots[i], NULL, 0);
}

/* False where it has to wait for room. */
static bool ask(struct lookups *lookups, struct lookup *lookup)
{
	int r = resolver_ask(lookups->resolver, lookup->ticket, &lookup->name);

	if (r == -EAGAIN)
		return false;
	list_remove(&lookup->link);
	if (r < 0)
		break_off(lookups);
	return true;
}

static void take_answers(struct lookups *lookups)
{
	struct resolution resolution;
	int r;

	while (!lookups->broken && (r = resolver_take(lookups->resolver, &resolution)) != 0) {
		struct lookup *lookup;

		if (r < 0 || SLOT(resolution.ticket) >= LOOKUP_MAX ||
			resolution.n_addresses > RESOLVER_MAX_ADDRESSES) {
			break_off(lookups);
			return;
		}
		lookup = lookups->slots[SLOT(resolution.ticket)];
		if (!lookup || lookup->known || lookup->ticket != resolution.ticket) {
			break_off(lookups);
			return;
		}
		settle(lookups, lookup, resolution.addresses,
			resolution.error ? 0 : resolution.n_addresses);
	}
}

static void resolver_ready(struct watch *watch, uint32_t events)
{
	struct lookups *lookups = container_of(watch, struct lookups, watch);
	struct lookup *next;

	take_answers(lookups);
	if (events & (POLLER_ERROR | POLLER_HANGUP))
		break_off(lookups);
	while (!lookups->broken && (next = first(&lookups->unasked)) && ask(lookups, next))
		continue;
}

static struct lookup *make(struct lookups *lookups, const struct egress_host *name)
{
	struct lookup *lookup;
	uint32_t slot = 0;

	make_room(lookups);
	while (slot < LOOKUP_MAX && lookups->slots[slot])
		slot++;
	lookup = slot < LOOKUP_MAX ? calloc(1, sizeof(*lookup)) : NULL;
	if (!lookup)
		return NULL;
	lookup->ticket = (uint32_t)++lookups->asked << 16 | slot;
	lookup->name = *name;
	list_init(&lookup->waiting);
	list_init(&lookup->link);
	list_append(&lookups->unasked, &lookup->link);
	lookups->slots[slot] = lookup;
	*find(lookups, name->text) = lookup;
	lookups->count++;
	return lookup;
}

int lookup_name(struct lookups *lookups, const struct egress_host *name, struct lookup_wait *wait)
{
	struct lookup *lookup = *find(lookups, name->text);

	if (lookup && lookup->known && lookup->until <= lookups->loop->now) {
		drop(lookups, lookup);
		lookup = NULL;
	}
	if (lookup && lookup->known) {
		wait->done(wait, lookup->addresses, lookup->n_addresses);
		return 0;
	}
	if (lookups->broken) {
		wait->done(wait, NULL, 0);
		return 0;
	}
	if (lookup) {
		list_append(&lookup->waiting, &wait->link);
		return 0;
	}
	lookup = make(lookups, name);
	if (!lookup)
		return -ENOSPC;
	list_append(&lookup->waiting, &wait->link);
	ask(lookups, lookup);
	return 0;
}

void lookup_wait_init(struct lookup_wait *wait,
	void (*done)(struct lookup_wait *wait, const struct address *addresses, size_t count))
{
	list_init(&wait->link);
	wait->done = done;
}

void lookup_cancel(struct lookup_wait *wait)
{
	list_remove(&wait->link);
}

int lookups_start(struct lookups *lookups, struct loop *loop, struct resolver *resolver)
{
	lookups->loop = loop;
	lookups->resolver = resolver;
	lookups->watch = (struct watch){resolver_ready, resolver->socket};
	list_init(&lookups->known);
	list_init(&lookups->unasked);
	return loop_watch(loop, &lookups->watch, POLLER_IN | POLLER_OUT | POLLER_END);
}

void lookups_done(struct lookups *lookups)
{
	for (size_t i = 0; i < LOOKUP_MAX; i++)
		if (lookups->slots[i])
			drop(lookups, lookups->slots[i]);
}
