/* SPDX-License-Identifier: Apache-2.0 */
/* The generated programs, walked instruction by instruction against the table and against what
 * libseccomp makes of the same table. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "linux/seccomp/compile.h"
#include "linux/seccomp/seccomp_filters.h"
#include "linux/seccomp/table.h"
#include "seccomp_reference.h"
#include "seccomp_subject.h"

static const struct seccomp_row *row_named(const char *name)
{
	size_t count;
	const struct seccomp_row *rows = seccomp_table(&count);

	for (size_t i = 0; i < count; i++) {
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	}
	fail_msg("no row for %s", name);
	return NULL;
}

static void open_profile(struct seccomp_subject *subject, enum seccomp_machine machine,
	enum ks_profile profile, bool notify)
{
	size_t count;
	const struct seccomp_row *rows = seccomp_table(&count);

	subject_open(subject, machine, profile, notify,
		seccomp_program_for(profile, seccomp_machines[machine], notify));
	for (size_t i = 0; i < count; i++)
		subject->actions[i] = rows[i].actions[profile];
}

static void for_each(void (*act)(struct seccomp_subject *subject))
{
	for (int i = 0; i < MACHINE_COUNT * SECCOMP_PROFILES * 2; i++) {
		static struct seccomp_subject subject;

		open_profile(&subject, (enum seccomp_machine)(i / (SECCOMP_PROFILES * 2)),
			(enum ks_profile)(i / 2 % SECCOMP_PROFILES), i % 2);
		act(&subject);
		subject_close(&subject);
	}
}

static void test_programs_say_what_the_table_says(void **state)
{
	(void)state;
	for_each(subject_walk_all);
}

static void test_numbers_are_those_of_libseccomp(void **state)
{
	size_t count;
	const struct seccomp_row *rows = seccomp_table(&count);

	(void)state;
	for (enum seccomp_machine machine = 0; machine < MACHINE_COUNT; machine++) {
		int known = 0;

		for (size_t i = 0; i < count; i++) {
			int nr = reference_number(machine, rows[i].name);

			if (nr < 0 && rows[i].numbers[machine] >= 0 &&
				rows[i].numbers[machine] < 335)
				fail_msg("%s has no %s", seccomp_machines[machine], rows[i].name);
			if (nr < 0)
				continue;
			known++;
			if (nr != rows[i].numbers[machine])
				fail_msg("%s on %s is %d, not %d", rows[i].name,
					seccomp_machines[machine], nr, rows[i].numbers[machine]);
		}
		assert_true(known >= (machine == MACHINE_X86_64 ? 359 : 300));
	}
}

/* The other way round: no number may lack its row. Linux 6.18 ends at 469; what came after the
 * oldest libseccomp that we build with has the same number everywhere. */
static void test_table_is_complete(void **state)
{
	(void)state;
	for (enum seccomp_machine machine = 0; machine < MACHINE_COUNT; machine++) {
		for (int nr = 0; nr < 1024; nr++) {
			const char *name = seccomp_syscall_name(seccomp_machines[machine], nr);
			bool known = reference_knows(machine, nr) || (nr > 450 && nr <= 469);

			if (nr > 469)
				assert_null(name);
			else if (known && !name)
				fail_msg("%s lacks a row for %d", seccomp_machines[machine], nr);
		}
	}
	assert_string_equal(seccomp_syscall_name("x86_64", 469), "file_setattr");
	assert_string_equal(seccomp_syscall_name("aarch64", 452), "fchmodat2");
}

static void compare_numbers(struct seccomp_subject *subject)
{
	assert_true(subject_compare_numbers(subject) >= 270);
}

static void compare_rules(struct seccomp_subject *subject)
{
	unsigned least = subject->machine == MACHINE_X86_64 ? 20 : 15;

	assert_true(subject_compare_rules(subject) >= least);
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

static void compile_again(struct seccomp_subject *subject)
{
	static struct sock_filter code[SECCOMP_MAX_INSTRUCTIONS];
	enum ks_profile profile = (enum ks_profile)subject->variant;
	int len = seccomp_compile(
		subject->machine, profile, subject->notify, code, SECCOMP_MAX_INSTRUCTIONS);

	assert_int_equal(len, subject->program->len);
	assert_memory_equal(code, subject->program->filter, len * sizeof(code[0]));
	/* Too little room is an answer, not an overrun. */
	for (int room = 0; room < len; room++)
		assert_int_equal(
			seccomp_compile(subject->machine, profile, subject->notify, code, room),
			-E2BIG);
}

static void test_built_programs_are_the_compiled_ones(void **state)
{
	(void)state;
	for_each(compile_again);
}

static void test_lookups(void **state)
{
	struct seccomp_call call;
	size_t count;
	size_t index = 0;

	(void)state;
	seccomp_table(&count);
	assert_null(seccomp_program_for(KS_PROFILE_WORKER_STRICT, "i686", true));
	assert_null(seccomp_program_for(KS_PROFILE_WORKER_STRICT, "x86_64h", true));
	assert_null(seccomp_program_for((enum ks_profile)2, "x86_64", true));
	assert_string_equal(seccomp_syscall_name("x86_64", 165), "mount");
	assert_string_equal(seccomp_syscall_name("aarch64", 40), "mount");
	assert_string_equal(seccomp_syscall_name("aarch64", 117), "ptrace");
	assert_null(seccomp_syscall_name("x86_64", -1));
	assert_null(seccomp_syscall_name("x86_64", 400));
	assert_null(seccomp_syscall_name("aarch64", 5000));
	assert_null(seccomp_syscall_name("riscv64", 40));
	for (; seccomp_call_at(index, &call); index++) {
		assert_true(strlen(call.name) > 0 && strlen(call.reason) > 5);
		assert_true(call.x86_64 >= 0 || call.aarch64 >= 0);
		assert_true(strlen(call.strict) > 0 && strlen(call.net_client) > 0);
	}
	assert_int_equal(index, count);
	assert_non_null(row_named("file_setattr"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_programs_say_what_the_table_says),
		cmocka_unit_test(test_numbers_are_those_of_libseccomp),
		cmocka_unit_test(test_table_is_complete),
		cmocka_unit_test(test_programs_agree_with_libseccomp),
		cmocka_unit_test(test_argument_rules_agree_with_libseccomp),
		cmocka_unit_test(test_built_programs_are_the_compiled_ones),
		cmocka_unit_test(test_lookups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
