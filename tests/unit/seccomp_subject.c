/* SPDX-License-Identifier: Apache-2.0 */
#include "seccomp_subject.h"

#include <errno.h>
#include <linux/audit.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "seccomp_arguments.h"
#include "seccomp_bpf.h"
#include "seccomp_reference.h"

#define CLAUSES_MAX 64

const char *const seccomp_machines[MACHINE_COUNT] = {"x86_64", "aarch64"};
static const uint32_t arches[MACHINE_COUNT] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64};

/* Beyond the numbers that are all tried: the edges of x32 and of the integers. */
static const uint32_t far_numbers[] = {1024, 4095, 0x3fffffff, 0x40000000, 0x40000027, 0x40000200,
	0x7fffffff, 0x80000000, 0xc0000000, 0xfffffffe, 0xffffffff};

#define TRIED (SUBJECT_NUMBERS + sizeof(far_numbers) / sizeof(far_numbers[0]))

static uint32_t tried(size_t index)
{
	return index < SUBJECT_NUMBERS ? (uint32_t)index : far_numbers[index - SUBJECT_NUMBERS];
}

void subject_open(struct seccomp_subject *subject, enum seccomp_machine machine, int variant,
	bool notify, const struct seccomp_program *program)
{
	size_t count;
	const struct seccomp_row *rows = seccomp_table(&count);

	memset(subject, 0, sizeof(*subject));
	assert_non_null(program);
	assert_true(count <= SUBJECT_ROWS);
	subject->machine = machine;
	subject->variant = variant;
	subject->notify = notify;
	subject->program = program;
	subject->seen = calloc(program->len, 1);
	assert_non_null(subject->seen);
	for (size_t i = 0; i < count; i++) {
		assert_true(rows[i].numbers[machine] < SUBJECT_NUMBERS);
		if (rows[i].numbers[machine] >= 0)
			subject->by_number[rows[i].numbers[machine]] = &rows[i];
	}
}

void subject_close(struct seccomp_subject *subject)
{
	free(subject->seen);
	subject->seen = NULL;
}

static const struct seccomp_row *row_of(const struct seccomp_subject *subject, uint32_t nr)
{
	return nr < SUBJECT_NUMBERS ? subject->by_number[nr] : NULL;
}

static const struct seccomp_rule *rule_of(
	const struct seccomp_subject *subject, const struct seccomp_row *row)
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

static bool is_old_x32(const struct seccomp_subject *subject, uint32_t nr)
{
	return subject->machine == MACHINE_X86_64 && nr >= SECCOMP_X32_FIRST &&
	       nr <= SECCOMP_X32_LAST;
}

static bool is_foreign(const struct seccomp_subject *subject, uint32_t nr)
{
	return is_old_x32(subject, nr) ||
	       (subject->machine == MACHINE_X86_64 && nr != UINT32_MAX && nr >= SECCOMP_X32_BIT);
}

/* As the variant spells it. */
static uint32_t spell(const struct seccomp_subject *subject, uint32_t verdict)
{
	if (subject->notify)
		return verdict;
	if (verdict == SECCOMP_VERDICT_ASK)
		return SECCOMP_VERDICT_ERRNO(EPERM);
	return verdict == SECCOMP_VERDICT_KILL ? SECCOMP_RET_KILL_PROCESS : verdict;
}

/* What the table says, read as a person would. */
static uint32_t expected(const struct seccomp_subject *subject, const struct seccomp_data *data)
{
	const struct seccomp_row *row = row_of(subject, data->nr);
	const struct seccomp_rule *rule;

	if (data->arch != arches[subject->machine] || is_foreign(subject, data->nr))
		return SECCOMP_RET_KILL_PROCESS;
	if (!row)
		return SECCOMP_VERDICT_ERRNO(ENOSYS);
	rule = rule_of(subject, row);
	for (size_t i = 0; i < rule->count; i++)
		if (holds(&rule->clauses[i], data))
			return spell(subject, rule->clauses[i].verdict);
	return spell(subject, rule->otherwise);
}

static uint32_t walk(struct seccomp_subject *subject, const struct seccomp_data *data)
{
	const struct seccomp_program *program = subject->program;
	uint32_t verdict = bpf_run(program->filter, program->len, data, subject->seen);
	uint32_t wanted = expected(subject, data);

	subject->walks++;
	if (verdict != wanted)
		fail_msg("%s variant %d notify %d: call %#x (%#llx, %#llx, %#llx, %#llx): "
			 "0x%08x instead of 0x%08x",
			seccomp_machines[subject->machine], subject->variant, subject->notify,
			data->nr, (unsigned long long)data->args[0],
			(unsigned long long)data->args[1], (unsigned long long)data->args[2],
			(unsigned long long)data->args[3], verdict, wanted);
	return verdict;
}

static void visit_walk(const struct seccomp_data *data, void *context)
{
	walk(context, data);
}

static void walk_number(struct seccomp_subject *subject, uint32_t nr)
{
	const struct seccomp_row *row = row_of(subject, nr);
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

void subject_walk_all(struct seccomp_subject *subject)
{
	for (size_t i = 0; i < TRIED; i++)
		walk_number(subject, tried(i));
	assert_true(subject->walks >= 4 * TRIED);
	for (size_t i = 0; i < subject->program->len; i++) {
		unsigned wanted = bpf_all_of(&subject->program->filter[i]);

		if (subject->seen[i] != wanted)
			fail_msg("%s variant %d: instruction %zu ran as %u instead of %u",
				seccomp_machines[subject->machine], subject->variant, i,
				subject->seen[i], wanted);
	}
}

/* What libseccomp cannot tell, it has one answer for. */
static uint32_t plain(uint32_t verdict)
{
	return verdict == SECCOMP_VERDICT_ASK ? SECCOMP_RET_USER_NOTIF : verdict;
}

unsigned subject_compare_numbers(struct seccomp_subject *subject)
{
	struct reference reference;
	unsigned compared = 0;

	reference_actions(subject->machine, subject->actions, subject->notify, &reference);
	for (size_t i = 0; i < TRIED; i++) {
		uint32_t nr = tried(i);
		const struct seccomp_row *row = row_of(subject, nr);
		struct seccomp_data data = {.nr = (int)nr, .arch = arches[subject->machine]};

		/* libseccomp knows x32 by its bit alone. */
		if (is_old_x32(subject, nr) ||
			(row && (reference_number(subject->machine, row->name) < 0 ||
					rule_of(subject, row)->count > 0)))
			continue;
		assert_int_equal(bpf_run(reference.code, reference.len, &data, NULL),
			plain(walk(subject, &data)));
		data.arch = AUDIT_ARCH_I386;
		assert_int_equal(bpf_run(reference.code, reference.len, &data, NULL),
			SECCOMP_RET_KILL_PROCESS);
		compared += row != NULL;
	}
	free(reference.code);
	return compared;
}

/* For one rule: what libseccomp makes of each clause. */
struct comparison {
	struct seccomp_subject *subject;
	const struct seccomp_rule *rule;
	struct reference clauses[CLAUSES_MAX];
	unsigned long compared;
};

/* The first clause whose libseccomp program holds decides. */
static void visit_compare(const struct seccomp_data *data, void *context)
{
	struct comparison *all = context;
	uint32_t wanted = all->rule->otherwise;

	for (size_t i = 0; i < all->rule->count; i++) {
		uint32_t verdict = bpf_run(all->clauses[i].code, all->clauses[i].len, data, NULL);

		if (verdict == SECCOMP_RET_ALLOW) {
			wanted = all->rule->clauses[i].verdict;
			break;
		}
		assert_int_equal(verdict, SECCOMP_VERDICT_ERRNO(EPERM));
	}
	if (walk(all->subject, data) != spell(all->subject, wanted))
		fail_msg("%s: libseccomp says 0x%08x for (%#llx, %#llx, %#llx)", all->rule->name,
			wanted, (unsigned long long)data->args[0],
			(unsigned long long)data->args[1], (unsigned long long)data->args[2]);
	all->compared++;
}

static bool compare_rule(struct seccomp_subject *subject, const struct seccomp_row *row)
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

unsigned subject_compare_rules(struct seccomp_subject *subject)
{
	unsigned rules = 0;

	for (uint32_t nr = 0; nr < SUBJECT_NUMBERS; nr++)
		if (subject->by_number[nr])
			rules += compare_rule(subject, subject->by_number[nr]);
	return rules;
}
