/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/bounds.h"
#include "linux/init/guest.h"
#include "vm/initramfs.h"

#define INFORMATION(needs) "code\0license=GPL\0depends=" needs "\0name=x\0"
#define FILE_OF(text)                  \
	{                              \
		text, sizeof(text) - 1 \
	}

static const char order[] = "kernel/a/top-one.ko\n"
			    "kernel/a/middle.ko\n"
			    "kernel/b/base.ko\n"
			    "kernel/b/loop_a.ko\n"
			    "kernel/b/loop_b.ko\n"
			    "kernel/b/nonsense.ko\n"
			    "kernel/b/base_of_something_else.ko\n"
			    "kernel/b/packed.ko.xz\n";

static const struct {
	const char *path;
	struct initramfs_file file;
} modules[] = {
	{"kernel/a/top-one.ko", FILE_OF(INFORMATION("middle,base"))},
	{"kernel/a/middle.ko", FILE_OF(INFORMATION("base,is_built_in"))},
	{"kernel/b/base.ko", FILE_OF(INFORMATION(""))},
	{"kernel/b/loop_a.ko", FILE_OF(INFORMATION("loop_b"))},
	{"kernel/b/loop_b.ko", FILE_OF(INFORMATION("loop_a"))},
	{"kernel/b/nonsense.ko", FILE_OF("this is no module, depends=base")},
	{"kernel/b/packed.ko.xz", FILE_OF(INFORMATION(""))},
};

static int read_module(void *object, const char *path, struct initramfs_file *ret)
{
	(void)object;
	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++)
		if (strcmp(path, modules[i].path) == 0) {
			*ret = modules[i].file;
			return 0;
		}
	return -ENOENT;
}

static const struct initramfs_source source = {.modules_order = order, .read = read_module};

static int collect(const char *first, const char *second, struct initramfs_modules *ret)
{
	const char *const wanted[] = {first, second, NULL};

	return initramfs_collect(&source, wanted, ret);
}

static void modules_come_behind_what_they_need(void **state)
{
	struct initramfs_modules list;

	(void)state;
	assert_int_equal(collect("top_one", "base", &list), 0);
	assert_int_equal(list.paths.len, 3);
	assert_string_equal(list.paths.items[0], "kernel/b/base.ko");
	assert_string_equal(list.paths.items[1], "kernel/a/middle.ko");
	assert_string_equal(list.paths.items[2], "kernel/a/top-one.ko");
	assert_ptr_equal(list.files[2].bytes, modules[0].file.bytes);
	strv_done(&list.paths);
	/* A dash and an underscore are one; what is built in has no file. */
	assert_int_equal(collect("top-one", "is_built_in", &list), 0);
	assert_int_equal(list.paths.len, 3);
	strv_done(&list.paths);
	assert_int_equal(collect("packed", NULL, &list), 0);
	assert_int_equal(list.paths.len, 1);
	strv_done(&list.paths);
}

static void put(uint8_t *at, size_t size, uint64_t number)
{
	for (size_t i = 0; i < size; i++)
		at[i] = (uint8_t)(number >> (8 * i));
}

/* A 64-bit ELF file of 1000 bytes with two segments, the second one where it is asked for. */
static size_t loaded(uint64_t table, uint64_t count, uint64_t from, uint64_t size, size_t len)
{
	uint8_t program[1000] = {0x7f, 'E', 'L', 'F', 2, 1};

	put(program + 32, 8, table);
	put(program + 54, 2, 56);
	put(program + 56, 2, count);
	if (table <= sizeof(program) - (size_t)2 * 56) {
		put(program + table + 32, 8, 150);
		put(program + table + 56 + 8, 8, from);
		put(program + table + 56 + 32, 8, size);
	}
	return initramfs_loaded_len(program, len);
}

static void a_program_is_taken_as_far_as_it_is_loaded(void **state)
{
	static const uint8_t other[100] = {0x7f, 'E', 'L', 'F', 1, 1};

	(void)state;
	assert_int_equal(loaded(64, 2, 200, 300, 1000), 500);
	/* Never less than its own table, which is read from the file. */
	assert_int_equal(loaded(600, 2, 200, 300, 1000), 712);
	assert_int_equal(loaded(64, 2, 700, 300, 1000), 1000);
	/* What is not as it should be is taken whole. */
	assert_int_equal(loaded(64, 2, 700, 301, 1000), 1000);
	assert_int_equal(loaded(64, 2, UINT64_MAX, 2, 1000), 1000);
	assert_int_equal(loaded(64, 2, 2, UINT64_MAX, 1000), 1000);
	assert_int_equal(loaded(64, 0, 200, 300, 1000), 1000);
	assert_int_equal(loaded(64, 17, 200, 300, 1000), 1000);
	assert_int_equal(loaded(UINT64_MAX, 1, 0, 0, 1000), 1000);
	assert_int_equal(loaded(64, 2, 200, 300, 63), 63);
	assert_int_equal(initramfs_loaded_len(other, sizeof(other)), sizeof(other));
	assert_int_equal(initramfs_loaded_len("#!/bin/sh\n", 10), 10);
}

static void names_are_whole(void **state)
{
	(void)state;
	assert_true(initramfs_has_module(order, "base"));
	assert_true(initramfs_has_module(order, "top_one"));
	assert_true(initramfs_has_module(order, "packed"));
	assert_false(initramfs_has_module(order, "bas"));
	assert_false(initramfs_has_module(order, "ase"));
	assert_false(initramfs_has_module(order, "base_of"));
	assert_false(initramfs_has_module(order, ""));
	assert_false(initramfs_has_module("", "base"));
}

static void nonsense_is_refused(void **state)
{
	struct initramfs_modules list;

	(void)state;
	assert_int_equal(collect("loop_a", NULL, &list), -ELOOP);
	assert_int_equal(collect("base", "nonsense", &list), -EBADMSG);
	assert_int_equal(collect("base_of_something_else", NULL, &list), -ENOENT);
}

#define MARK "~Module signature appended~\n"

static void signatures_are_cut(void **state)
{
	static const char signed_module[] = "MODULE"
					    "SIGNATURE"
					    "\0\0\2\0\0\0\0\0\0\0\0\x09" MARK;
	static const char lies[] = "MODULE"
				   "\0\0\2\0\0\0\0\0\0\0\xff\xff" MARK;

	(void)state;
	assert_int_equal(initramfs_unsigned_len(signed_module, sizeof(signed_module) - 1), 6);
	assert_int_equal(initramfs_unsigned_len("MODULE", 6), 6);
	assert_int_equal(initramfs_unsigned_len(MARK, sizeof(MARK) - 1), sizeof(MARK) - 1);
	assert_int_equal(initramfs_unsigned_len(lies, sizeof(lies) - 1), sizeof(lies) - 1);
	assert_int_equal(initramfs_unsigned_len("", 0), 0);
}

/* The next entry of an archive: its name, mode and bytes. */
static const char *next(
	const char **at, unsigned *ret_mode, const char **ret_bytes, size_t *ret_len)
{
	char number[9] = "";
	unsigned fields[13];
	const char *name = *at + 110;
	size_t head;

	assert_memory_equal(*at, "070701", 6);
	for (int i = 0; i < 13; i++) {
		memcpy(number, *at + 6 + (size_t)i * 8, 8);
		fields[i] = (unsigned)strtoul(number, NULL, 16);
	}
	assert_int_equal(fields[11], strlen(name) + 1);
	head = (110 + (size_t)fields[11] + 3) & ~(size_t)3;
	*ret_mode = fields[1];
	*ret_len = fields[6];
	*ret_bytes = *at + head;
	*at += head + (((size_t)fields[6] + 3) & ~(size_t)3);
	return name;
}

static void an_archive_has_what_the_kernel_reads(void **state)
{
	static const struct initramfs_file files[] = {FILE_OF("first"), FILE_OF("second one")};
	const struct initramfs_file init = FILE_OF("the init");
	static const char *const names[] = {"dev", "group", "proc", "root", "served", "sys",
		"modules", "init", "modules/0", "modules/1", "TRAILER!!!"};
	autostrbuf struct strbuf text;
	const char *at, *bytes;
	unsigned mode;
	size_t len;

	(void)state;
	assert_string_equal(GUEST_MODULES, "/modules");
	strbuf_init(&text, KS_MAX_TEXT);
	assert_int_equal(initramfs_build(&init, files, 2, &text), 0);
	at = text.data;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal((at - text.data) % 4, 0);
		assert_string_equal(next(&at, &mode, &bytes, &len), names[i]);
		if (i < 7)
			assert_int_equal(mode, 0040755);
		if (i == 7) {
			assert_int_equal(mode, 0100755);
			assert_memory_equal(bytes, "the init", len);
		}
		if (i == 9)
			assert_memory_equal(bytes, "second one", len);
	}
	assert_ptr_equal(at, text.data + text.len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(modules_come_behind_what_they_need),
		cmocka_unit_test(a_program_is_taken_as_far_as_it_is_loaded),
		cmocka_unit_test(names_are_whole),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(signatures_are_cut),
		cmocka_unit_test(an_archive_has_what_the_kernel_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
