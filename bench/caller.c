/* SPDX-License-Identifier: Apache-2.0 */
/* Burdens of the calling process: memory, descriptors, mounts. They last as long as it does. */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

int caller_resident(unsigned mib)
{
	size_t size = (size_t)mib << 20;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return -errno;
	/* Small pages: the worst case of a copied page table. */
	madvise(memory, size, MADV_NOHUGEPAGE);
	memset(memory, 1, size);
	return 0;
}

int caller_descriptors(unsigned count)
{
	struct rlimit files = {count + 1024, count + 1024};

	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		return -errno;
	for (unsigned i = 0; i < count; i++)
		if (open("/dev/null", O_RDONLY | O_CLOEXEC) < 0)
			return -errno;
	return 0;
}

/* In a mount namespace of its own: nothing of this is seen or left outside. */
int caller_mounts(const char *place, unsigned count)
{
	char source[512], path[600];

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	snprintf(source, sizeof(source), "%s/mounts", place);
	if (mount("bench", source, "tmpfs", 0, NULL) < 0)
		return -errno;
	for (unsigned i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%u", source, i);
		if (mkdir(path, 0755) < 0 || mount("bench", path, "tmpfs", 0, "size=4k") < 0)
			return -errno;
	}
	return 0;
}
