/* SPDX-License-Identifier: Apache-2.0 */
/* What a template is named by, and which files are taken for one. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "vm/kernel/cache.h"
#include "vm/template/key.h"
#include "vm/template/name.h"
#include "vm/template/processor.h"
#include "vm/template/store.h"

#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define RATE 2100000u
#define NONE SIZE_MAX

static void make_vm(struct vm_plan *vm, const char *words)
{
	static const char pin[] = KEY_B;
	const char *at = words;

	*vm = (struct vm_plan){.pins.tsc_khz = RATE};
	memcpy(vm->pins.qemu, pin, sizeof(pin));
	memcpy(vm->pins.firmware, pin, sizeof(pin));
	memcpy(vm->pins.kernel, pin, sizeof(pin));
	while (*at) {
		size_t len = strcspn(at, "|");

		assert_int_equal(strv_addf(&vm->command, "%.*s", (int)len, at), 0);
		at += len + (at[len] == '|');
	}
}

static void key_of(const char *words, size_t spoilt, const char *version, const char *keeper,
	const char *processor, const char *initramfs, char ret[SHA256_TEXT])
{
	struct vm_plan vm;
	struct template_parts parts = {.version = version,
		.vm = &vm,
		.keeper = keeper,
		.processor = processor,
		.initramfs = initramfs};

	make_vm(&vm, words);
	if (spoilt != NONE)
		((char *)&vm.pins)[spoilt] = 'c';
	template_key(&parts, ret);
	strv_done(&vm.command);
}

#define WORDS "/usr/bin/qemu|-m|160|-cpu|max|-append|quiet tsc_early_khz=2100000 tsc=reliable"

static void test_every_part_is_in_the_key(void **state)
{
	static const struct {
		const char *words;
		size_t spoilt;
		const char *version, *keeper, *processor, *initramfs;
	} others[] = {
		{WORDS, offsetof(struct vm_look, qemu), "1", "k", "p", KEY_A},
		{WORDS, offsetof(struct vm_look, firmware), "1", "k", "p", KEY_A},
		{WORDS, offsetof(struct vm_look, kernel), "1", "k", "p", KEY_A},
		{WORDS, NONE, "2", "k", "p", KEY_A},
		{WORDS, NONE, "1", "l", "p", KEY_A},
		{WORDS, NONE, "1", "k", "q", KEY_A},
		{WORDS, NONE, "1", "k", "p", KEY_B},
		{"/usr/bin/qemu|-m|161|-cpu|max|-append|quiet tsc_early_khz=2100000 tsc=reliable",
			NONE, "1", "k", "p", KEY_A},
		{"/usr/bin/qemu|-m|160|-cpu|host|-append|quiet tsc_early_khz=2100000 tsc=reliable",
			NONE, "1", "k", "p", KEY_A},
		{"/usr/bin/qemu|-m|160|-cpu|max|-append|quiet tsc_early_khz=2100000 tsc=unstable",
			NONE, "1", "k", "p", KEY_A},
		{"/usr/bin/qemu|-m|160|-cpu|max|-append|loud tsc_early_khz=2100000 tsc=reliable",
			NONE, "1", "k", "p", KEY_A},
		{WORDS "|-device|other", NONE, "1", "k", "p", KEY_A},
		{"/usr/bin/qemu|-m160|-cpu|max|-append|quiet tsc_early_khz=2100000 tsc=reliable",
			NONE, "1", "k", "p", KEY_A},
		/* Not the same text with other ends. */
		{WORDS, NONE, "1", "kp", "", KEY_A},
	};
	char first[SHA256_TEXT], other[SHA256_TEXT];

	(void)state;
	key_of(WORDS, NONE, "1", "k", "p", KEY_A, first);
	key_of(WORDS, NONE, "1", "k", "p", KEY_A, other);
	assert_string_equal(first, other);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		key_of(others[i].words, others[i].spoilt, others[i].version, others[i].keeper,
			others[i].processor, others[i].initramfs, other);
		if (strcmp(first, other) == 0)
			fail_msg("part %zu is not in the key", i);
	}
}

static void test_the_measured_rate_is_not_in_the_key(void **state)
{
	char first[SHA256_TEXT], other[SHA256_TEXT];

	(void)state;
	key_of(WORDS, NONE, "1", "k", "p", KEY_A, first);
	key_of("/usr/bin/qemu|-m|160|-cpu|max|-append|quiet tsc_early_khz=2099771 tsc=reliable",
		NONE, "1", "k", "p", KEY_A, other);
	assert_string_equal(first, other);
	assert_true(template_rate_fits(RATE, RATE));
	assert_true(template_rate_fits(RATE + RATE / 500, RATE));
	assert_false(template_rate_fits(RATE + RATE / 50, RATE));
	assert_false(template_rate_fits(RATE - RATE / 50, RATE));
	assert_false(template_rate_fits(RATE, 0));
	assert_true(template_rate_fits(0, 0));
}

static void test_names_are_read_as_they_are_written(void **state)
{
	static const char *const bad[] = {"", "template-", "template-" KEY_A,
		"template-" KEY_A "-2100000", "template-" KEY_A "-2100000-",
		"template-" KEY_A "--" KEY_B, "template-" KEY_A "-x-" KEY_B,
		"template-" KEY_A "-02-" KEY_B, "template-" KEY_A "-4294967296-" KEY_B,
		"template-" KEY_A "-99999999999-" KEY_B, "template-" KEY_A "-2-" KEY_B "0",
		"template-" KEY_A "-2-" KEY_B ".new", "template-" KEY_A "0-2-" KEY_B,
		"Template-" KEY_A "-2-" KEY_B, "template-A" KEY_A "-2-" KEY_B};
	struct template_name name = {.tsc_khz = RATE}, again;
	char text[TEMPLATE_NAME_ROOM];

	(void)state;
	memcpy(name.key, KEY_A, SHA256_TEXT);
	memcpy(name.content, KEY_B, SHA256_TEXT);
	template_name_write(&name, text);
	assert_string_equal(text, "template-" KEY_A "-2100000-" KEY_B);
	assert_true(template_name_read(text, &again));
	assert_string_equal(again.key, KEY_A);
	assert_string_equal(again.content, KEY_B);
	assert_int_equal(again.tsc_khz, RATE);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (template_name_read(bad[i], &again))
			fail_msg("taken for a name: %s", bad[i]);
}

static void test_a_processor_is_told_by_what_lasts(void **state)
{
	static const char text[] =
		"processor\t: 0\nvendor_id\t: A\ncpu family\t: 6\nmodel\t\t: 1\n"
		"cpu MHz\t\t: 2100.1\nflags\t\t: fpu sha_ni\nbogomips\t: 4200\n\n"
		"processor\t: 1\nvendor_id\t: B\n";
	autostrbuf struct strbuf read;

	(void)state;
	strbuf_init(&read, KS_MAX_TEXT);
	processor_read(text, &read);
	assert_string_equal(read.data,
		"vendor_id\t: A\ncpu family\t: 6\nmodel\t\t: 1\nflags\t\t: fpu sha_ni\n");
}

struct place {
	char path[64];
	int cache;
};

static int make_place(void **state)
{
	static struct place place;

	snprintf(place.path, sizeof(place.path), "/tmp/vm-template-XXXXXX");
	if (!mkdtemp(place.path) || setenv("KASTELLAN_CACHE", place.path, 1) < 0)
		return -1;
	place.cache = cache_directory();
	*state = &place;
	return place.cache < 0 ? -1 : 0;
}

static int remove_place(void **state)
{
	struct place *place = *state;
	DIR *list = fdopendir(place->cache);

	for (struct dirent *entry; list && (entry = readdir(list));)
		if (entry->d_name[0] != '.' && unlinkat(dirfd(list), entry->d_name, 0) < 0)
			unlinkat(dirfd(list), entry->d_name, AT_REMOVEDIR);
	return list && closedir(list) == 0 ? rmdir(place->path) : -1;
}

static unsigned count(const struct place *place, const char *prefix)
{
	DIR *list = opendir(place->path);
	unsigned n = 0;

	assert_non_null(list);
	for (struct dirent *entry; (entry = readdir(list));)
		n += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
	closedir(list);
	return n;
}

static int keep(const struct place *place, const char *key, const char *text, off_t size)
{
	autofd int fd = -1;

	assert_int_equal(template_begin(place->cache, &fd), 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	if (size)
		assert_int_equal(ftruncate(fd, size), 0);
	return template_keep(place->cache, key, RATE, fd);
}

static bool is_there(const struct place *place, const char *key)
{
	autofd int fd = -1;
	char text[8] = "";

	if (template_open(place->cache, key, RATE, &fd) < 0)
		return false;
	assert_int_equal(read(fd, text, sizeof(text)), 3);
	assert_string_equal(text, "abc");
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	return true;
}

#define NAME_A "template-" KEY_A "-2100000-" ABC

static void test_what_is_kept_is_found_by_its_key_and_rate(void **state)
{
	const struct place *place = *state;
	autofd int fd = -1;

	assert_false(is_there(place, KEY_A));
	assert_int_equal(keep(place, KEY_A, "abc", 0), 0);
	assert_int_equal(faccessat(place->cache, NAME_A, F_OK, 0), 0);
	assert_true(is_there(place, KEY_A));
	assert_false(is_there(place, KEY_B));
	assert_int_equal(template_open(place->cache, KEY_A, RATE * 2, &fd), -ENOENT);
	/* Who runs at another rate has not made it useless for others. */
	assert_true(is_there(place, KEY_A));
}

static void test_one_that_is_not_named_leaves_nothing(void **state)
{
	const struct place *place = *state;
	int fd;

	assert_int_equal(template_begin(place->cache, &fd), 0);
	assert_int_equal(write(fd, "abc", 3), 3);
	assert_int_equal(count(place, "template-"), 0);
	close(fd);
	assert_int_equal(keep(place, KEY_A, "", 0), -ENODATA);
	assert_int_equal(keep(place, KEY_A, "abc", (off_t)TEMPLATE_LARGEST + 1), -EFBIG);
	assert_int_equal(count(place, "template-"), 0);
}

enum spoiling {
	SPOIL_MODE,
	SPOIL_WRITTEN,
	SPOIL_CUT,
	SPOIL_LONGER,
	SPOIL_SECOND_NAME,
	SPOIL_LINK,
	SPOIL_PIPE,
	SPOIL_PLANTED,
	SPOIL_OWNER,
	SPOILINGS
};

/* Writes as root or as an owner who has changed the mode for it would. */
static void write_at(const struct place *place, off_t at, const char *text, off_t size)
{
	autofd int fd = -1;

	assert_int_equal(fchmodat(place->cache, NAME_A, 0600, 0), 0);
	fd = openat(place->cache, NAME_A, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, text, strlen(text), at), (ssize_t)strlen(text));
	assert_int_equal(ftruncate(fd, size), 0);
	assert_int_equal(fchmod(fd, 0400), 0);
}

static void plant(const struct place *place, const char *text)
{
	autofd int fd = -1;

	assert_int_equal(unlinkat(place->cache, NAME_A, 0), 0);
	fd = openat(place->cache, NAME_A, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void spoil(const struct place *place, enum spoiling how)
{
	switch (how) {
	case SPOIL_MODE:
		assert_int_equal(fchmodat(place->cache, NAME_A, 0600, 0), 0);
		break;
	case SPOIL_WRITTEN:
		write_at(place, 1, "x", 3);
		break;
	case SPOIL_CUT:
		write_at(place, 0, "a", 1);
		break;
	case SPOIL_LONGER:
		write_at(place, 3, "d", 4);
		break;
	case SPOIL_SECOND_NAME:
		assert_int_equal(linkat(place->cache, NAME_A, place->cache, "second", 0), 0);
		break;
	case SPOIL_LINK:
		assert_int_equal(renameat(place->cache, NAME_A, place->cache, "second"), 0);
		assert_int_equal(symlinkat("second", place->cache, NAME_A), 0);
		break;
	case SPOIL_PIPE:
		assert_int_equal(unlinkat(place->cache, NAME_A, 0), 0);
		assert_int_equal(mkfifoat(place->cache, NAME_A, 0400), 0);
		break;
	case SPOIL_PLANTED:
		plant(place, "other");
		break;
	default:
		assert_int_equal(fchownat(place->cache, NAME_A, 65534, 65534, 0), 0);
		break;
	}
}

/* Each is ignored and removed; then there is room for a good one. */
static void test_what_is_not_what_its_name_says_is_never_used(void **state)
{
	const struct place *place = *state;
	int spoilings = geteuid() == 0 ? SPOILINGS : SPOIL_OWNER;

	for (int how = 0; how < spoilings; how++) {
		assert_int_equal(keep(place, KEY_A, "abc", 0), 0);
		assert_true(is_there(place, KEY_A));
		/* As the kernel's clock goes on. */
		usleep(20000);
		spoil(place, (enum spoiling)how);
		if (is_there(place, KEY_A))
			fail_msg("spoiling %d was not seen", how);
		assert_int_equal(count(place, "template-"), 0);
		unlinkat(place->cache, "second", 0);
	}
	assert_int_equal(keep(place, KEY_A, "abc", 0), 0);
	assert_true(is_there(place, KEY_A));
	/* A control: the same content by another hand, which is as good. */
	plant(place, "abc");
	assert_true(is_there(place, KEY_A));
}

static void age(const struct place *place, const char *name, time_t seconds)
{
	const struct timespec times[2] = {
		{.tv_sec = time(NULL) - seconds}, {.tv_sec = time(NULL) - seconds}};

	assert_int_equal(utimensat(place->cache, name, times, 0), 0);
}

/* Sparse files: only their sizes count. */
static void test_the_oldest_make_room(void **state)
{
	const struct place *place = *state;
	const unsigned fit = TEMPLATE_ALL_BYTES / TEMPLATE_LARGEST;
	char key[SHA256_TEXT] = KEY_A;

	for (unsigned i = 0; i < fit; i++) {
		char name[TEMPLATE_NAME_ROOM];

		key[0] = (char)('0' + i);
		snprintf(name, sizeof(name), "template-%s-1-%s", key, ABC);
		autofd int fd = openat(place->cache, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0400);

		assert_true(fd >= 0);
		assert_int_equal(ftruncate(fd, (off_t)TEMPLATE_LARGEST), 0);
		age(place, name, (time_t)(100 - i));
	}
	assert_int_equal(keep(place, KEY_A, "abc", 0), 0);
	assert_int_equal(count(place, "template-"), fit);
	assert_int_equal(count(place, "template-0"), 0);
	assert_int_equal(count(place, "template-1"), 1);
	assert_true(is_there(place, KEY_A));
}

static void test_one_process_makes_templates_at_a_time(void **state)
{
	const struct place *place = *state;
	int first = -1, second = -1;

	assert_int_equal(template_lock(place->cache, &first), 0);
	assert_int_equal(template_lock(place->cache, &second), -EAGAIN);
	close(first);
	assert_int_equal(template_lock(place->cache, &second), 0);
	close(second);
}

static void test_what_was_of_no_use_is_tried_again_later(void **state)
{
	const struct place *place = *state;

	assert_int_equal(keep(place, KEY_A, "abc", 0), 0);
	assert_int_equal(keep(place, KEY_B, "abc", 0), 0);
	assert_false(template_given_up(place->cache, KEY_A));
	template_give_up(place->cache, KEY_A);
	assert_false(is_there(place, KEY_A));
	assert_true(template_given_up(place->cache, KEY_A));
	assert_true(is_there(place, KEY_B));
	assert_false(template_given_up(place->cache, KEY_B));
	age(place, "no-template-" KEY_A, TEMPLATE_PAUSE_S + 1);
	assert_false(template_given_up(place->cache, KEY_A));
	template_give_up(place->cache, KEY_A);
	/* A time that is yet to come was set by a clock that was wrong. */
	age(place, "no-template-" KEY_A, -1000);
	assert_false(template_given_up(place->cache, KEY_A));
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_part_is_in_the_key),
		cmocka_unit_test(test_the_measured_rate_is_not_in_the_key),
		cmocka_unit_test(test_names_are_read_as_they_are_written),
		cmocka_unit_test(test_a_processor_is_told_by_what_lasts),
		WITH_PLACE(test_what_is_kept_is_found_by_its_key_and_rate),
		WITH_PLACE(test_one_that_is_not_named_leaves_nothing),
		WITH_PLACE(test_what_is_not_what_its_name_says_is_never_used),
		WITH_PLACE(test_the_oldest_make_room),
		WITH_PLACE(test_one_process_makes_templates_at_a_time),
		WITH_PLACE(test_what_was_of_no_use_is_tried_again_later),
	};

	return cmocka_run_group_tests_name("vm_template", tests, NULL, NULL);
}
