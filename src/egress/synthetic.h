/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses that stand for names inside one jail: the responder answers with them, and the address
 * that an accepted connection was made to gives the name back. The n-th name has 198.18.0.0 + n
 * and 2001:2:0:1::n, n from 1: ranges for benchmarks (RFC 2544, RFC 5180), which no network routes
 * and no list of private ranges holds, so that programs that refuse private peers take them.
 * A name keeps its address as long as the table lives; names are never dropped, because a worker
 * may keep an address for ever. A full table refuses new names and loses none.
 *
 * Pure, but for its memory. One thread at a time. */
#ifndef KS_EGRESS_SYNTHETIC_H
#define KS_EGRESS_SYNTHETIC_H

#include "egress/hash.h"
#include "egress/host.h"

#define SYNTHETIC_MAX 65535 /* the largest capacity: n is the last 16 bits of both addresses */

struct synthetic {
	char **names; /* names[n - 1] */
	size_t count;
	size_t capacity;
	uint32_t *slots; /* open addressing by hash: n, or 0 */
	size_t n_slots; /* a power of two, at least twice the capacity */
	struct hash_key key;
};

/* -EINVAL for a capacity of 0 or past SYNTHETIC_MAX, -ENOMEM. The key is nobody else's. */
int synthetic_init(struct synthetic *table, size_t capacity, struct hash_key key);
void synthetic_done(struct synthetic *table);

/* The number of a name, given now if it has none. Names only: -EINVAL for an address. -ENOSPC in a
 * full table, -ENOMEM. */
int synthetic_number(struct synthetic *table, const struct egress_host *name, uint32_t *ret_number);

/* The number of a name that has one; 0 for any other. */
uint32_t synthetic_find(const struct synthetic *table, const struct egress_host *name);

struct address synthetic_v4(uint32_t number);
struct address synthetic_v6(uint32_t number);

/* The name that an address stands for, NULL where it stands for none; mapped IPv4 counts as IPv4.
 * Belongs to the table. */
const char *synthetic_name(const struct synthetic *table, const struct address *address);

/* Whether the address is in the two ranges at all, given or not: a connection to one that is not
 * given is a guess of the worker, and denied as host_not_allowed. */
bool synthetic_is(const struct address *address);

#endif
