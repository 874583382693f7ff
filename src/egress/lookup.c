/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/lookup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct lookup {
	struct lookups *lookups;
	struct list link; /* of known, unasked or asked */
	struct lookup *next; /* of the bucket */
	struct list waiting;
	uint64_t until;
	uint32_t ticket; /* 0 = it is not at the resolver */
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
	if (lookup->ticket)
		asking_forget(lookups->asking, lookup->ticket);
	list_remove(&lookup->link);
	lookups->count--;
	free(lookup);
}

static struct lookup *first(struct list *list)
{
	return list_empty(list) ? NULL : container_of(list->next, struct lookup, link);
}

static uint64_t now(const struct lookups *lookups)
{
	return lookups->asking->loop->now;
}

/* What is too old, and the oldest one where there is no room. */
static void make_room(struct lookups *lookups)
{
	struct lookup *oldest = first(&lookups->known);

	while (oldest && (oldest->until <= now(lookups) || lookups->count == LOOKUP_MAX)) {
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
struct lookups *lookup_settle(struct lookup *lookup, const struct address *addresses, size_t count)
{
	struct lookups *lookups = lookup->lookups;
	struct list waiting;

	list_move_all(&lookup->waiting, &waiting);
	list_remove(&lookup->link);
	lookups->n_asked -= lookup->ticket != 0;
	lookup->ticket = 0;
	if (count) {
		memcpy(lookup->addresses, addresses, count * sizeof(*addresses));
		lookup->n_addresses = count;
		lookup->known = true;
		lookup->until = now(lookups) + LOOKUP_SECONDS * 1000000ull;
		list_append(&lookups->known, &lookup->link);
	} else {
		drop(lookups, lookup);
	}
	answer(&waiting, addresses, count);
	return lookups;
}

void lookups_give_up(struct lookups *lookups)
{
	struct lookup *lookup;

	list_remove(&lookups->turn);
	while ((lookup = first(&lookups->asked)) || (lookup = first(&lookups->unasked)))
		lookup_settle(lookup, NULL, 0);
}

int lookups_ask_first(struct lookups *lookups, uint32_t ticket, struct lookup **ret_lookup)
{
	struct lookup *lookup = first(&lookups->unasked);
	int r = resolver_ask(lookups->asking->resolver, ticket, &lookup->name);

	if (r < 0)
		return r == -EAGAIN ? r : -EPIPE;
	lookup->ticket = ticket;
	lookups->n_asked++;
	list_remove(&lookup->link);
	list_append(&lookups->asked, &lookup->link);
	*ret_lookup = lookup;
	return 0;
}

static struct lookup *make(struct lookups *lookups, const struct egress_host *name)
{
	struct lookup *lookup;

	make_room(lookups);
	lookup = lookups->count < LOOKUP_MAX ? calloc(1, sizeof(*lookup)) : NULL;
	if (!lookup)
		return NULL;
	lookup->lookups = lookups;
	lookup->name = *name;
	list_init(&lookup->waiting);
	list_append(&lookups->unasked, &lookup->link);
	*find(lookups, name->text) = lookup;
	lookups->count++;
	return lookup;
}

int lookup_name(struct lookups *lookups, const struct egress_host *name, struct lookup_wait *wait)
{
	struct lookup *lookup = *find(lookups, name->text);

	if (lookup && lookup->known && lookup->until <= now(lookups)) {
		drop(lookups, lookup);
		lookup = NULL;
	}
	if (lookup && lookup->known) {
		wait->done(wait, lookup->addresses, lookup->n_addresses);
		return 0;
	}
	if (lookups->asking->broken) {
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
	asking_wants(lookups->asking, lookups);
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

void lookups_init(struct lookups *lookups, struct asking *asking, struct hash_key key)
{
	*lookups = (struct lookups){.asking = asking, .key = key};
	list_init(&lookups->turn);
	list_init(&lookups->known);
	list_init(&lookups->unasked);
	list_init(&lookups->asked);
	list_append(&asking->all, &lookups->link);
}

static void drop_all(struct lookups *lookups, struct list *list)
{
	while (!list_empty(list))
		drop(lookups, first(list));
}

void lookups_done(struct lookups *lookups)
{
	if (!lookups->asking)
		return;
	drop_all(lookups, &lookups->known);
	drop_all(lookups, &lookups->unasked);
	drop_all(lookups, &lookups->asked);
	list_remove(&lookups->turn);
	list_remove(&lookups->link);
	lookups->asking = NULL;
}
