/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
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
		char *place = NULL, *type = NULL;

		assert_int_equal(submounts_find(text, cases[i].directory, &place, &type),
			cases[i].place != NULL);
		if (cases[i].place) {
			assert_string_equal(place, cases[i].place);
			assert_string_equal(type, cases[i].type);
		}
		free(place);
		free(type);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_finds)};

	return cmocka_run_group_tests_name("submounts", tests, NULL, NULL);
}
