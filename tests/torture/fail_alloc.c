/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded: counts the allocations of one program, and fails one of them. Which one stands in a
 * file that is shared with whoever asks, DIRECTORY/alloc: the environment of a proxy is empty. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct order {
	char name[32]; /* of the program */
	atomic_uint at; /* the one that fails; 0: none */
	atomic_uint count, failed;
};

static struct order *order;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static void __attribute__((constructor)) read_order(void)
{
	int fd = open(DIRECTORY "/alloc", O_RDWR | O_CLOEXEC);
	void *shared = fd < 0 ? MAP_FAILED
			      : mmap(NULL, sizeof(*order), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
					0);

	if (fd >= 0)
		close(fd);
	if (shared != MAP_FAILED &&
		strcmp(((struct order *)shared)->name, program_invocation_short_name) == 0)
		order = shared;
}

static bool fails_now(void)
{
	if (!order || atomic_fetch_add(&order->count, 1) + 1 != atomic_load(&order->at))
		return false;
	atomic_fetch_add(&order->failed, 1);
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails_now() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails_now() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return fails_now() ? NULL : __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return fails_now() ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **ret, size_t alignment, size_t size)
{
	if (fails_now())
		return ENOMEM;
	*ret = __libc_memalign(alignment, size);
	return *ret ? 0 : ENOMEM;
}
