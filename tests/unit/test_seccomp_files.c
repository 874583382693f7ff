/* SPDX-License-Identifier: Apache-2.0 */
/* What the filter of the file server must answer on both machines, written down without a look at
 * the table: numbers and verdicts are spelled. That what it allows suffices is shown by the suite
 * of files, which runs under it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "linux/seccomp/programs.h"
#include "seccomp_bpf.h"

#define ALLOW 0x7fff0000u
#define KILL 0x80000000u
#define REFUSE(error) (0x00050000u | (error))

static const uint32_t arches[MACHINE_COUNT] = {0xc000003eu, 0xc00000b7u};

static uint32_t verdict_of(int machine, uint32_t arch, int nr, const uint64_t args[6])
{
	const struct seccomp_program *program = &seccomp_files_programs[machine];
	struct seccomp_data data = {.nr = nr, .arch = arch};

	memcpy(data.args, args, sizeof(data.args));
	return bpf_run(program->filter, program->len, &data, NULL);
}

/* clang-format off */
static const struct {
	const char *name;
	int numbers[MACHINE_COUNT]; /* -1 where the machine lacks the call */
	uint64_t args[6];
	uint32_t verdict;
} rows[] = {
	{"read", {0, 63}, {0}, ALLOW},
	{"pwritev2", {328, 287}, {0}, ALLOW},
	{"openat, to create", {257, 56}, {0, 0, 0102}, ALLOW},
	{"renameat2", {316, 276}, {0}, ALLOW},
	{"getdents64", {217, 61}, {0}, ALLOW},
	{"mknodat, a FIFO", {259, 33}, {0, 0, 010644}, ALLOW},
	{"mknodat, a device", {259, 33}, {0, 0, 020644}, REFUSE(EPERM)},
	{"mknodat, with set-id", {259, 33}, {0, 0, 0104755}, REFUSE(EPERM)},
	{"mmap", {9, 222}, {0, 4096, 3}, ALLOW},
	{"mmap of code", {9, 222}, {0, 4096, 5}, REFUSE(EPERM)},
	{"mprotect to code", {10, 226}, {0, 4096, 4}, REFUSE(EPERM)},
	{"F_OFD_SETLK", {72, 25}, {0, 37}, ALLOW},
	{"F_OFD_GETLK", {72, 25}, {0, 36}, ALLOW},
	{"F_OFD_SETLKW, which waits", {72, 25}, {0, 38}, REFUSE(EINVAL)},
	{"F_SETOWN", {72, 25}, {0, 8}, REFUSE(EINVAL)},
	{"F_SETLEASE", {72, 25}, {0, 1024}, REFUSE(EINVAL)},
	{"execve", {59, 221}, {0}, KILL},
	{"execveat", {322, 281}, {0}, KILL},
	{"fork", {57, -1}, {0}, KILL},
	{"clone", {56, 220}, {17}, KILL},
	{"clone3", {435, 435}, {0}, KILL},
	{"kill", {62, 129}, {0}, KILL},
	{"socket", {41, 198}, {2, 1, 0}, KILL},
	{"connect", {42, 203}, {0}, KILL},
	{"sendmsg", {46, 211}, {0}, KILL},
	{"recvmsg", {47, 212}, {0}, KILL},
	{"ptrace", {101, 117}, {0}, KILL},
	{"mount", {165, 40}, {0}, KILL},
	{"setns", {308, 268}, {0}, KILL},
	{"chroot", {161, 51}, {0}, KILL},
	{"chdir", {80, 49}, {0}, KILL},
	{"ioctl", {16, 29}, {0}, KILL},
	{"open_by_handle_at", {304, 265}, {0}, KILL},
	{"io_uring_setup", {425, 425}, {0}, KILL},
	{"setuid", {105, 146}, {0}, KILL},
	{"setrlimit", {160, 164}, {0}, KILL},
	{"bpf", {321, 280}, {0}, KILL},
	{"a call of the future", {1000, 1000}, {0}, KILL},
};
/* clang-format on */

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int machine = 0; machine < MACHINE_COUNT; machine++) {
			int nr = rows[i].numbers[machine];
			uint32_t verdict;

			if (nr < 0)
				continue;
			verdict = verdict_of(machine, arches[machine], nr, rows[i].args);
			if (verdict != rows[i].verdict)
				fail_msg("%s, machine %d: 0x%08x, not 0x%08x", rows[i].name,
					machine, verdict, rows[i].verdict);
		}
}

static void test_other_abis(void **state)
{
	const uint64_t none[6] = {0};

	(void)state;
	assert_int_equal(verdict_of(MACHINE_X86_64, 0x40000003u, 0, none), KILL);
	assert_int_equal(verdict_of(MACHINE_X86_64, arches[0], 0x40000000, none), KILL);
	assert_int_equal(verdict_of(MACHINE_X86_64, arches[0], 520, none), KILL);
	assert_int_equal(verdict_of(MACHINE_AARCH64, arches[0], 63, none), KILL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_other_abis),
	};

	return cmocka_run_group_tests_name("seccomp_files", tests, NULL, NULL);
}
