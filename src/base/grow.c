/* SPDX-License-Identifier: Apache-2.0 */
#include "base/grow.h"

#include <errno.h>
#include <stdlib.h>

#define LEAST 8

void *list_grow(void *items, size_t len, size_t size)
{
	size_t room;

	if (len != 0 && (len < LEAST || (len & (len - 1)) != 0))
		return items;
	if (__builtin_mul_overflow(len < LEAST ? LEAST : 2 * len, size, &room)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(items, room);
}
