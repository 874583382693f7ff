/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/initramfs.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"

#define MODULES_DIRECTORY "modules" /* linux/init/guest.h: GUEST_MODULES */
#define ELF_HEAD 64
#define ELF_SEGMENT 56 /* bytes of an entry of the table */
#define DIRECTORY_MODE 0040755u
#define PROGRAM_MODE 0100755u
#define FILE_MODE 0100644u

static void pad(struct strbuf *ret, size_t len)
{
	strbuf_add(ret, "\0\0\0", -len & 3);
}

/* Thirteen numbers and a name: documented with the kernel as "buffer format" of an initramfs. */
static void add_entry(struct strbuf *ret, unsigned ino, unsigned mode, const char *name,
	struct initramfs_file file)
{
	size_t name_len = strlen(name) + 1;

	strbuf_addf(ret, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", ino, mode, 0,
		0, 1, 0, (unsigned)file.len, 0, 0, 0, 0, (unsigned)name_len, 0);
	strbuf_add(ret, name, name_len);
	pad(ret, 6 + 13 * 8 + name_len);
	if (file.len)
		strbuf_add(ret, file.bytes, file.len);
	pad(ret, file.len);
}

int initramfs_build(const struct initramfs_file *init, const struct initramfs_file *modules,
	size_t n_modules, struct strbuf *ret)
{
	/* Where the guest's init mounts what, and the modules. */
	static const char *const directories[] = {
		"dev", "group", "proc", "root", "served", "sys", MODULES_DIRECTORY};
	const struct initramfs_file none = {NULL, 0};
	unsigned ino = 0;

	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
		add_entry(ret, ++ino, DIRECTORY_MODE, directories[i], none);
	add_entry(ret, ++ino, PROGRAM_MODE, "init",
		(struct initramfs_file){init->bytes, initramfs_loaded_len(init->bytes, init->len)});
	for (size_t i = 0; i < n_modules; i++) {
		struct initramfs_file module = modules[i];
		autostrbuf struct strbuf name;

		strbuf_init(&name, 64);
		strbuf_addf(&name, MODULES_DIRECTORY "/%zu", i);
		if (name.error)
			return name.error;
		module.len = initramfs_unsigned_len(module.bytes, module.len);
		add_entry(ret, ++ino, FILE_MODE, name.data, module);
	}
	add_entry(ret, 0, 0, "TRAILER!!!", none);
	return ret->error;
}

static uint64_t number_at(const uint8_t *bytes, size_t size)
{
	uint64_t number = 0;

	for (size_t i = size; i-- > 0;)
		number = number << 8 | bytes[i];
	return number;
}

/* The offsets are those of a 64-bit ELF file; a Mac that plans has no header for them. */
size_t initramfs_loaded_len(const void *bytes, size_t len)
{
	static const uint8_t mark[] = {0x7f, 'E', 'L', 'F', 2, 1};
	const uint8_t *at = bytes;
	uint64_t table, count, end;

	if (len < ELF_HEAD || memcmp(at, mark, sizeof(mark)) != 0 ||
		number_at(at + 54, 2) != ELF_SEGMENT)
		return len;
	table = number_at(at + 32, 8);
	count = number_at(at + 56, 2);
	if (count == 0 || table > len || count * ELF_SEGMENT > len - table)
		return len;
	end = table + count * ELF_SEGMENT;
	for (size_t i = 0; i < count; i++) {
		const uint8_t *segment = at + table + i * ELF_SEGMENT;
		uint64_t from = number_at(segment + 8, 8);
		uint64_t size = number_at(segment + 32, 8);

		if (from > len || size > len - from)
			return len;
		if (from + size > end)
			end = from + size;
	}
	return (size_t)end;
}

size_t initramfs_unsigned_len(const void *bytes, size_t len)
{
	static const char mark[] = "~Module signature appended~\n";
	const size_t mark_len = sizeof(mark) - 1;
	const uint8_t *at = bytes;
	const uint8_t *size;
	size_t signature;

	/* The kernel's struct module_signature is before the mark, a length its last word. */
	if (len < mark_len + 12 || memcmp(at + len - mark_len, mark, mark_len) != 0)
		return len;
	size = at + len - mark_len - 4;
	signature = (size_t)size[0] << 24 | (size_t)size[1] << 16 | (size_t)size[2] << 8 | size[3];
	return signature > len - mark_len - 12 ? len : len - mark_len - 12 - signature;
}
