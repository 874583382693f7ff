/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "linux/grants/submounts.h"

static const char text[] = "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw\n"
			   "23 22 0:21 / /proc rw,nosuid shared:2 master:3 - proc proc rw\n"
			   "24 22 0:30 / /srv/a\\040b/proc rw - proc proc rw\n"
			   "25 22 0:31 / /srv/chroot/sys ro - sysfs sysfs rw\n"
			   "26 22 0:32 / /srv/plain/sub rw - tmpfs tmpfs rw\n"
			   "27 22 0:33 / /srv/plain-proc rw - proc proc rw\n"
			   "29 22 0:35 / /srv/nameless/proc rw - proc  rw\n"
			   "28 22 0:34 / /srv/odd\n"
			   "\n";

static void test_finds(void **state)
{
	static const struct {
		const char *directory, *place, *type;
	} cases[] = {{"/srv/a b", "/srv/a b/proc", "proc"},
		{"/srv/chroot", "/srv/chroot/sys", "sysfs"}, {"/srv/plain", NULL, NULL},
		{"/srv/odd", NULL, NULL}, {"/home", NULL, NULL},
		{"/srv/nameless", "/srv/nameless/proc", "proc"}, {"/srv", "/srv/a b/proc", "proc"}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct grant grant = {.path = (char *)cases[i].directory, .directory = true};
		const struct grants grants = {.items = &grant, .len = 1};
		char *place = NULL, *type = NULL;
		size_t index = 1;

		assert_int_equal(submounts_find(&grants, text, &index, &place, &type),
			cases[i].place != NULL);
		if (cases[i].place) {
			assert_int_equal(index, 0);
			assert_string_equal(place, cases[i].place);
			assert_string_equal(type, cases[i].type);
		}
		free(place);
		free(type);
	}
}

/* The first grant is told of, whatever stands first in the table; neither a file nor what is shown
 * by a name of its own is asked about. */
static void test_tells_of_the_first_grant(void **state)
{
	struct grant items[] = {{.path = (char *)"/srv/a b"},
		{.path = (char *)"/home", .directory = true},
		{.path = (char *)"/srv/chroot", .directory = true},
		{.path = (char *)"/srv/a b", .directory = true}};
	const struct grants grants = {.items = items, .len = 4};
	char *place = NULL, *type = NULL;
	size_t index = 9;

	(void)state;
	assert_int_equal(submounts_find(&grants, text, &index, &place, &type), 1);
	assert_int_equal(index, 2);
	assert_string_equal(place, "/srv/chroot/sys");
	assert_string_equal(type, "sysfs");
	free(place);
	free(type);
}

static void test_two_marks_in_one_table(void **state)
{
	/* A line without the mark before one that has it, and one whose end is the text's. */
	static const char odd[] = "28 22 0:34 / /srv/odd\n"
				  "24 22 0:30 / /srv/x/proc rw - proc proc rw\n"
				  "31 22 0:31 / /srv/x/sys rw - sysfs sysfs rw";
	struct grant grant = {.path = (char *)"/srv/x", .directory = true};
	const struct grants grants = {.items = &grant, .len = 1};
	char *place = NULL, *type = NULL;
	size_t index = 9;

	(void)state;
	assert_int_equal(submounts_find(&grants, odd, &index, &place, &type), 1);
	assert_string_equal(place, "/srv/x/proc");
	free(place);
	free(type);
	place = type = NULL;
	assert_int_equal(submounts_find(&grants, strstr(odd, "31 22"), &index, &place, &type), 1);
	assert_string_equal(place, "/srv/x/sys");
	free(place);
	free(type);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_finds),
		cmocka_unit_test(test_tells_of_the_first_grant),
		cmocka_unit_test(test_two_marks_in_one_table)};

	return cmocka_run_group_tests_name("submounts", tests, NULL, NULL);
}
