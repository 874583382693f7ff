/* SPDX-License-Identifier: Apache-2.0 */
/* Which files of a cache are taken for templates. */
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

#include "base/cleanup.h"
#include "cache_place.h"
#include "vm/kernel/cache.h"
#include "vm/kernel/cache_room.h"
#include "vm/template/name.h"
#include "vm/template/store.h"

#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define RATE 2100000u

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
	assert_int_equal(count_files(place, "template-"), 0);
	close(fd);
	assert_int_equal(keep(place, KEY_A, "", 0), -ENODATA);
	assert_int_equal(keep(place, KEY_A, "abc", (off_t)TEMPLATE_LARGEST + 1), -EFBIG);
	assert_int_equal(count_files(place, "template-"), 0);
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
		assert_int_equal(count_files(place, "template-"), 0);
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
	const unsigned fit = CACHE_TEMPLATES_BYTES / TEMPLATE_LARGEST;
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
	assert_int_equal(count_files(place, "template-"), fit);
	assert_int_equal(count_files(place, "template-0"), 0);
	assert_int_equal(count_files(place, "template-1"), 1);
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
		WITH_PLACE(test_what_is_kept_is_found_by_its_key_and_rate),
		WITH_PLACE(test_one_that_is_not_named_leaves_nothing),
		WITH_PLACE(test_what_is_not_what_its_name_says_is_never_used),
		WITH_PLACE(test_the_oldest_make_room),
		WITH_PLACE(test_one_process_makes_templates_at_a_time),
		WITH_PLACE(test_what_was_of_no_use_is_tried_again_later),
	};

	return cmocka_run_group_tests_name("vm_template", tests, NULL, NULL);
}
