/* SPDX-License-Identifier: Apache-2.0 */
/* The generated programs, walked instruction by instruction against the table and against what
 * libseccomp makes of the same table. */
#include <errno.h>
#include <linux/audit.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "linux/seccomp/compile.h"
#include "linux/seccomp/seccomp_filters.h"
#include "linux/seccomp/table.h"
#include "seccomp_arguments.h"
#include "seccomp_bpf.h"
#include "seccomp_reference.h"

#define ERRNO(error) SECCOMP_VERDICT_ERRNO(error)

static const char *const machines[MACHINE_COUNT] = {"x86_64", "aarch64"};
static const uint32_t arches[MACHINE_COUNT] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64};

/* Beyond the numbers that are all tried: the edges of x32 and of the integers. */
static const uint32_t far_numbers[] = {1024, 4095, 0x3fffffff, 0x40000000, 0x40000027, 0x40000200,
	0x7fffffff, 0x80000000, 0xc0000000, 0xfffffffe, 0xffffffff};

static const struct seccomp_row *row_of(enum seccomp_machine machine, uint32_t nr)
{
	size_t count;
	const struct seccomp_row *rows = seccomp_table(&count);

	for (size_t i = 0; i < count; i++) {
		if (rows[i].numbers[machine] >= 0 && (uint32_t)rows[i].numbers[machine] == nr)
			return &rows[i];
	}
	return NULL;
}

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

static bool clause_holds(const struct seccomp_clause *clause, const struct seccomp_data *data)
{
	for (size_t i = 0; i < SECCOMP_MAX_TESTS && clause->tests[i].mask; i++) {
		const struct seccomp_test *test = &clause->tests[i];
		uint32_t word = data->args[test->arg] >> (test->high ? 32 : 0);

		if (((word & test->mask) == test->value) == (bool)test->differs)
			return false;
	}
	return true;
}

static uint32_t rule_verdict(const struct seccomp_rule *rule, const struct seccomp_data *data)
{
	for (size_t i = 0; i < rule->count; i++) {
		if (clause_holds(&rule->clauses[i], data))
			return rule->clauses[i].verdict;
	}
	return rule->otherwise;
}

/* What the table says, read as a person would. */
static uint32_t expected(enum seccomp_machine machine, enum ks_profile profile, bool notify,
	const struct seccomp_data *data)
{
	uint32_t nr = data->nr;
	const struct seccomp_row *row = row_of(machine, nr);
	uint32_t verdict;

	if (data->arch != arches[machine])
		return SECCOMP_RET_KILL_PROCESS;
	if (machine == MACHINE_X86_64 && nr != UINT32_MAX &&
		(nr >= SECCOMP_X32_BIT || (nr >= SECCOMP_X32_FIRST && nr <= SECCOMP_X32_LAST)))
		return SECCOMP_RET_KILL_PROCESS;
	if (!row)
		return ERRNO(ENOSYS);
	verdict = rule_verdict(seccomp_rule_of(row->actions[profile]), data);
	if (verdict == SECCOMP_VERDICT_KILL && !notify)
		return SECCOMP_RET_KILL_PROCESS;
	return verdict;
}

/* One generated program and what of it has run. */
struct subject {
	enum seccomp_machine machine;
	enum ks_profile profile;
	bool notify;
	const struct seccomp_program *program;
	uint8_t *seen;
	unsigned long walks;
};

static void subject_open(struct subject *subject, int index)
{
	*subject = (struct subject){
		.machine = index / 4,
		.profile = index / 2 % 2,
		.notify = index % 2,
	};
	subject->program = seccomp_program_for(
		subject->profile, machines[subject->machine], subject->notify);
	assert_non_null(subject->program);
	subject->seen = calloc(subject->program->len, 1);
	assert_non_null(subject->seen);
}

#define SUBJECTS (MACHINE_COUNT * SECCOMP_PROFILES * 2)

static uint32_t walk(struct subject *subject, const struct seccomp_data *data)
{
	const struct seccomp_program *program = subject->program;
	uint32_t verdict = bpf_run(program->filter, program->len, data, subject->seen);
	uint32_t wanted = expected(subject->machine, subject->profile, subject->notify, data);

	subject->walks++;
	if (verdict != wanted)
		fail_msg("%s profile %d notify %d: call %#x (%#llx, %#llx, %#llx, %#llx): "
			 "0x%08x instead of 0x%08x",
			machines[subject->machine], subject->profile, subject->notify, data->nr,
			(unsigned long long)data->args[0], (unsigned long long)data->args[1],
			(unsigned long long)data->args[2], (unsigned long long)data->args[3],
			verdict, wanted);
	return verdict;
}

static void visit_walk(const struct seccomp_data *data, void *context)
{
	walk(context, data);
}

static void walk_number(struct subject *subject, uint32_t nr)
{
	const struct seccomp_row *row = row_of(subject->machine, nr);
	struct seccomp_data data = {.nr = nr, .arch = arches[subject->machine]};

	walk(subject, &data);
	memset(data.args, 0xff, sizeof(data.args));
	walk(subject, &data);
	if (row && seccomp_rule_of(row->actions[subject->profile])->count > 0)
		visit_seccomp_arguments(seccomp_rule_of(row->actions[subject->profile]), data.arch,
			nr, visit_walk, subject);
	data.arch = arches[!subject->machine];
	assert_int_equal(walk(subject, &data), SECCOMP_RET_KILL_PROCESS);
	data.arch = subject->machine == MACHINE_X86_64 ? AUDIT_ARCH_I386 : AUDIT_ARCH_ARM;
	assert_int_equal(walk(subject, &data), SECCOMP_RET_KILL_PROCESS);
}

static void check_all_ran(const struct subject *subject)
{
	for (size_t i = 0; i < subject->program->len; i++) {
		unsigned wanted = bpf_all_of(&subject->program->filter[i]);

		if (subject->seen[i] != wanted)
			fail_msg("%s profile %d: instruction %zu ran as %u instead of %u",
				machines[subject->machine], subject->profile, i, subject->seen[i],
				wanted);
	}
}

static void test_programs_say_what_the_table_says(void **state)
{
	(void)state;
	for (int i = 0; i < SUBJECTS; i++) {
		struct subject subject;

		subject_open(&subject, i);
		for (uint32_t nr = 0; nr < 1024; nr++)
			walk_number(&subject, nr);
		for (size_t n = 0; n < sizeof(far_numbers) / sizeof(far_numbers[0]); n++)
			walk_number(&subject, far_numbers[n]);
		check_all_ran(&subject);
		assert_true(subject.walks > 8192);
		free(subject.seen);
	}
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
				fail_msg("%s has no %s", machines[machine], rows[i].name);
			if (nr < 0)
				continue;
			known++;
			if (nr != rows[i].numbers[machine])
				fail_msg("%s on %s is %d, not %d", rows[i].name, machines[machine],
					nr, rows[i].numbers[machine]);
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
			const char *name = seccomp_syscall_name(machines[machine], nr);
			bool known = reference_knows(machine, nr) || (nr > 450 && nr <= 469);

			if (nr > 469)
				assert_null(name);
			else if (known && !name)
				fail_msg("%s lacks a row for %d", machines[machine], nr);
		}
	}
	assert_string_equal(seccomp_syscall_name("x86_64", 469), "file_setattr");
	assert_string_equal(seccomp_syscall_name("aarch64", 452), "fchmodat2");
}

/* Rows with an argument rule are left to the next test, newer ones to the table alone. */
static void compare_with_reference(struct subject *subject)
{
	struct reference reference;
	int compared = 0;

	reference_table(subject->machine, subject->profile, subject->notify, &reference);
	for (uint32_t i = 0; i < 1024 + sizeof(far_numbers) / sizeof(far_numbers[0]); i++) {
		uint32_t nr = i < 1024 ? i : far_numbers[i - 1024];
		struct seccomp_data data = {.nr = nr, .arch = arches[subject->machine]};
		const struct seccomp_row *row = row_of(subject->machine, nr);
		uint32_t verdict;

		if (row && (reference_number(subject->machine, row->name) < 0 ||
				   seccomp_rule_of(row->actions[subject->profile])->count > 0))
			continue;
		/* libseccomp knows x32 by its bit alone. */
		if (subject->machine == MACHINE_X86_64 && nr >= SECCOMP_X32_FIRST &&
			nr <= SECCOMP_X32_LAST)
			continue;
		verdict = bpf_run(reference.code, reference.len, &data, NULL);
		if (walk(subject, &data) != verdict)
			fail_msg("%s, call %#x: libseccomp says 0x%08x", machines[subject->machine],
				nr, verdict);
		data.arch = AUDIT_ARCH_I386;
		assert_int_equal(bpf_run(reference.code, reference.len, &data, NULL),
			SECCOMP_RET_KILL_PROCESS);
		compared += row != NULL;
	}
	assert_true(compared >= 270);
	free(reference.code);
}

static void test_programs_agree_with_libseccomp(void **state)
{
	(void)state;
	for (int i = 0; i < SUBJECTS; i++) {
		struct subject subject;

		subject_open(&subject, i);
		compare_with_reference(&subject);
		free(subject.seen);
	}
}

struct clause_references {
	struct subject subject;
	const struct seccomp_rule *rule;
	struct reference list[64];
	unsigned long compared;
};

/* The first clause whose libseccomp program holds decides. */
static void visit_compare(const struct seccomp_data *data, void *context)
{
	struct clause_references *all = context;
	uint32_t wanted = all->rule->otherwise;

	for (size_t i = 0; i < all->rule->count; i++) {
		uint32_t verdict = bpf_run(all->list[i].code, all->list[i].len, data, NULL);

		if (verdict == SECCOMP_RET_ALLOW) {
			wanted = all->rule->clauses[i].verdict;
			break;
		}
		assert_int_equal(verdict, ERRNO(EPERM));
	}
	if (walk(&all->subject, data) != wanted)
		fail_msg("%s: libseccomp says 0x%08x for (%#llx, %#llx, %#llx)", all->rule->name,
			wanted, (unsigned long long)data->args[0],
			(unsigned long long)data->args[1], (unsigned long long)data->args[2]);
	all->compared++;
}

/* How many were compared. */
static unsigned compare_rules(enum seccomp_machine machine)
{
	size_t count;
	const struct seccomp_row *rows = seccomp_table(&count);
	static struct clause_references all;
	unsigned rules = 0;

	for (size_t i = 0; i < count * SECCOMP_PROFILES; i++) {
		const struct seccomp_row *row = &rows[i / SECCOMP_PROFILES];
		int nr = row->numbers[machine];

		all.rule = seccomp_rule_of(row->actions[i % SECCOMP_PROFILES]);
		all.compared = 0;
		if (all.rule->count == 0 || nr < 0)
			continue;
		subject_open(&all.subject, (int)machine * 4 + (int)(i % SECCOMP_PROFILES) * 2);
		assert_true(all.rule->count <= 64);
		for (size_t n = 0; n < all.rule->count; n++)
			reference_clause(machine, row->name, &all.rule->clauses[n], &all.list[n]);
		visit_seccomp_arguments(all.rule, arches[machine], nr, visit_compare, &all);
		assert_true(all.compared > 8);
		rules++;
		for (size_t n = 0; n < all.rule->count; n++)
			free(all.list[n].code);
		free(all.subject.seen);
	}
	return rules;
}

static void test_argument_rules_agree_with_libseccomp(void **state)
{
	(void)state;
	assert_true(compare_rules(MACHINE_X86_64) >= 40);
	assert_true(compare_rules(MACHINE_AARCH64) >= 30);
}

static void test_built_programs_are_the_compiled_ones(void **state)
{
	static struct sock_filter code[SECCOMP_MAX_INSTRUCTIONS];

	(void)state;
	for (int i = 0; i < SUBJECTS; i++) {
		struct subject subject;
		int len;

		subject_open(&subject, i);
		len = seccomp_compile(subject.machine, subject.profile, subject.notify, code,
			SECCOMP_MAX_INSTRUCTIONS);
		assert_int_equal(len, subject.program->len);
		assert_memory_equal(code, subject.program->filter, len * sizeof(code[0]));
		/* Too little room is an answer, not an overrun. */
		for (int room = 0; room < len; room++)
			assert_int_equal(seccomp_compile(subject.machine, subject.profile,
						 subject.notify, code, room),
				-E2BIG);
		free(subject.seen);
	}
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
