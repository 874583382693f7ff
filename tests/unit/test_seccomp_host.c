/* SPDX-License-Identifier: Apache-2.0 */
/* The programs for a worker without namespaces, instruction by instruction, against their tables
 * and against what libseccomp makes of them: every number, and every class of arguments. */
#include <errno.h>
#include <linux/audit.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "linux/seccomp/seccomp_filters.h"
#include "linux/seccomp/table.h"
#include "seccomp_arguments.h"
#include "seccomp_bpf.h"
#include "seccomp_reference.h"

#define NUMBERS 1024
#define ROWS_MAX 1024
#define CLAUSES_MAX 64

static const char *const machines[MACHINE_COUNT] = {"x86_64", "aarch64"};
static const uint32_t arches[MACHINE_COUNT] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64};
static const uint32_t far_numbers[] = {1024, 4095, 0x3fffffff, 0x40000000, 0x40000027, 0x7fffffff,
	0x80000000, 0xfffffffe, 0xffffffff};

/* One program, what it is to answer, and what of it has run. */
struct subject {
	enum seccomp_machine machine;
	bool notify;
	const struct seccomp_program *program;
	enum seccomp_action actions[ROWS_MAX]; /* of each row of the table */
	const struct seccomp_row *by_number[NUMBERS];
	uint8_t *seen;
};

/* For one rule: what libseccomp makes of each clause. */
struct comparison {
	struct subject *subject;
	const struct seccomp_rule *rule;
	struct reference clauses[CLAUSES_MAX];
	unsigned long compared;
};

static void subject_open(
	struct subject *subject, enum seccomp_machine machine, bool scoped, bool notify)
{
	size_t count, n_others;
	const struct seccomp_row *rows = seccomp_table(&count);
	const struct seccomp_host_row *others = seccomp_host_table(&n_others);

	memset(subject, 0, sizeof(*subject));
	subject->machine = machine;
	subject->notify = notify;
	subject->program = seccomp_host_program_for(machines[machine], scoped, notify);
	assert_non_null(subject->program);
	subject->seen = calloc(subject->program->len, 1);
	assert_non_null(subject->seen);
	assert_true(count <= ROWS_MAX);
	for (size_t i = 0; i < count; i++) {
		subject->actions[i] = rows[i].actions[KS_PROFILE_WORKER_STRICT];
		for (size_t k = 0; k < n_others; k++)
			if (strcmp(others[k].name, rows[i].name) == 0)
				subject->actions[i] = others[k].actions[scoped];
		if (rows[i].numbers[machine] >= 0)
			subject->by_number[rows[i].numbers[machine]] = &rows[i];
	}
}

static const struct seccomp_rule *rule_of(
	const struct subject *subject, const struct seccomp_row *row)
{
	size_t count;

	return seccomp_rule_of(subject->actions[row - seccomp_table(&count)]);
}

static bool holds(const struct seccomp_clause *clause, const struct seccomp_data *data)
{
	for (size_t i = 0; i < SECCOMP_MAX_TESTS && clause->tests[i].mask; i++) {
		const struct seccomp_test *test = &clause->tests[i];
		uint32_t word = data->args[test->arg] >> (test->high ? 32 : 0);

		if (((word & test->mask) == test->value) == (bool)test->differs)
			return false;
	}
	return true;
}

static bool is_foreign(const struct subject *subject, uint32_t nr)
{
	return subject->machine == MACHINE_X86_64 && nr != UINT32_MAX &&
	       (nr >= SECCOMP_X32_BIT || (nr >= SECCOMP_X32_FIRST && nr <= SECCOMP_X32_LAST));
}

/* As the variant spells it. */
static uint32_t spell(const struct subject *subject, uint32_t verdict)
{
	if (subject->notify)
		return verdict;
	if (verdict == SECCOMP_VERDICT_ASK)
		return SECCOMP_VERDICT_ERRNO(EPERM);
	return verdict == SECCOMP_VERDICT_KILL ? SECCOMP_RET_KILL_PROCESS : verdict;
}

static uint32_t expected(const struct subject *subject, const struct seccomp_data *data)
{
	uint32_t nr = data->nr;
	const struct seccomp_row *row = nr < NUMBERS ? subject->by_number[nr] : NULL;
	const struct seccomp_rule *rule;

	if (data->arch != arches[subject->machine] || is_foreign(subject, nr))
		return SECCOMP_RET_KILL_PROCESS;
	if (!row)
		return SECCOMP_VERDICT_ERRNO(ENOSYS);
	rule = rule_of(subject, row);
	for (size_t i = 0; i < rule->count; i++)
		if (holds(&rule->clauses[i], data))
			return spell(subject, rule->clauses[i].verdict);
	return spell(subject, rule->otherwise);
}

static uint32_t walk(struct subject *subject, const struct seccomp_data *data)
{
	uint32_t verdict = bpf_run(
		subject->program->filter, subject->program->len, data, subject->seen);

	if (verdict != expected(subject, data))
		fail_msg("%s, notify %d: call %#x (%#llx, %#llx, %#llx): 0x%08x instead of 0x%08x",
			machines[subject->machine], subject->notify, data->nr,
			(unsigned long long)data->args[0], (unsigned long long)data->args[1],
			(unsigned long long)data->args[2], verdict, expected(subject, data));
	return verdict;
}

static void visit_walk(const struct seccomp_data *data, void *context)
{
	walk(context, data);
}

static void walk_number(struct subject *subject, uint32_t nr)
{
	const struct seccomp_row *row = nr < NUMBERS ? subject->by_number[nr] : NULL;
	struct seccomp_data data = {.nr = (int)nr, .arch = arches[subject->machine]};

	walk(subject, &data);
	memset(data.args, 0xff, sizeof(data.args));
	walk(subject, &data);
	if (row && rule_of(subject, row)->count > 0)
		visit_seccomp_arguments(
			rule_of(subject, row), data.arch, (int)nr, visit_walk, subject);
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
			fail_msg("%s: instruction %zu ran as %u instead of %u",
				machines[subject->machine], i, subject->seen[i], wanted);
	}
}

/* What libseccomp cannot tell, it has one answer for. */
static uint32_t plain(uint32_t verdict)
{
	return verdict == SECCOMP_VERDICT_ASK ? SECCOMP_RET_USER_NOTIF : verdict;
}

static void compare_numbers(struct subject *subject)
{
	struct reference reference;
	int compared = 0;

	reference_actions(subject->machine, subject->actions, subject->notify, &reference);
	for (uint32_t nr = 0; nr < NUMBERS; nr++) {
		const struct seccomp_row *row = subject->by_number[nr];
		struct seccomp_data data = {.nr = (int)nr, .arch = arches[subject->machine]};

		if (is_foreign(subject, nr) ||
			(row && (reference_number(subject->machine, row->name) < 0 ||
					rule_of(subject, row)->count > 0)))
			continue;
		assert_int_equal(bpf_run(reference.code, reference.len, &data, NULL),
			plain(walk(subject, &data)));
		compared += row != NULL;
	}
	assert_true(compared >= 250);
	free(reference.code);
}

/* The first clause whose libseccomp program holds decides. */
static void visit_compare(const struct seccomp_data *data, void *context)
{
	struct comparison *all = context;
	uint32_t wanted = all->rule->otherwise;

	for (size_t i = 0; i < all->rule->count; i++)
		if (bpf_run(all->clauses[i].code, all->clauses[i].len, data, NULL) ==
			SECCOMP_RET_ALLOW) {
			wanted = all->rule->clauses[i].verdict;
			break;
		}
	assert_int_equal(walk(all->subject, data), spell(all->subject, wanted));
	all->compared++;
}

static bool compare_rule(struct subject *subject, const struct seccomp_row *row)
{
	static struct comparison all;
	int nr = row->numbers[subject->machine];

	all = (struct comparison){.subject = subject, .rule = rule_of(subject, row)};
	if (all.rule->count == 0 || reference_number(subject->machine, row->name) < 0)
		return false;
	assert_true(all.rule->count <= CLAUSES_MAX);
	for (size_t i = 0; i < all.rule->count; i++)
		reference_clause(
			subject->machine, row->name, &all.rule->clauses[i], &all.clauses[i]);
	visit_seccomp_arguments(all.rule, arches[subject->machine], nr, visit_compare, &all);
	assert_true(all.compared > 8);
	for (size_t i = 0; i < all.rule->count; i++)
		free(all.clauses[i].code);
	return true;
}

static void compare_rules(struct subject *subject)
{
	unsigned rules = 0;

	for (uint32_t nr = 0; nr < NUMBERS; nr++)
		if (subject->by_number[nr])
			rules += compare_rule(subject, subject->by_number[nr]);
	assert_true(rules >= 20);
}

static void for_each(void (*act)(struct subject *subject))
{
	for (int i = 0; i < MACHINE_COUNT * 4; i++) {
		static struct subject subject;

		subject_open(&subject, (enum seccomp_machine)(i / 4), i / 2 % 2, i % 2);
		act(&subject);
		free(subject.seen);
	}
}

static void walk_all(struct subject *subject)
{
	for (uint32_t nr = 0; nr < NUMBERS; nr++)
		walk_number(subject, nr);
	for (size_t i = 0; i < sizeof(far_numbers) / sizeof(far_numbers[0]); i++)
		walk_number(subject, far_numbers[i]);
	check_all_ran(subject);
}

static void test_programs_say_what_the_tables_say(void **state)
{
	(void)state;
	for_each(walk_all);
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
