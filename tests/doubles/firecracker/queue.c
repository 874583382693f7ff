/* SPDX-License-Identifier: Apache-2.0 */
#include "queue.h"

#include <string.h>
#include <unistd.h>

void *memory_at(const struct memory *memory, uint64_t address, uint64_t len, bool of_user)
{
	for (unsigned i = 0; i < memory->n; i++) {
		uint64_t start = of_user ? memory->regions[i].user : memory->regions[i].guest;
		uint64_t size = memory->regions[i].size;

		if (address >= start && len <= size && address - start <= size - len)
			return memory->regions[i].here + (address - start);
	}
	return NULL;
}

static uint16_t published(const struct queue *queue)
{
	return __atomic_load_n(&queue->available->idx, __ATOMIC_ACQUIRE);
}

bool queue_has(const struct queue *queue)
{
	return queue->available && queue->kick >= 0 && published(queue) != queue->next;
}

static bool add_part(
	struct chain *chain, const struct memory *memory, const struct vring_desc *part)
{
	void *here = memory_at(memory, part->addr, part->len, false);

	if (!here || chain->n == CHAIN_PARTS || part->flags & VRING_DESC_F_INDIRECT)
		return false;
	chain->parts[chain->n++] = (struct iovec){here, part->len};
	return true;
}

bool queue_take(struct queue *queue, const struct memory *memory, struct chain *ret)
{
	uint16_t at;

	if (!queue_has(queue))
		return false;
	at = queue->available->ring[queue->next++ % queue->size];
	*ret = (struct chain){.head = at};
	for (;;) {
		const struct vring_desc *part = &queue->descriptors[at];

		if (at >= queue->size || !add_part(ret, memory, part))
			return false;
		if (!(part->flags & VRING_DESC_F_NEXT))
			return true;
		at = part->next;
	}
}

void queue_give(struct queue *queue, const struct chain *chain, uint32_t len)
{
	uint16_t at = queue->used->idx;

	queue->used->ring[at % queue->size] = (struct vring_used_elem){chain->head, len};
	__atomic_store_n(&queue->used->idx, (uint16_t)(at + 1), __ATOMIC_RELEASE);
}

void queue_tell(const struct queue *queue)
{
	const uint64_t one = 1;

	if (queue->call >= 0)
		(void)!write(queue->call, &one, sizeof(one));
}

size_t chain_room(const struct chain *chain)
{
	size_t room = 0;

	for (unsigned i = 0; i < chain->n; i++)
		room += chain->parts[i].iov_len;
	return room;
}

static size_t copy(
	const struct chain *chain, size_t at, uint8_t *to, const uint8_t *from, size_t len)
{
	size_t done = 0;

	for (unsigned i = 0; i < chain->n && done < len; i++) {
		size_t part = chain->parts[i].iov_len;
		uint8_t *bytes = chain->parts[i].iov_base;

		if (at >= part) {
			at -= part;
			continue;
		}
		part -= at;
		if (part > len - done)
			part = len - done;
		if (to)
			memcpy(to + done, bytes + at, part);
		else
			memcpy(bytes + at, from + done, part);
		done += part;
		at = 0;
	}
	return done;
}

size_t chain_read(const struct chain *chain, size_t at, void *bytes, size_t len)
{
	return copy(chain, at, bytes, NULL, len);
}

size_t chain_write(const struct chain *chain, size_t at, const void *bytes, size_t len)
{
	return copy(chain, at, NULL, bytes, len);
}
