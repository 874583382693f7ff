/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for a program that mostly ends before it has used a tenth of a megabyte. The C library's
 * own allocator asks the kernel for pages in many small pieces, and gives each back as soon as
 * nothing is in it: here that was a tenth of all that `kastellan run` takes. This one asks once,
 * for what nearly every start needs, with its pages in place; what is freed waits for the next that
 * needs as much. Should: end the program where a block is freed that is none. Must not: be used by
 * anything that lives long and whose needs change. */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SMALLEST 32u /* bytes of a block, its head included; each size is twice the one before */
#define SIZES 12 /* up to 64 KiB; what is larger is the kernel's own */
#define CHUNK ((size_t)1 << 20)
#define IN_PLACE ((size_t)96 << 10) /* bytes that a start with a small policy touches */

enum { FREE = 0x66726565, USED = 0x75736564 };

/* Before each block's memory, which is aligned as the largest type that there is. */
struct block {
	union {
		struct block *next; /* while it is free */
		size_t len; /* of a large one, with its head */
	};
	uint32_t size; /* its number; SIZES: a large one */
	uint32_t state;
};

_Static_assert(sizeof(struct block) % _Alignof(max_align_t) == 0, "memory behind it is aligned");

static atomic_flag busy = ATOMIC_FLAG_INIT;
static struct block *waiting[SIZES];
static char *chunk;
static size_t left; /* bytes of the chunk */

static void lock(void)
{
	while (atomic_flag_test_and_set_explicit(&busy, memory_order_acquire))
		;
}

static void unlock(void)
{
	atomic_flag_clear_explicit(&busy, memory_order_release);
}

static void *map(void *place, size_t len, int flags)
{
	void *memory = mmap(
		place, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static bool add_chunk(void)
{
	const bool first = !chunk;
	char *memory = map(NULL, CHUNK, 0);

	if (!memory)
		return false;
	/* All at once; else they would come one by one. */
	if (first && !map(memory, IN_PLACE, MAP_FIXED | MAP_POPULATE)) {
		munmap(memory, CHUNK);
		return false;
	}
	chunk = memory;
	left = CHUNK;
	return true;
}

static uint32_t size_for(size_t len)
{
	uint32_t size = 0;

	while (size < SIZES && (size_t)SMALLEST << size < len)
		size++;
	return size;
}

static struct block *small_block(uint32_t size)
{
	const size_t len = (size_t)SMALLEST << size;
	struct block *block = waiting[size];

	if (block) {
		waiting[size] = block->next;
		return block;
	}
	/* The rest of the old one is lost, which is less than one large block. */
	if (left < len && !add_chunk())
		return NULL;
	block = (struct block *)chunk;
	chunk += len;
	left -= len;
	return block;
}

/* Not by the name that the compiler knows: together with a memset() it would make a call of
 * calloc() of it. */
static void *allocate(size_t len)
{
	struct block *block = NULL;
	const uint32_t size = len > PTRDIFF_MAX ? SIZES : size_for(len + sizeof(*block));
	int saved = errno;

	if (size < SIZES) {
		lock();
		block = small_block(size);
		unlock();
	} else if (len <= PTRDIFF_MAX) {
		block = map(NULL, len + sizeof(*block), 0);
		if (block)
			block->len = len + sizeof(*block);
	}
	errno = block ? saved : ENOMEM;
	if (!block)
		return NULL;
	block->size = size;
	block->state = USED;
	return block + 1;
}

void *malloc(size_t len)
{
	return allocate(len);
}

static struct block *block_of(void *memory)
{
	struct block *block = (struct block *)memory - 1;

	if (block->state != USED || block->size > SIZES)
		abort();
	return block;
}

void free(void *memory)
{
	struct block *block = memory ? block_of(memory) : NULL;
	int saved = errno;

	if (!block)
		return;
	block->state = FREE;
	if (block->size == SIZES) {
		munmap(block, block->len);
		errno = saved;
		return;
	}
	lock();
	block->next = waiting[block->size];
	waiting[block->size] = block;
	unlock();
}

void *calloc(size_t count, size_t len)
{
	size_t all;
	void *memory;

	if (__builtin_mul_overflow(count, len, &all)) {
		errno = ENOMEM;
		return NULL;
	}
	memory = allocate(all);
	/* What comes from the kernel is clean. */
	if (memory && block_of(memory)->size < SIZES)
		memset(memory, 0, all);
	return memory;
}

static size_t room_of(const struct block *block)
{
	return (block->size < SIZES ? (size_t)SMALLEST << block->size : block->len) -
	       sizeof(*block);
}

void *realloc(void *memory, size_t len)
{
	const size_t room = memory ? room_of(block_of(memory)) : 0;
	void *moved;

	if (memory && len <= room)
		return memory;
	moved = allocate(len);
	if (!moved)
		return NULL;
	if (memory)
		memcpy(moved, memory, room);
	free(memory);
	return moved;
}
