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
	uint32_t verdict; /* a worker's is another, or the row is a control */
	uint32_t strict;
} rows[] = {
	{"a local stream socket", {41, 198}, {1, 1, 0}, ALLOW, REFUSE(EAFNOSUPPORT)},
	{"the same that does not wait", {41, 198}, {1, 04001, 0}, ALLOW, REFUSE(EAFNOSUPPORT)},
	{"bind", {49, 200}, {0}, ALLOW, REFUSE(EPERM)},
	{"listen", {50, 201}, {0}, ALLOW, REFUSE(EPERM)},
	{"accept", {43, 202}, {0}, ALLOW, REFUSE(EPERM)},
	{"accept4", {288, 242}, {0}, ALLOW, REFUSE(EPERM)},
	{"connect", {42, 203}, {0}, ALLOW, REFUSE(EPERM)},
	{"a local datagram socket", {41, 198}, {1, 2, 0}, REFUSE(EAFNOSUPPORT), REFUSE(EAFNOSUPPORT)},
	{"TCP", {41, 198}, {2, 1, 0}, REFUSE(EAFNOSUPPORT), REFUSE(EAFNOSUPPORT)},
	{"TCP over IPv6", {41, 198}, {10, 1, 6}, REFUSE(EAFNOSUPPORT), REFUSE(EAFNOSUPPORT)},
	{"netlink", {41, 198}, {16, 3, 0}, REFUSE(EAFNOSUPPORT), REFUSE(EAFNOSUPPORT)},
	{"a vsock", {41, 198}, {40, 1, 0}, REFUSE(EAFNOSUPPORT), REFUSE(EAFNOSUPPORT)},
};
/* clang-format on */

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int machine = 0; machine < MACHINE_COUNT; machine++)
			for (int notify = 0; notify < 2; notify++) {
				int nr = rows[i].numbers[machine];
				uint32_t found = verdict_of(
					seccomp_machine_program_for(machines[machine], notify),
					machine, nr, rows[i].args);
				uint32_t strict = verdict_of(
					seccomp_program_for(KS_PROFILE_WORKER_STRICT,
						machines[machine], notify),
					machine, nr, rows[i].args);

				if (found != rows[i].verdict || strict != rows[i].strict)
					fail_msg("%s, machine %d: 0x%08x and 0x%08x", rows[i].name,
						machine, found, strict);
			}
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
	for (int machine = 0; machine < MACHINE_COUNT; machine++)
		for (int nr = 0; nr < NUMBERS; nr++)
			for (size_t i = 0; i < 3 && !is_in_rows(machine, nr); i++)
				assert_int_equal(verdict_of(seccomp_machine_program_for(
								    machines[machine], true),
							 machine, nr, arguments[i]),
					verdict_of(seccomp_program_for(KS_PROFILE_WORKER_STRICT,
							   machines[machine], true),
						machine, nr, arguments[i]));
	assert_null(seccomp_machine_program_for("riscv64", true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_everything_else_is_as_for_a_worker),
	};

	return cmocka_run_group_tests_name("seccomp_machine", tests, NULL, NULL);
}
