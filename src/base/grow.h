/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_BASE_GROW_H
#define KS_BASE_GROW_H

#include <stddef.h>

/* Room for one more item behind len of them, each of that size. The room is a power of two and
 * follows from the length alone, so only a list that has always been grown here may be handed in.
 * NULL where there is no memory: the list is then as it was. */
void *list_grow(void *items, size_t len, size_t size);

#endif
