/* SPDX-License-Identifier: Apache-2.0 */
#include "seccomp_reference.h"

#include <errno.h>
#include <seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

static uint32_t arch_of(enum seccomp_machine machine)
{
	return machine == MACHINE_X86_64 ? SCMP_ARCH_X86_64 : SCMP_ARCH_AARCH64;
}

int reference_number(enum seccomp_machine machine, const char *name)
{
	int nr = seccomp_syscall_resolve_name_arch(arch_of(machine), name);

	/* Below -1 are its own stand-ins for calls that the architecture lacks. */
	return nr < 0 ? -1 : nr;
}

bool reference_knows(enum seccomp_machine machine, int nr)
{
	char *name = seccomp_syscall_resolve_num_arch(arch_of(machine), nr);
	bool known = name != NULL;

	free(name);
	return known;
}

static scmp_filter_ctx start(enum seccomp_machine machine, uint32_t otherwise)
{
	scmp_filter_ctx ctx;

	/* The programs are not loaded: what this kernel can do does not matter. */
	assert_int_equal(seccomp_api_set(6), 0);
	ctx = seccomp_init(otherwise);
	assert_non_null(ctx);
	if (arch_of(machine) != seccomp_arch_native()) {
		assert_int_equal(seccomp_arch_add(ctx, arch_of(machine)), 0);
		assert_int_equal(seccomp_arch_remove(ctx, SCMP_ARCH_NATIVE), 0);
	}
	assert_int_equal(seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), 0);
	return ctx;
}

static void finish(scmp_filter_ctx ctx, struct reference *ret_reference)
{
	int fd = memfd_create("reference", MFD_CLOEXEC);
	off_t size;

	assert_true(fd >= 0);
	assert_int_equal(seccomp_export_bpf(ctx, fd), 0);
	size = lseek(fd, 0, SEEK_END);
	assert_true(size > 0 && size % sizeof(struct sock_filter) == 0);
	ret_reference->code = malloc(size);
	assert_non_null(ret_reference->code);
	assert_int_equal(pread(fd, ret_reference->code, size, 0), size);
	ret_reference->len = size / sizeof(struct sock_filter);
	close(fd);
	seccomp_release(ctx);
}

static uint32_t action_of(uint32_t verdict, bool notify)
{
	if (verdict == SECCOMP_RET_ALLOW)
		return SCMP_ACT_ALLOW;
	if (verdict == SECCOMP_VERDICT_KILL)
		return notify ? SCMP_ACT_NOTIFY : SCMP_ACT_KILL_PROCESS;
	if (verdict == SECCOMP_VERDICT_ASK)
		return notify ? SCMP_ACT_NOTIFY : SCMP_ACT_ERRNO(EPERM);
	assert_int_equal(verdict & SECCOMP_RET_ACTION_FULL, SECCOMP_RET_ERRNO);
	return SCMP_ACT_ERRNO(verdict & SECCOMP_RET_DATA);
}

void reference_actions(enum seccomp_machine machine, const enum seccomp_action *actions,
	bool notify, struct reference *ret_reference)
{
	scmp_filter_ctx ctx = start(machine, SCMP_ACT_ERRNO(ENOSYS));
	size_t count;
	const struct seccomp_row *rows = seccomp_table(&count);

	for (size_t i = 0; i < count; i++) {
		const struct seccomp_rule *rule = seccomp_rule_of(actions[i]);
		int nr = reference_number(machine, rows[i].name);

		/* libseccomp refuses a rule that says what the default says. */
		if (nr < 0 || rule->count > 0 || rule->otherwise == SECCOMP_VERDICT_ERRNO(ENOSYS))
			continue;
		/* It wants this machine's number, and translates it to the filter's. */
		nr = seccomp_syscall_resolve_name(rows[i].name);
		assert_int_equal(
			seccomp_rule_add(ctx, action_of(rule->otherwise, notify), nr, 0), 0);
	}
	finish(ctx, ret_reference);
}

/* libseccomp takes one comparison an argument: halves of the same one are put together. */
static void add_comparison(
	struct scmp_arg_cmp *list, unsigned *count, unsigned arg, uint64_t mask, uint64_t value)
{
	for (unsigned i = 0; i < *count; i++) {
		if (list[i].arg == arg) {
			list[i].datum_a |= mask;
			list[i].datum_b |= value;
			return;
		}
	}
	list[(*count)++] = SCMP_CMP64(arg, SCMP_CMP_MASKED_EQ, mask, value);
}

/* "Differs under a mask" is, in libseccomp's words, a rule for each bit of the mask. */
static void add_rules(scmp_filter_ctx ctx, int nr, const struct seccomp_test *tests,
	struct scmp_arg_cmp *list, unsigned count)
{
	unsigned shift = tests->high ? 32 : 0;

	if (tests->mask == 0) {
		assert_int_equal(seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, nr, count, list), 0);
		return;
	}
	for (unsigned bit = 0; bit < 32; bit++) {
		struct scmp_arg_cmp copy[6];
		unsigned copied = count;
		uint64_t mask = tests->differs ? UINT64_C(1) << bit : tests->mask;
		uint64_t value = tests->differs ? ~tests->value & mask : tests->value;

		if (tests->differs && !(tests->mask & mask))
			continue;
		memcpy(copy, list, count * sizeof(*list));
		add_comparison(copy, &copied, tests->arg, mask << shift, value << shift);
		add_rules(ctx, nr, tests + 1, copy, copied);
		if (!tests->differs)
			return;
	}
}

void reference_clause(enum seccomp_machine machine, const char *call,
	const struct seccomp_clause *clause, struct reference *ret_reference)
{
	int nr = seccomp_syscall_resolve_name(call);
	scmp_filter_ctx ctx = start(machine, SCMP_ACT_ERRNO(EPERM));
	struct seccomp_test tests[SECCOMP_MAX_TESTS + 1] = {0};
	struct scmp_arg_cmp list[6];

	memcpy(tests, clause->tests, sizeof(clause->tests));
	add_rules(ctx, nr, tests, list, 0);
	finish(ctx, ret_reference);
}
