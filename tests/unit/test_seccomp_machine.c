/* SPDX-License-Identifier: Apache-2.0 */
/* The filter of the jail around an emulator with sockets of its own: WorkerStrict's in all but what
 * is spelled here. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "linux/seccomp/programs.h"
#include "seccomp_bpf.h"

#define ALLOW 0x7fff0000u
#define REFUSE(error) (0x00050000u | (error))
#define NO_FAMILY REFUSE(EAFNOSUPPORT)
#define NUMBERS 600

static const char *const machines[MACHINE_COUNT] = {"x86_64", "aarch64"};
static const uint32_t arches[MACHINE_COUNT] = {0xc000003eu, 0xc00000b7u};

static uint32_t verdict_of(
	const struct seccomp_program *program, int machine, int nr, const uint64_t args[6])
{
	struct seccomp_data data = {.nr = nr, .arch = arches[machine]};

	memcpy(data.args, args, sizeof(data.args));
	return bpf_run(program->filter, program->len, &data, NULL);
}

/* clang-format off */
static const struct {
	const char *name;
	int numbers[MACHINE_COUNT];
	uint64_t args[6];
	uint32_t verdicts[2]; /* with a network the second; a worker's is another, or it is a control */
	uint32_t strict;
} rows[] = {
	{"a local stream socket", {41, 198}, {1, 1, 0}, {ALLOW, ALLOW}, REFUSE(EAFNOSUPPORT)},
	{"the same that does not wait", {41, 198}, {1, 04001, 0}, {ALLOW, ALLOW}, REFUSE(EAFNOSUPPORT)},
	{"bind", {49, 200}, {0}, {ALLOW, ALLOW}, REFUSE(EPERM)},
	{"listen", {50, 201}, {0}, {ALLOW, ALLOW}, REFUSE(EPERM)},
	{"accept", {43, 202}, {0}, {ALLOW, ALLOW}, REFUSE(EPERM)},
	{"accept4", {288, 242}, {0}, {ALLOW, ALLOW}, REFUSE(EPERM)},
	{"connect", {42, 203}, {0}, {ALLOW, ALLOW}, REFUSE(EPERM)},
	{"TCP", {41, 198}, {2, 1, 0}, {NO_FAMILY, ALLOW}, NO_FAMILY},
	{"TCP over IPv6", {41, 198}, {10, 1, 6}, {NO_FAMILY, ALLOW}, NO_FAMILY},
	{"UDP", {41, 198}, {2, 2, 17}, {NO_FAMILY, ALLOW}, NO_FAMILY},
	{"UDP over IPv6", {41, 198}, {10, 02004002, 0}, {NO_FAMILY, ALLOW}, NO_FAMILY},
	{"a local datagram socket", {41, 198}, {1, 2, 0}, {NO_FAMILY, NO_FAMILY}, NO_FAMILY},
	{"SCTP", {41, 198}, {2, 1, 132}, {NO_FAMILY, REFUSE(EPROTONOSUPPORT)}, NO_FAMILY},
	{"raw IP", {41, 198}, {2, 3, 1}, {NO_FAMILY, REFUSE(EPROTONOSUPPORT)}, NO_FAMILY},
	{"netlink", {41, 198}, {16, 3, 0}, {NO_FAMILY, NO_FAMILY}, NO_FAMILY},
	{"a vsock", {41, 198}, {40, 1, 0}, {NO_FAMILY, NO_FAMILY}, NO_FAMILY},
};
/* clang-format on */

static const struct seccomp_program *program_of(int machine, int network, int notify)
{
	return seccomp_machine_program_for(machines[machine], network, notify);
}

static uint32_t strict_verdict(int machine, int notify, int nr, const uint64_t args[6])
{
	return verdict_of(seccomp_program_for(KS_PROFILE_WORKER_STRICT, machines[machine], notify),
		machine, nr, args);
}

static void check_row(size_t row, int machine, int network, int notify)
{
	int nr = rows[row].numbers[machine];
	uint32_t found = verdict_of(
		program_of(machine, network, notify), machine, nr, rows[row].args);
	uint32_t strict = strict_verdict(machine, notify, nr, rows[row].args);

	if (found != rows[row].verdicts[network] || strict != rows[row].strict)
		fail_msg("%s, machine %d, network %d: 0x%08x and 0x%08x", rows[row].name, machine,
			network, found, strict);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++)
		for (int i = 0; i < MACHINE_COUNT * 4; i++)
			check_row(row, i / 4, i / 2 % 2, i % 2);
}

static bool is_in_rows(int machine, int nr)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].numbers[machine] == nr)
			return true;
	return false;
}

static void test_everything_else_is_as_for_a_worker(void **state)
{
	static const uint64_t arguments[][6] = {{0}, {1, 1, 1, 1, 1, 1}, {2, 3, 4, 5, 6, 7}};

	(void)state;
	for (int i = 0; i < MACHINE_COUNT * 2; i++) {
		const struct seccomp_program *program = program_of(i / 2, i % 2, true);

		for (int nr = 0; nr < NUMBERS; nr++)
			for (size_t k = 0; k < 3 && !is_in_rows(i / 2, nr); k++)
				assert_int_equal(verdict_of(program, i / 2, nr, arguments[k]),
					strict_verdict(i / 2, true, nr, arguments[k]));
	}
	assert_null(seccomp_machine_program_for("riscv64", true, true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_everything_else_is_as_for_a_worker),
	};

	return cmocka_run_group_tests_name("seccomp_machine", tests, NULL, NULL);
}
