/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/files/handles.h"

#include <errno.h>
#include <stdlib.h>

int handles_start(struct handles *handles, uint32_t room)
{
	*handles = (struct handles){.room = room};
	handles->table = calloc(room, sizeof(*handles->table));
	return handles->table ? 0 : -ENOMEM;
}

void handles_end(struct handles *handles)
{
	free(handles->table);
	*handles = (struct handles){0};
}

uint64_t handles_add(struct handles *handles, const struct handle *handle)
{
	uint32_t index = handles->free;
	uint32_t generation;

	if (index)
		handles->free = handles->table[index - 1].next_free;
	else if (handles->made < handles->room)
		index = ++handles->made;
	else
		return 0;
	generation = handles->table[index - 1].generation;
	handles->table[index - 1] = *handle;
	handles->table[index - 1].generation = generation;
	handles->count++;
	return (uint64_t)generation << 32 | index;
}

struct handle *handles_get(struct handles *handles, uint64_t number, uint64_t node, bool directory)
{
	uint32_t index = (uint32_t)number;
	struct handle *handle;

	if (index == 0 || index > handles->made)
		return NULL;
	handle = &handles->table[index - 1];
	return handle->fd >= 0 && handle->generation == number >> 32 && handle->node == node &&
			       handle->directory == directory
		       ? handle
		       : NULL;
}

bool handles_has(const struct handles *handles, uint64_t node)
{
	for (uint32_t i = 0; i < handles->made; i++)
		if (handles->table[i].fd >= 0 && handles->table[i].node == node)
			return true;
	return false;
}

int handles_remove(struct handles *handles, struct handle *handle)
{
	int fd = handle->fd;

	*handle = (struct handle){
		.generation = handle->generation + 1, .next_free = handles->free, .fd = -1};
	handles->free = (uint32_t)(handle - handles->table) + 1;
	handles->count--;
	return fd;
}
