/* SPDX-License-Identifier: Apache-2.0 */
/* The last bytes of a stream. Pure. */
#ifndef KS_WORKERS_RING_H
#define KS_WORKERS_RING_H

#include <stddef.h>
#include <stdint.h>

#include <kastellan/workers.h>

struct ring {
	char bytes[KS_WORKERS_STDERR];
	size_t at; /* where the next byte goes */
	size_t len;
	uint64_t total; /* bytes that there have been */
};

void ring_add(struct ring *ring, const char *bytes, size_t len);

/* The last bytes, as many as there are room and bytes, in their order; returns how many. */
size_t ring_tail(const struct ring *ring, char *room, size_t size);

/* The bytes in their order, NUL-terminated. Free with free(). 0 or -ENOMEM. */
int ring_text(const struct ring *ring, char **ret_text, size_t *ret_len);

#endif
