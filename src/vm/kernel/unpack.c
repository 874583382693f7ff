/* SPDX-License-Identifier: Apache-2.0 */
/* Where the compressed kernel lies is told by the image's header (Documentation/arch/x86/boot.rst);
 * its first bytes tell by what it was compressed, and its last four how long it is. The libraries
 * that unpack it are loaded when they are needed, as hardly any program that uses this one does.
 * Their declarations here are of functions without a structure in their interface. */
#include "vm/kernel/unpack.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

#define LARGEST (UINT32_C(512) << 20)
#define XZ_MEMORY (UINT64_C(256) << 20)

#define AT_SETUP_SECTORS 0x1f1
#define AT_MAGIC 0x202
#define AT_PAYLOAD 0x248 /* offset and length of what is compressed */
#define HEADER_END 0x250

struct payload {
	const uint8_t *data;
	size_t len; /* without the word that says how long it is unpacked */
	size_t with_word;
	size_t unpacked;
};

static uint32_t word(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

static int find_payload(const uint8_t *image, size_t len, struct payload *ret)
{
	size_t sectors, start, size;

	if (len < HEADER_END || memcmp(image + AT_MAGIC, "HdrS", 4) != 0)
		return -EBADMSG;
	sectors = image[AT_SETUP_SECTORS] ? image[AT_SETUP_SECTORS] : 4;
	start = (sectors + 1) * 512 + word(image + AT_PAYLOAD);
	size = word(image + AT_PAYLOAD + 4);
	if (size < 16 || start > len || size > len - start)
		return -EBADMSG;
	*ret = (struct payload){.data = image + start,
		.len = size - 4,
		.with_word = size,
		.unpacked = word(image + start + size - 4)};
	if (ret->unpacked < 4096)
		return -EBADMSG;
	return ret->unpacked > LARGEST ? -E2BIG : 0;
}

/* Each fills exactly `unpacked` bytes, or fails. */
typedef int unpacker(void *library, const struct payload *payload, uint8_t *elf);

typedef int xz_decode(uint64_t *memory, uint32_t flags, const void *allocator, const uint8_t *in,
	size_t *in_at, size_t in_size, uint8_t *out, size_t *out_at, size_t out_size);

static int unpack_xz(void *library, const struct payload *payload, uint8_t *elf)
{
	xz_decode *decode = (xz_decode *)dlsym(library, "lzma_stream_buffer_decode");
	uint64_t memory = XZ_MEMORY;
	size_t in_at = 0, out_at = 0;

	if (!decode)
		return -ENOTSUP;
	if (decode(&memory, 0, NULL, payload->data, &in_at, payload->len, elf, &out_at,
		    payload->unpacked) != 0)
		return -EBADMSG;
	return out_at == payload->unpacked ? 0 : -EBADMSG;
}

typedef size_t zstd_decode(void *out, size_t out_size, const void *in, size_t in_size);

static int unpack_zstd(void *library, const struct payload *payload, uint8_t *elf)
{
	zstd_decode *decode = (zstd_decode *)dlsym(library, "ZSTD_decompress");

	if (!decode)
		return -ENOTSUP;
	/* An error is a number that no length can be. */
	return decode(elf, payload->unpacked, payload->data, payload->len) == payload->unpacked
		       ? 0
		       : -EBADMSG;
}

#define LZ4_BLOCK (UINT32_C(8) << 20) /* unpacked; only the last one is smaller */

typedef int lz4_decode(const char *in, char *out, int in_size, int out_size);

/* The old form of the lz4 tool: blocks, each behind its packed size. */
static int unpack_lz4(void *library, const struct payload *payload, uint8_t *elf)
{
	lz4_decode *decode = (lz4_decode *)dlsym(library, "LZ4_decompress_safe");
	size_t at = 4, done = 0;

	if (!decode)
		return -ENOTSUP;
	while (payload->len - at >= 4 && done < payload->unpacked) {
		size_t size = word(payload->data + at);
		size_t room = payload->unpacked - done;
		int got;

		at += 4;
		if (size == 0 || size > payload->len - at)
			return -EBADMSG;
		if (room > LZ4_BLOCK)
			room = LZ4_BLOCK;
		got = decode(
			(const char *)payload->data + at, (char *)elf + done, (int)size, (int)room);
		if (got <= 0)
			return -EBADMSG;
		at += size;
		done += (size_t)got;
	}
	return at == payload->len && done == payload->unpacked ? 0 : -EBADMSG;
}

typedef void *gz_open(int fd, const char *mode);
typedef int gz_read(void *file, void *out, unsigned len);
typedef int gz_close(void *file);

/* Its word is a part of its format. The library reads from a descriptor, which it closes. */
static int unpack_gzip(void *library, const struct payload *payload, uint8_t *elf)
{
	gz_open *open_file = (gz_open *)dlsym(library, "gzdopen");
	gz_read *read_file = (gz_read *)dlsym(library, "gzread");
	gz_close *close_file = (gz_close *)dlsym(library, "gzclose");
	autofd int fd = memfd_create("kastellan-kernel", MFD_CLOEXEC);
	void *file;
	int got, r;

	if (!open_file || !read_file || !close_file)
		return -ENOTSUP;
	if (fd < 0)
		return -errno;
	r = file_write_all(fd, (const char *)payload->data, payload->with_word);
	if (r < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return r < 0 ? r : -errno;
	file = open_file(fd, "rb");
	if (!file)
		return -ENOMEM;
	take_fd(&fd);
	got = read_file(file, elf, (unsigned)payload->unpacked);
	close_file(file);
	return got >= 0 && (size_t)got == payload->unpacked ? 0 : -EBADMSG;
}

static const struct {
	const char *magic;
	size_t len;
	const char *library;
	unpacker *unpack;
} formats[] = {
	{"\xfd"
	 "7zXZ",
		5, "liblzma.so.5", unpack_xz},
	{"\x28\xb5\x2f\xfd", 4, "libzstd.so.1", unpack_zstd},
	{"\x02\x21\x4c\x18", 4, "liblz4.so.1", unpack_lz4},
	{"\x1f\x8b", 2, "libz.so.1", unpack_gzip},
};

static int unpack(const struct payload *payload, uint8_t *elf)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		void *library;
		int r;

		if (memcmp(payload->data, formats[i].magic, formats[i].len) != 0)
			continue;
		library = dlopen(formats[i].library, RTLD_NOW | RTLD_LOCAL);
		if (!library)
			return -ENOTSUP;
		r = formats[i].unpack(library, payload, elf);
		dlclose(library);
		return r;
	}
	return -ENOTSUP;
}

int unpack_kernel(const uint8_t *image, size_t len, uint8_t **ret_elf, size_t *ret_len)
{
	struct payload payload;
	autofree uint8_t *elf = NULL;
	int r = find_payload(image, len, &payload);

	if (r < 0)
		return r;
	elf = malloc(payload.unpacked);
	if (!elf)
		return -ENOMEM;
	r = unpack(&payload, elf);
	if (r == 0 && memcmp(elf,
			      "\x7f"
			      "ELF",
			      4) != 0)
		r = -EBADMSG;
	if (r < 0)
		return r;
	*ret_len = payload.unpacked;
	*ret_elf = take_ptr(elf);
	return 0;
}
