/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/kernel/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "vm/kernel/cache.h"
#include "vm/kernel/digest.h"
#include "vm/kernel/tsc.h"
#include "vm/kernel/unpack.h"

static int open_plain(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

static void pin(int cache, const char *path, char ret[SHA256_TEXT])
{
	autofd int fd = path ? open_plain(path) : -1;

	if (fd < 0 || digest_file(cache, fd, ret) < 0)
		ret[0] = '\0';
}

int vm_look(const struct ks_host *host, struct vm_look *ret, ks_error **reterr)
{
	autofd int cache = cache_directory();

	(void)reterr;
	pin(cache, host->vm.qemu, ret->qemu);
	pin(cache, host->vm.firmware, ret->firmware);
	pin(cache, host->vm.firecracker, ret->firecracker);
	pin(cache, host->vm.kernel, ret->kernel);
	ret->tsc_khz = tsc_measure_khz();
	return 0;
}

static int open_pinned(int cache, const char *path, const char *pin, const char *what, int *ret_fd,
	ks_error **reterr)
{
	autofd int fd = open_plain(path);
	char now[SHA256_TEXT];
	int r = fd < 0 ? fd : digest_file(cache, fd, now);

	if (r < 0)
		return error_set(reterr, r, ABOUT(.step = "machine", .path = path),
			"the %s cannot be read: %s: %s", what, path, strerror(-r));
	if (strcmp(now, pin) != 0)
		return error_set(reterr, -ESTALE,
			ABOUT(.step = "machine", .path = path,
				.remedy = "try again; if it is another each time, find out who "
					  "writes it"),
			"the %s is not the one that was planned: %s", what, path);
	*ret_fd = take_fd(&fd);
	return 0;
}

int vm_open_pinned(
	const char *path, const char *pin, const char *what, int *ret_fd, ks_error **reterr)
{
	autofd int cache = cache_directory();

	return open_pinned(cache, path, pin, what, ret_fd, reterr);
}

/* 0, with the unpacked kernel in the cache under that name; else -errno. */
static int unpack_into(int cache, const char *name, int image)
{
	autofree uint8_t *elf = NULL;
	size_t len = 0;
	struct stat st;
	void *text;
	int r;

	if (fstat(image, &st) < 0 || st.st_size <= 0)
		return -EBADMSG;
	text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, image, 0);
	if (text == MAP_FAILED)
		return -errno;
	r = unpack_kernel(text, (size_t)st.st_size, &elf, &len);
	munmap(text, (size_t)st.st_size);
	return r < 0 ? r : cache_store(cache, name, elf, len);
}

/* Named by what it was made of, so that it never has to be made again, and is never another's. */
static int open_unpacked(int cache, const char *pin, int image)
{
	char name[SHA256_TEXT + sizeof("vmlinux-")];
	int fd, r;

	snprintf(name, sizeof(name), "vmlinux-%s", pin);
	fd = cache_open(cache, name);
	if (fd >= 0)
		return fd;
	r = unpack_into(cache, name, image);
	return r < 0 ? r : cache_open(cache, name);
}

static const char *unpack_remedy(int r)
{
	if (r == -EBADMSG)
		return "install the kernel's package again";
	if (r == -EOPNOTSUPP)
		return "install the library of its compression: liblz4, liblzma, libzstd or zlib";
	return "let KASTELLAN_CACHE name a directory that is the caller's alone, with room for "
	       "64 MB";
}

int vm_open_kernel(const struct vm_plan *vm, int *ret_fd, ks_error **reterr)
{
	autofd int cache = cache_directory();
	autofd int image = -1;
	int fd;
	int r = open_pinned(cache, vm->kernel, vm->pins.kernel, "guest's kernel", &image, reterr);

	if (r < 0)
		return r;
	fd = cache < 0 ? cache : open_unpacked(cache, vm->pins.kernel, image);
	/* Firecracker boots nothing else. */
	if (fd < 0 && vm->config)
		return error_set(reterr, fd,
			ABOUT(.step = "machine", .path = vm->kernel, .remedy = unpack_remedy(fd)),
			"machine: the guest's kernel cannot be unpacked into the cache: %s: %s",
			vm->kernel, strerror(-fd));
	*ret_fd = fd >= 0 ? fd : take_fd(&image);
	return 0;
}
