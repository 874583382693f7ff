/* SPDX-License-Identifier: Apache-2.0 */
/* From the table to a BPF program.
 *
 * The program looks at the architecture, then finds the number in a binary tree of ranges; a range
 * ends in a verdict, or in a jump to the comparisons of an argument rule, which stand once at the
 * end. Only loads, AND and the jumps that the kernel evaluates in advance are used, so that calls
 * that are always allowed cost no more than a look into its bitmap. The same table gives the same
 * bytes. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/elf-em.h>
#include <stdint.h>
#include <string.h>

#include "linux/seccomp/compile.h"

/* All numbers below are looked up in the table; none above has a row. */
#define NUMBERS 1024

/* From this number up to the next segment's, the action holds. */
struct segment {
	uint32_t start;
	enum seccomp_action action;
};

/* A jump whose target, the comparisons of a rule, is not yet known. */
struct patch {
	size_t at;
	enum seccomp_action action;
};

struct compiler {
	struct sock_filter *code;
	size_t room;
	size_t len; /* counts on past room, so that one check at the end suffices */
	bool notify;
	struct segment segments[NUMBERS + 2];
	struct patch patches[NUMBERS];
	size_t patch_count;
};

enum {
	OFFSET_NR = offsetof(struct seccomp_data, nr),
	OFFSET_ARCH = offsetof(struct seccomp_data, arch),
	OFFSET_ARGS = offsetof(struct seccomp_data, args)
};

static void emit(struct compiler *c, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
	if (c->len < c->room)
		c->code[c->len] = (struct sock_filter){code, jt, jf, k};
	c->len++;
}

static void emit_load(struct compiler *c, uint32_t offset)
{
	emit(c, BPF_LD | BPF_W | BPF_ABS, 0, 0, offset);
}

static void emit_verdict(struct compiler *c, uint32_t verdict)
{
	if (verdict == SECCOMP_VERDICT_KILL && !c->notify)
		verdict = SECCOMP_RET_KILL_PROCESS;
	if (verdict == SECCOMP_VERDICT_ASK && !c->notify)
		verdict = SECCOMP_VERDICT_ERRNO(EPERM);
	emit(c, BPF_RET | BPF_K, 0, 0, verdict);
}

static uint32_t audit_arch(enum seccomp_machine machine)
{
	return machine == MACHINE_X86_64 ? AUDIT_ARCH_X86_64 : AUDIT_ARCH_AARCH64;
}

static int fill_actions(
	enum seccomp_machine machine, enum ks_profile profile, enum seccomp_action actions[NUMBERS])
{
	bool taken[NUMBERS] = {false};
	size_t count;
	const struct seccomp_row *rows = seccomp_table(&count);

	for (size_t i = 0; i < NUMBERS; i++)
		actions[i] = ACTION_ENOSYS;
	if (machine == MACHINE_X86_64) {
		for (size_t i = SECCOMP_X32_FIRST; i <= SECCOMP_X32_LAST; i++) {
			actions[i] = ACTION_FOREIGN;
			taken[i] = true;
		}
	}
	for (size_t i = 0; i < count; i++) {
		int nr = rows[i].numbers[machine];

		if (nr < 0)
			continue;
		if (nr >= NUMBERS || taken[nr])
			return -EINVAL;
		taken[nr] = true;
		actions[nr] = rows[i].actions[profile];
	}
	return 0;
}

/* The number of a call that has a row; -1 where the machine lacks it, -2 without a row. */
static int number_of(enum seccomp_machine machine, const char *name)
{
	size_t count;
	const struct seccomp_row *rows = seccomp_table(&count);

	for (size_t i = 0; i < count; i++)
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].numbers[machine];
	return -2;
}

/* WorkerStrict's, but for those with a row of their own. */
static int fill_other_actions(enum seccomp_machine machine, const struct seccomp_host_row *rows,
	size_t count, int column, enum seccomp_action actions[NUMBERS])
{
	int r = fill_actions(machine, KS_PROFILE_WORKER_STRICT, actions);

	for (size_t i = 0; r == 0 && i < count; i++) {
		int nr = number_of(machine, rows[i].name);

		if (nr < -1)
			return -EINVAL;
		if (nr >= 0)
			actions[nr] = rows[i].actions[column];
	}
	return r;
}

/* Only what a program of ours has a row for is allowed; otherwise: what the rest is answered. */
struct own_table {
	const struct seccomp_host_row *rows;
	size_t count;
	int column;
	enum seccomp_action otherwise;
};

static int fill_own_actions(enum seccomp_machine machine, const struct own_table *table,
	enum seccomp_action actions[NUMBERS])
{
	int r = fill_actions(machine, KS_PROFILE_WORKER_STRICT, actions);

	for (size_t i = 0; i < NUMBERS; i++)
		if (actions[i] != ACTION_FOREIGN && actions[i] != ACTION_KILL)
			actions[i] = table->otherwise;
	for (size_t i = 0; r == 0 && i < table->count; i++) {
		int nr = number_of(machine, table->rows[i].name);

		if (nr < -1)
			r = -EINVAL;
		else if (nr >= 0)
			actions[nr] = table->rows[i].actions[table->column];
	}
	return r;
}

static size_t make_segments(struct compiler *c, enum seccomp_machine machine,
	const enum seccomp_action actions[NUMBERS])
{
	size_t count = 0;

	for (uint32_t nr = 0; nr < NUMBERS; nr++) {
		if (count == 0 || c->segments[count - 1].action != actions[nr])
			c->segments[count++] = (struct segment){nr, actions[nr]};
	}
	if (machine == MACHINE_X86_64) {
		c->segments[count++] = (struct segment){SECCOMP_X32_BIT, ACTION_FOREIGN};
		c->segments[count++] = (struct segment){UINT32_MAX, ACTION_ENOSYS};
	}
	return count;
}

static void emit_leaf(struct compiler *c, enum seccomp_action action)
{
	const struct seccomp_rule *rule = seccomp_rule_of(action);

	if (rule->count == 0) {
		emit_verdict(c, rule->otherwise);
		return;
	}
	c->patches[c->patch_count++] = (struct patch){c->len, action};
	emit(c, BPF_JMP | BPF_JA, 0, 0, 0);
}

/* Segments first to last, inclusive; the number is in the accumulator. The smaller numbers follow
 * the comparison at once. The larger ones are reached in one jump: where that may be too far for
 * the comparison's eight bits it goes through a long jump. */
static void emit_tree(struct compiler *c, size_t first, size_t last)
{
	size_t middle = first + (last - first + 1) / 2;
	size_t comparison = c->len;
	/* Half of 256 leaves, with the comparisons between them, is just in reach of eight bits. */
	bool far = last - first >= 256;
	size_t distance;

	if (first == last) {
		emit_leaf(c, c->segments[first].action);
		return;
	}
	emit(c, BPF_JMP | BPF_JGE | BPF_K, 0, far ? 1 : 0, c->segments[middle].start);
	if (far)
		emit(c, BPF_JMP | BPF_JA, 0, 0, 0);
	emit_tree(c, first, middle - 1);
	distance = c->len - comparison - 1;
	if (c->len <= c->room && far)
		c->code[comparison + 1].k = distance - 1;
	else if (c->len <= c->room)
		c->code[comparison].jt = distance;
	emit_tree(c, middle, last);
}

/* What the accumulator holds: the offset of a whole word, or nothing that is known. */
#define UNKNOWN UINT32_MAX

/* One comparison; falls through where it holds, and otherwise jumps to a place that the caller
 * fills in: the index of that instruction is returned. */
static size_t emit_test(struct compiler *c, const struct seccomp_test *test, uint32_t *held)
{
	uint32_t offset = OFFSET_ARGS + 8 * test->arg + (test->high ? 4 : 0);
	size_t at;

	if (*held != offset)
		emit_load(c, offset);
	*held = offset;
	if (test->mask != UINT32_MAX && test->value == 0) {
		at = c->len;
		emit(c, BPF_JMP | BPF_JSET | BPF_K, 0, 0, test->mask);
		return at;
	}
	if (test->mask != UINT32_MAX) {
		emit(c, BPF_ALU | BPF_AND | BPF_K, 0, 0, test->mask);
		*held = UNKNOWN;
	}
	at = c->len;
	emit(c, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, test->value);
	return at;
}

static void emit_clause(struct compiler *c, const struct seccomp_clause *clause, uint32_t *held)
{
	size_t exits[SECCOMP_MAX_TESTS];
	uint32_t after = *held;
	size_t count = 0;

	for (; count < SECCOMP_MAX_TESTS && clause->tests[count].mask; count++) {
		exits[count] = emit_test(c, &clause->tests[count], held);
		after = count == 0 || after == *held ? *held : UNKNOWN;
	}
	emit_verdict(c, clause->verdict);
	*held = after;
	for (size_t i = 0; i < count && c->len <= c->room; i++) {
		struct sock_filter *exit = &c->code[exits[i]];
		bool set = BPF_OP(exit->code) == BPF_JSET; /* jumps where the bits differ from 0 */
		uint8_t distance = c->len - exits[i] - 1;

		if (set != (bool)clause->tests[i].differs)
			exit->jt = distance;
		else
			exit->jf = distance;
	}
}

static void emit_rules(struct compiler *c)
{
	for (enum seccomp_action action = 0; action < ACTION_COUNT; action++) {
		const struct seccomp_rule *rule = seccomp_rule_of(action);
		size_t start = c->len;
		uint32_t held = UNKNOWN;
		bool used = false;

		for (size_t i = 0; i < c->patch_count; i++) {
			if (c->patches[i].action != action)
				continue;
			used = true;
			if (c->len <= c->room)
				c->code[c->patches[i].at].k = start - c->patches[i].at - 1;
		}
		if (!used)
			continue;
		for (size_t i = 0; i < rule->count; i++)
			emit_clause(c, &rule->clauses[i], &held);
		emit_verdict(c, rule->otherwise);
	}
}

static int compile(struct compiler *c, enum seccomp_machine machine,
	const enum seccomp_action actions[NUMBERS])
{
	emit_load(c, OFFSET_ARCH);
	emit(c, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, audit_arch(machine));
	emit_verdict(c, SECCOMP_RET_KILL_PROCESS);
	emit_load(c, OFFSET_NR);
	emit_tree(c, 0, make_segments(c, machine, actions) - 1);
	emit_rules(c);
	return c->len <= c->room ? (int)c->len : -E2BIG;
}

int seccomp_compile(enum seccomp_machine machine, enum ks_profile profile, bool notify,
	struct sock_filter *code, size_t room)
{
	struct compiler c = {.code = code, .room = room, .notify = notify};
	enum seccomp_action actions[NUMBERS];
	int r = fill_actions(machine, profile, actions);

	return r < 0 ? r : compile(&c, machine, actions);
}

int seccomp_compile_host(enum seccomp_machine machine, bool scoped, bool notify,
	struct sock_filter *code, size_t room)
{
	struct compiler c = {.code = code, .room = room, .notify = notify};
	enum seccomp_action actions[NUMBERS];
	size_t count;
	const struct seccomp_host_row *rows = seccomp_host_table(&count);
	int r = fill_other_actions(machine, rows, count, scoped, actions);

	return r < 0 ? r : compile(&c, machine, actions);
}

int seccomp_compile_machine(enum seccomp_machine machine, bool network, bool notify,
	struct sock_filter *code, size_t room)
{
	struct compiler c = {.code = code, .room = room, .notify = notify};
	enum seccomp_action actions[NUMBERS];
	size_t count;
	const struct seccomp_host_row *rows = seccomp_machine_table(&count);
	int r = fill_other_actions(machine, rows, count, network, actions);

	return r < 0 ? r : compile(&c, machine, actions);
}

int seccomp_compile_egress(
	enum seccomp_machine machine, bool resolver, struct sock_filter *code, size_t room)
{
	struct compiler c = {.code = code, .room = room};
	enum seccomp_action actions[NUMBERS];
	struct own_table table = {
		.column = resolver, .otherwise = resolver ? ACTION_ENOSYS : ACTION_KILL};
	int r;

	table.rows = seccomp_egress_table(&table.count);
	r = fill_own_actions(machine, &table, actions);
	return r < 0 ? r : compile(&c, machine, actions);
}

int seccomp_compile_files(enum seccomp_machine machine, struct sock_filter *code, size_t room)
{
	struct compiler c = {.code = code, .room = room};
	enum seccomp_action actions[NUMBERS];
	struct own_table table = {.otherwise = ACTION_KILL};
	int r;

	table.rows = seccomp_files_table(&table.count);
	r = fill_own_actions(machine, &table, actions);
	return r < 0 ? r : compile(&c, machine, actions);
}
