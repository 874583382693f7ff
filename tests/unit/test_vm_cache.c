/* SPDX-License-Identifier: Apache-2.0 */
/* How much the cache of machines keeps, and whom it lets go first. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "cache_place.h"
#include "vm/kernel/cache.h"
#include "vm/kernel/cache_room.h"

#define PROCESSES 4
#define EACH 12

static bool is_there(const struct place *place, const char *name)
{
	return faccessat(place->cache, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* So many seconds ago; a time of reading of 0 is the same as that of writing. */
static void set_times(const struct place *place, const char *name, long written, long read)
{
	time_t now = time(NULL);
	const struct timespec times[2] = {
		{.tv_sec = now - (read ? read : written)}, {.tv_sec = now - written}};

	assert_int_equal(utimensat(place->cache, name, times, 0), 0);
}

static void store(const struct place *place, const char *name, long written, long read)
{
	assert_int_equal(cache_store(place->cache, name, "x", 1), 0);
	set_times(place, name, written, read);
}

/* As they were before there was a bound, and without the time that a disk takes for each. */
static void fill(const struct place *place, const char *prefix, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		char name[64];

		snprintf(name, sizeof(name), "%s%04u", prefix, i);
		autofd int fd = openat(place->cache, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0444);

		assert_true(fd >= 0);
		set_times(place, name, 5000 - (long)i, 0);
	}
}

static void test_each_kind_has_a_bound_of_its_own(void **state)
{
	static const struct {
		const char *prefix;
		unsigned most;
	} kinds[] = {{"digest-", CACHE_DIGESTS}, {"vmlinux-", CACHE_KERNELS},
		{"no-template-", CACHE_PAUSES}, {"template-", CACHE_TEMPLATES}};
	const struct place *place = *state;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		char name[64];

		fill(place, kinds[i].prefix, kinds[i].most - 1);
		snprintf(name, sizeof(name), "%slast", kinds[i].prefix);
		store(place, name, 0, 0);
		assert_int_equal(count_files(place, kinds[i].prefix), kinds[i].most);
		fill(place, kinds[i].prefix, kinds[i].most + 20);
		snprintf(name, sizeof(name), "%snext", kinds[i].prefix);
		store(place, name, 0, 0);
		assert_int_equal(count_files(place, kinds[i].prefix), kinds[i].most);
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		assert_int_equal(count_files(place, kinds[i].prefix), kinds[i].most);
}

static void test_what_is_not_of_a_kind_is_not_touched(void **state)
{
	const struct place *place = *state;

	fill(place, "other-", 300);
	store(place, "templates.lock", 400L * 86400, 0);
	assert_int_equal(mkdirat(place->cache, "digest-directory", 0700), 0);
	fill(place, "digest-", CACHE_DIGESTS + 1);
	store(place, "digest-0", 0, 0);
	assert_int_equal(count_files(place, "other-"), 300);
	assert_true(is_there(place, "templates.lock"));
	assert_true(is_there(place, "digest-directory"));
	assert_int_equal(count_files(place, "digest-0"), CACHE_DIGESTS);
}

static void test_what_was_used_last_stays(void **state)
{
	const struct place *place = *state;

	fill(place, "digest-", CACHE_DIGESTS);
	/* Written first, and read since. */
	set_times(place, "digest-0000", 9000, 10);
	/* By a clock that was wrong. */
	set_times(place, "digest-0090", -100000, 0);
	store(place, "digest-new", 0, 0);
	assert_false(is_there(place, "digest-0090"));
	assert_true(is_there(place, "digest-0000"));
	assert_true(is_there(place, "digest-0001"));
	store(place, "digest-newer", 0, 0);
	assert_false(is_there(place, "digest-0001"));
	assert_true(is_there(place, "digest-0000"));
	assert_true(is_there(place, "digest-0002"));
}

static void test_what_nobody_has_used_for_long_goes_before_that(void **state)
{
	const struct place *place = *state;

	store(place, "digest-old", CACHE_KEPT_S + 60, 0);
	store(place, "digest-read", CACHE_KEPT_S + 60, 60);
	store(place, "digest-young", CACHE_KEPT_S - 60, 0);
	store(place, "no-template-old", CACHE_PAUSE_KEPT_S + 60, 0);
	store(place, "digest-new", 0, 0);
	assert_false(is_there(place, "digest-old"));
	assert_true(is_there(place, "digest-read"));
	assert_true(is_there(place, "digest-young"));
	/* It goes when one of its kind comes. */
	assert_true(is_there(place, "no-template-old"));
	store(place, "no-template-new", 0, 0);
	assert_false(is_there(place, "no-template-old"));
}

static void test_whoever_has_one_open_keeps_it(void **state)
{
	const struct place *place = *state;
	char text[8] = "";
	autofd int fd = -1;

	assert_int_equal(cache_store(place->cache, "vmlinux-used", "abc", 3), 0);
	set_times(place, "vmlinux-used", 9000, 0);
	fd = cache_open(place->cache, "vmlinux-used");
	assert_true(fd >= 0);
	fill(place, "vmlinux-", CACHE_KERNELS);
	store(place, "vmlinux-new", 0, 0);
	assert_int_equal(cache_open(place->cache, "vmlinux-used"), -ENOENT);
	assert_int_equal(read(fd, text, sizeof(text)), 3);
	assert_string_equal(text, "abc");
	/* And it is made anew. */
	assert_int_equal(cache_store(place->cache, "vmlinux-used", "abc", 3), 0);
	assert_true(is_there(place, "vmlinux-used"));
	assert_int_equal(count_files(place, "vmlinux-"), CACHE_KERNELS);
}

static void test_without_room_nothing_is_stored(void **state)
{
	const struct place *place = *state;
	autofd int fd = openat(place->cache, "template-big", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 1), 0);
	assert_int_equal(
		cache_make_room(place->cache, "template-new", CACHE_TEMPLATES_BYTES - 1), 0);
	assert_true(is_there(place, "template-big"));
	assert_int_equal(cache_make_room(place->cache, "template-new", CACHE_TEMPLATES_BYTES), 0);
	assert_false(is_there(place, "template-big"));
	assert_int_equal(
		cache_make_room(place->cache, "template-new", CACHE_TEMPLATES_BYTES + 1), -ENOSPC);
	assert_int_equal(cache_make_room(place->cache, "other", UINT64_MAX), 0);
}

static int store_many(unsigned number)
{
	int cache = cache_directory();

	for (unsigned i = 0; cache >= 0 && i < EACH; i++) {
		char name[64];
		int fd;

		snprintf(name, sizeof(name), "digest-%u-%u", number, i);
		if (cache_store(cache, name, "x", 1) < 0)
			return 1;
		/* Just written, it is not the one to go. */
		fd = cache_open(cache, name);
		if (fd < 0)
			return 2;
		close(fd);
	}
	return cache < 0;
}

static void test_many_at_once(void **state)
{
	const struct place *place = *state;
	pid_t pids[PROCESSES];

	fill(place, "digest-", 2 * CACHE_DIGESTS);
	for (unsigned i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(store_many(i));
		assert_true(pids[i] > 0);
	}
	for (unsigned i = 0; i < PROCESSES; i++) {
		int status = -1;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	/* Who finds another at it leaves it to the next. */
	store(place, "digest-last", 0, 0);
	assert_int_equal(count_files(place, "digest-"), CACHE_DIGESTS);
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PLACE(test_each_kind_has_a_bound_of_its_own),
		WITH_PLACE(test_what_is_not_of_a_kind_is_not_touched),
		WITH_PLACE(test_what_was_used_last_stays),
		WITH_PLACE(test_what_nobody_has_used_for_long_goes_before_that),
		WITH_PLACE(test_whoever_has_one_open_keeps_it),
		WITH_PLACE(test_without_room_nothing_is_stored),
		WITH_PLACE(test_many_at_once),
	};

	return cmocka_run_group_tests_name("vm_cache", tests, NULL, NULL);
}
