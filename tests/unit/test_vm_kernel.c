/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels out of their images, hashes, and the directory that both are kept in. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "cache_place.h"
#include "vm/kernel/cache.h"
#include "vm/kernel/digest.h"
#include "vm/kernel/tsc.h"
#include "vm/kernel/unpack.h"

static void test_hashes_are_the_standards(void **state)
{
	static const struct {
		const char *text;
		const char *hash;
	} vectors[] = {
		{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
			"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		char text[SHA256_TEXT];
		struct sha256 hash;

		sha256_init(&hash);
		sha256_add(&hash, vectors[i].text, strlen(vectors[i].text));
		sha256_text(&hash, text);
		assert_string_equal(text, vectors[i].hash);
	}
}

/* A million times "a", in parts of every size around a block. */
static void test_a_hash_does_not_depend_on_the_parts(void **state)
{
	char letters[200], text[SHA256_TEXT];
	size_t left = 1000000, part = 1;
	struct sha256 hash;

	(void)state;
	memset(letters, 'a', sizeof(letters));
	sha256_init(&hash);
	while (left > 0) {
		size_t len = part < left ? part : left;

		sha256_add(&hash, letters, len);
		left -= len;
		part = part % sizeof(letters) + 1;
	}
	sha256_text(&hash, text);
	assert_string_equal(
		text, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* An image around a payload, as the kernel's build makes it. */
static size_t make_image(uint8_t *image, const void *packed, size_t len, uint32_t unpacked)
{
	const size_t start = (size_t)2 * 512;
	uint32_t offset = 16, size = (uint32_t)len + 4;

	memset(image, 0, start + 16);
	image[0x1f1] = 1;
	memcpy(image + 0x202, "HdrS", 4);
	memcpy(image + 0x248, &offset, 4);
	memcpy(image + 0x24c, &size, 4);
	memcpy(image + start + offset, packed, len);
	memcpy(image + start + offset + len, &unpacked, 4);
	return start + offset + size;
}

/* 8 KiB: the first bytes of an ELF file, then zeroes; by xz --check=crc32, zstd, lz4 -l
 * and gzip -n. */
static const uint8_t xz_text[] = {0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0x00, 0x01, 0x69, 0x22, 0xde,
	0x36, 0x02, 0x00, 0x21, 0x01, 0x16, 0x00, 0x00, 0x00, 0x74, 0x2f, 0xe5, 0xa3, 0xe0, 0x1f,
	0xff, 0x00, 0x2b, 0x5d, 0x00, 0x3f, 0x91, 0x45, 0x84, 0x68, 0x33, 0x69, 0xa2, 0xa3, 0x88,
	0x44, 0x3f, 0xa8, 0xaf, 0x18, 0xe9, 0x7c, 0xa0, 0x3c, 0x00, 0x00, 0x53, 0x4b, 0x2f, 0xbe,
	0x9d, 0x88, 0xb9, 0xe1, 0x1e, 0xc4, 0x4a, 0xc3, 0x00, 0x1a, 0x88, 0x2a, 0x1a, 0x60, 0x1e,
	0x6a, 0x11, 0x00, 0x00, 0x00, 0x7f, 0x0b, 0x48, 0xf3, 0x00, 0x01, 0x43, 0x80, 0x40, 0x00,
	0x00, 0x00, 0xb0, 0x44, 0x6b, 0x60, 0x3e, 0x30, 0x0d, 0x8b, 0x02, 0x00, 0x00, 0x00, 0x00,
	0x01, 0x59, 0x5a};
static const uint8_t zstd_text[] = {0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58, 0x65, 0x00, 0x00, 0x28,
	0x7f, 0x45, 0x4c, 0x46, 0x00, 0x01, 0x00, 0xf8, 0xdf, 0x03, 0x2d, 0xf9, 0x7b, 0x5b, 0x37};
static const uint8_t lz4_text[] = {0x02, 0x21, 0x4c, 0x18, 0x2f, 0x00, 0x00, 0x00, 0x5f, 0x7f, 0x45,
	0x4c, 0x46, 0x00, 0x01, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x03, 0x50, 0x00, 0x00, 0x00, 0x00, 0x00};
static const uint8_t gzip_text[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03,
	0xed, 0xc1, 0x41, 0x0d, 0x00, 0x00, 0x08, 0x04, 0x20, 0xcb, 0xe9, 0xeb, 0x3a, 0x59, 0xdd,
	0x1c, 0x6e, 0xc0, 0x76, 0xa6, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80, 0xd7, 0x0e,
	0x7f, 0x0b, 0x48, 0xf3, 0x00, 0x20, 0x00, 0x00};

static void unpacks(const uint8_t *packed, size_t len)
{
	uint8_t image[2048];
	size_t size = make_image(image, packed, len, 8192);
	autofree uint8_t *elf = NULL;
	size_t elf_len = 0;

	assert_int_equal(unpack_kernel(image, size, &elf, &elf_len), 0);
	assert_int_equal(elf_len, 8192);
	assert_memory_equal(elf, "\177ELF\0", 5);
	assert_int_equal(elf[8191], 0);
}

static void test_every_compression_is_unpacked(void **state)
{
	(void)state;
	unpacks(xz_text, sizeof(xz_text));
	unpacks(zstd_text, sizeof(zstd_text));
	unpacks(lz4_text, sizeof(lz4_text));
	/* Its own last four bytes are the word. */
	unpacks(gzip_text, sizeof(gzip_text) - 4);
}

static void test_images_that_are_not_whole_are_refused(void **state)
{
	const size_t len = sizeof(xz_text);
	uint8_t image[2048], *elf = NULL;
	size_t size = make_image(image, xz_text, len, 8192);
	size_t elf_len = 0;

	(void)state;
	for (size_t cut = 0; cut < size; cut++)
		assert_true(unpack_kernel(image, cut, &elf, &elf_len) < 0);
	make_image(image, xz_text, len, 8191);
	assert_int_equal(unpack_kernel(image, size, &elf, &elf_len), -EBADMSG);
	make_image(image, xz_text, len, 8193);
	assert_int_equal(unpack_kernel(image, size, &elf, &elf_len), -EBADMSG);
	make_image(image, xz_text, len, UINT32_MAX);
	assert_int_equal(unpack_kernel(image, size, &elf, &elf_len), -E2BIG);
	make_image(image, "LZOP and the like: another format", 32, 8192);
	assert_int_equal(unpack_kernel(image, size, &elf, &elf_len), -ENOTSUP);
	for (size_t bit = 0; bit < 8 * len; bit++) {
		make_image(image, xz_text, len, 8192);
		image[2 * 512 + 16 + bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (unpack_kernel(image, size, &elf, &elf_len) == 0)
			fail_msg("bit %zu was flipped, and nobody saw it", bit);
	}
	assert_null(elf);
}

static void test_what_is_stored_is_found_again(void **state)
{
	const struct place *place = *state;
	autofd int fd = -1;
	char text[8] = "";

	assert_int_equal(cache_open(place->cache, "some"), -ENOENT);
	assert_int_equal(cache_store(place->cache, "some", "thing", 5), 0);
	fd = cache_open(place->cache, "some");
	assert_true(fd >= 0);
	assert_int_equal(read(fd, text, sizeof(text)), 5);
	assert_string_equal(text, "thing");
	/* What is there stays. */
	assert_int_equal(cache_store(place->cache, "some", "other", 5), 0);
	assert_int_equal(pread(fd, text, sizeof(text), 0), 5);
	assert_string_equal(text, "thing");
}

static void test_what_others_may_write_is_not_used(void **state)
{
	const struct place *place = *state;

	assert_int_equal(cache_store(place->cache, "open", "x", 1), 0);
	assert_int_equal(fchmodat(place->cache, "open", 0666, 0), 0);
	assert_int_equal(cache_open(place->cache, "open"), -EPERM);
	assert_int_equal(symlinkat("open", place->cache, "link"), 0);
	assert_int_equal(cache_open(place->cache, "link"), -ELOOP);
	assert_int_equal(chmod(place->path, 0777), 0);
	assert_int_equal(cache_directory(), -EPERM);
	assert_int_equal(chmod(place->path, 0700), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(place->path, 65534, 65534), 0);
		assert_int_equal(cache_directory(), -EPERM);
	}
}

static void test_hashes_are_remembered_until_the_file_changes(void **state)
{
	const struct place *place = *state;
	autofd int fd = openat(place->cache, "file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	char first[SHA256_TEXT], again[SHA256_TEXT];

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "abc", 3), 3);
	assert_int_equal(digest_file(place->cache, fd, first), 0);
	assert_string_equal(
		first, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(digest_file(place->cache, fd, again), 0);
	assert_string_equal(first, again);
	/* Of the same size, as the kernel's clock goes on. */
	usleep(20000);
	assert_int_equal(pwrite(fd, "abd", 3, 0), 3);
	assert_int_equal(digest_file(place->cache, fd, again), 0);
	assert_string_not_equal(first, again);
	assert_int_equal(digest_file(-1, fd, first), 0);
	assert_string_equal(first, again);
}

static void test_the_counter_runs_at_one_rate(void **state)
{
	uint32_t first = tsc_measure_khz(), second = tsc_measure_khz();

	(void)state;
	if (first == 0 && second == 0)
		skip();
	assert_true(first > 100000 && second > 100000);
	assert_true(first < second + second / 100 && second < first + first / 100);
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hashes_are_the_standards),
		cmocka_unit_test(test_a_hash_does_not_depend_on_the_parts),
		cmocka_unit_test(test_every_compression_is_unpacked),
		cmocka_unit_test(test_images_that_are_not_whole_are_refused),
		WITH_PLACE(test_what_is_stored_is_found_again),
		WITH_PLACE(test_what_others_may_write_is_not_used),
		WITH_PLACE(test_hashes_are_remembered_until_the_file_changes),
		cmocka_unit_test(test_the_counter_runs_at_one_rate),
	};

	return cmocka_run_group_tests_name("vm_kernel", tests, NULL, NULL);
}
