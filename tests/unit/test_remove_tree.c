/* SPDX-License-Identifier: Apache-2.0 */
/* Removal beside somebody who is at work in the tree: it stays in the tree. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/remove_tree.h"

#define DEPTH 300 /* longer than any path may be, with the names below */
#define NAME "a-directory-of-some-length"

static char place[64];
static int home = -1;
static bool survives; /* somebody moves what is being emptied out of the tree, once */

static int empty_out(int directory, int top, bool *ret_stuck);

static void make(int beneath, const char *name)
{
	assert_int_equal(mkdirat(beneath, name, 0700), 0);
}

static void make_file(int beneath, const char *name)
{
	int fd = openat(beneath, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static bool is_there(const char *name)
{
	return faccessat(home, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int set_up(void **state)
{
	(void)state;
	snprintf(place, sizeof(place), "/tmp/kastellan-remove.XXXXXX");
	assert_non_null(mkdtemp(place));
	home = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(home >= 0);
	make(home, "own");
	make(home, "grant");
	make_file(home, "canary");
	make_file(home, "grant/kept");
	survives = false;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	remove_tree(home, empty_out);
	return rmdir(place);
}

static int empty_out(int directory, int top, bool *ret_stuck)
{
	int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fdopendir(copy);
	int found = -1;

	assert_non_null(stream);
	for (struct dirent *entry; found < 0 && (entry = readdir(stream));) {
		found = remove_name(directory, top, entry->d_name, ret_stuck);
		if (survives && found >= 0 && faccessat(found, "file", F_OK, 0) == 0) {
			/* It is open, and is somewhere else from now on. */
			assert_int_equal(
				renameat(directory, entry->d_name, home, "grant/moved"), 0);
			survives = false;
		}
	}
	closedir(stream);
	return found;
}

static void remove_own(void)
{
	remove_tree(remove_open(home, "own"), empty_out);
}

static void what_is_in_it_goes(void **state)
{
	(void)state;
	make(home, "own/one");
	make(home, "own/one/two");
	make(home, "own/moved-0");
	make_file(home, "own/moved-0/file");
	make_file(home, "own/moved-1");
	make_file(home, "own/one/two/file");
	assert_int_equal(symlinkat("../canary", home, "own/one/link"), 0);
	assert_int_equal(symlinkat("../grant", home, "own/one/directory"), 0);
	assert_int_equal(fchmodat(home, "own/one/two", 0, 0), 0);
	remove_own();
	assert_int_equal(unlinkat(home, "own", AT_REMOVEDIR), 0);
	assert_true(is_there("canary") && is_there("grant/kept"));
}

static void depth_costs_nothing(void **state)
{
	int at = openat(home, "own", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	for (int i = 0; i < DEPTH; i++) {
		int next;

		make(at, NAME);
		make_file(at, "file");
		next = openat(at, NAME, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(at);
		at = next;
	}
	close(at);
	remove_own();
	assert_int_equal(unlinkat(home, "own", AT_REMOVEDIR), 0);
}

static void nobody_is_led_out_of_it(void **state)
{
	(void)state;
	make(home, "own/one");
	make_file(home, "own/one/file");
	make(home, "own/one/two");
	make_file(home, "own/one/two/file");
	survives = true;
	remove_own();
	assert_false(survives);
	assert_true(is_there("canary"));
	assert_true(is_there("grant/kept"));
	assert_true(is_there("grant/moved"));
	assert_int_equal(unlinkat(home, "own", AT_REMOVEDIR), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_in_it_goes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(depth_costs_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nobody_is_led_out_of_it, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
