/* SPDX-License-Identifier: Apache-2.0 */
/* The initramfs: kastellan-init of this installation and the few modules that lead to the ports,
 * read from the planned kernel's directory. Must not: leave that directory. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "linux/jail/memory_file.h"
#include "linux/programs.h"
#include "vm/initramfs.h"
#include "vm/jail/parts.h"
#include "vm/kernel/cache.h"
#include "vm/kernel/digest.h"

/* As they are loaded; what they need comes with them. */
static const char *const of_ports[] = {"virtio_mmio", "virtio_console", "fuse", NULL};
static const char *const of_vsock[] = {"virtio_mmio", "vmw_vsock_virtio_transport", "fuse", NULL};
/* The last one of either gives every connection of the worker's to one socket, whatever its port.
 */
static const char *const of_ports_network[] = {
	"virtio_mmio", "virtio_console", "fuse", "nft_tproxy", NULL};
static const char *const of_vsock_network[] = {
	"virtio_mmio", "vmw_vsock_virtio_transport", "fuse", "nft_tproxy", NULL};

static const char *const *modules_of(const struct vm_plan *vm)
{
	if (vm->config)
		return vm->connections ? of_vsock_network : of_vsock;
	return vm->connections ? of_ports_network : of_ports;
}

struct reader {
	int directory;
	const char *const *wanted;
	struct initramfs_file maps[INITRAMFS_MAX_MODULES];
	size_t n_maps;
	struct sha256 files; /* paths and contents of all that was read */
	int cache; /* -1: nobody asks for the hash */
	bool unknown; /* it cannot be told */
	struct strv failed; /* the path that could not be read */
};

static int map_file(int fd, struct initramfs_file *ret)
{
	struct stat st;
	void *bytes;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > KS_MAX_TEXT)
		return -EBADMSG;
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return -errno;
	*ret = (struct initramfs_file){.bytes = bytes, .len = (size_t)st.st_size};
	return 0;
}

static void unmap(const struct initramfs_file *file)
{
	if (file->bytes)
		munmap((void *)file->bytes, file->len);
}

/* The hash of each is remembered for as long as the file is the same (kernel/digest.h): to take
 * that of the archive at each start would be a part of it that can be felt. */
static void note(struct reader *reader, const char *path, int fd)
{
	char content[SHA256_TEXT];

	if (reader->cache < 0)
		return;
	if (digest_file(reader->cache, fd, content) < 0)
		reader->unknown = true;
	sha256_add(&reader->files, path, strlen(path) + 1);
	sha256_add(&reader->files, content, sizeof(content));
}

static int open_beneath(int directory, const char *path)
{
	const struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
	int fd = (int)syscall(SYS_openat2, directory, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

static int read_module(void *object, const char *path, struct initramfs_file *ret)
{
	struct reader *reader = object;
	autofd int fd = -1;
	int r;

	if (reader->n_maps == INITRAMFS_MAX_MODULES)
		return -E2BIG;
	fd = open_beneath(reader->directory, path);
	r = fd < 0 ? fd : map_file(fd, ret);
	if (r < 0) {
		(void)strv_add(&reader->failed, path);
		return r;
	}
	reader->maps[reader->n_maps++] = *ret;
	note(reader, path, fd);
	return 0;
}

static int read_order(int directory, char **ret_text)
{
	autofd int fd = open_beneath(directory, "modules.order");
	struct initramfs_file file = {0};
	int r = fd < 0 ? fd : map_file(fd, &file);

	if (r < 0 || !file.bytes)
		return r < 0 ? r : -EBADMSG;
	*ret_text = strndup(file.bytes, file.len);
	unmap(&file);
	return *ret_text ? 0 : -ENOMEM;
}

static int build(const char *order, struct reader *reader, int *ret_fd, ks_error **reterr)
{
	const struct initramfs_source source = {
		.modules_order = order, .read = read_module, .object = reader};
	struct initramfs_modules modules = {0};
	struct initramfs_file init = {0};
	autostrbuf struct strbuf text;
	autofd int fd = -1;
	int r = init_program_open(&fd, reterr);

	strbuf_init(&text, KS_MAX_TEXT);
	if (r < 0)
		return r;
	r = map_file(fd, &init);
	note(reader, "init", fd);
	if (r == 0)
		r = initramfs_collect(&source, reader->wanted, &modules);
	if (r == 0)
		r = initramfs_build(&init, modules.files, modules.paths.len, &text);
	strv_done(&modules.paths);
	unmap(&init);
	if (r == 0)
		r = memory_file("kastellan-initramfs", text.data, text.len);
	if (r >= 0)
		*ret_fd = r;
	return r < 0 ? r : 0;
}

/* Its form is a part of what it is made of. */
static struct sha256 begin_hash(void)
{
	struct sha256 hash;

	sha256_init(&hash);
	sha256_add(&hash, INITRAMFS_FORM, sizeof(INITRAMFS_FORM));
	return hash;
}

int vm_make_initramfs(const struct vm_plan *vm, struct vm_parts *parts, ks_error **reterr)
{
	autofd int cache = vm->templates ? cache_directory() : -1;
	struct reader reader = {.directory = open(vm->modules, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.wanted = modules_of(vm),
		.files = begin_hash(),
		.cache = cache};
	autofree char *order = NULL;
	ks_error *error = NULL;
	int r = reader.directory < 0 ? -errno : read_order(reader.directory, &order);

	if (r == 0)
		r = build(order, &reader, &parts->initramfs, &error);
	if (r == 0 && cache >= 0 && !reader.unknown)
		sha256_text(&reader.files, parts->files);
	for (size_t i = 0; i < reader.n_maps; i++)
		unmap(&reader.maps[i]);
	drop_fd(&reader.directory);
	if (r < 0 && !error)
		error_set(&error, r,
			ABOUT(.step = "machine", .path = vm->modules,
				.remedy = "install the kernel's package again: its modules and "
					  "its image have to be of one release"),
			"the guest's modules cannot be read: %s%s%s: %s", vm->modules,
			reader.failed.len ? "/" : "",
			reader.failed.len ? reader.failed.items[0] : "", strerror(-r));
	strv_done(&reader.failed);
	if (r < 0 && reterr)
		*reterr = error;
	else
		ks_error_free(error);
	return r;
}
