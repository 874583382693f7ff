/* SPDX-License-Identifier: Apache-2.0 */
/* The programs for a worker without namespaces, instruction by instruction, against their tables
 * and against what libseccomp makes of them: every number, and every class of arguments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "seccomp_subject.h"

/* The actions of a worker with namespaces, but for those that have a row of their own here. */
static void open_host(
	struct seccomp_subject *subject, enum seccomp_machine machine, bool scoped, bool notify)
{
	size_t count, n_others;
	const struct seccomp_row *rows = seccomp_table(&count);
	const struct seccomp_host_row *others = seccomp_host_table(&n_others);

	subject_open(subject, machine, scoped, notify,
		seccomp_host_program_for(seccomp_machines[machine], scoped, notify));
	for (size_t i = 0; i < count; i++) {
		subject->actions[i] = rows[i].actions[KS_PROFILE_WORKER_STRICT];
		for (size_t k = 0; k < n_others; k++)
			if (strcmp(others[k].name, rows[i].name) == 0)
				subject->actions[i] = others[k].actions[scoped];
	}
}

static void for_each(void (*act)(struct seccomp_subject *subject))
{
	for (int i = 0; i < MACHINE_COUNT * 4; i++) {
		static struct seccomp_subject subject;

		open_host(&subject, (enum seccomp_machine)(i / 4), i / 2 % 2, i % 2);
		act(&subject);
		subject_close(&subject);
	}
}

static void compare_numbers(struct seccomp_subject *subject)
{
	assert_true(subject_compare_numbers(subject) >= 250);
}

static void compare_rules(struct seccomp_subject *subject)
{
	assert_true(subject_compare_rules(subject) >= 20);
}

static void test_programs_say_what_the_tables_say(void **state)
{
	(void)state;
	for_each(subject_walk_all);
}

static void test_programs_agree_with_libseccomp(void **state)
{
	(void)state;
	for_each(compare_numbers);
}

static void test_argument_rules_agree_with_libseccomp(void **state)
{
	(void)state;
	for_each(compare_rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_programs_say_what_the_tables_say),
		cmocka_unit_test(test_programs_agree_with_libseccomp),
		cmocka_unit_test(test_argument_rules_agree_with_libseccomp),
	};

	return cmocka_run_group_tests_name("seccomp_host", tests, NULL, NULL);
}
