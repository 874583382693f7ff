/* SPDX-License-Identifier: Apache-2.0 */
/* A split virtqueue in the memory of a guest that is shared with us (virtio 1.2, 2.7). */
#ifndef KS_TESTS_FIRECRACKER_QUEUE_H
#define KS_TESTS_FIRECRACKER_QUEUE_H

#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define MEMORY_REGIONS 8
#define CHAIN_PARTS 16

struct memory {
	struct {
		uint64_t guest; /* address, as the next */
		uint64_t user; /* in QEMU's process */
		uint64_t size;
		uint8_t *here;
	} regions[MEMORY_REGIONS];
	unsigned n;
};

/* NULL where the memory is nobody's. */
void *memory_at(const struct memory *memory, uint64_t address, uint64_t len, bool of_user);

struct queue {
	uint16_t size;
	uint16_t next; /* of the available ones */
	struct vring_desc *descriptors;
	struct vring_avail *available;
	struct vring_used *used;
	int kick; /* -1 before it is there, as the next */
	int call;
};

struct chain {
	uint16_t head;
	struct iovec parts[CHAIN_PARTS];
	unsigned n;
};

bool queue_has(const struct queue *queue);
/* The next chain; false: there is none, or it is of no use. */
bool queue_take(struct queue *queue, const struct memory *memory, struct chain *ret);
/* Hands it back with so many bytes written. */
void queue_give(struct queue *queue, const struct chain *chain, uint32_t len);
/* Tells the guest what was handed back, also where it asked not to be told: an emulator of one
 * processor leaves out the guest's memory barriers, so that its asking again could be seen too
 * late, and nobody would tell it any more. */
void queue_tell(const struct queue *queue);

size_t chain_room(const struct chain *chain);
/* Copy at an offset, and say how much there was. */
size_t chain_read(const struct chain *chain, size_t at, void *bytes, size_t len);
size_t chain_write(const struct chain *chain, size_t at, const void *bytes, size_t len);

#endif
