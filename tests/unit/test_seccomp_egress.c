/* SPDX-License-Identifier: Apache-2.0 */
/* What the filters of the egress proxy and its resolver must answer on both machines, written down
 * without a look at the table: numbers and verdicts are spelled. test_egress_confine.c tries them
 * in the kernel. */
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

enum { PROXY, RESOLVER };

static const uint32_t arches[MACHINE_COUNT] = {0xc000003eu, 0xc00000b7u};

static uint32_t verdict_of(int machine, int who, uint32_t arch, int nr, const uint64_t args[6])
{
	const struct seccomp_program *program = &seccomp_egress_programs[machine][who];
	struct seccomp_data data = {.nr = nr, .arch = arch};

	memcpy(data.args, args, sizeof(data.args));
	return bpf_run(program->filter, program->len, &data, NULL);
}

struct row {
	const char *name;
	int numbers[MACHINE_COUNT]; /* -1 where the machine lacks the call */
	uint64_t args[6];
	uint32_t verdicts[2];
};

#define BIT32 (UINT64_C(1) << 32)

/* clang-format off */
static const struct row rows[] = {
	{"read", {0, 63}, {0}, {ALLOW, ALLOW}},
	{"recvmsg", {47, 212}, {0}, {ALLOW, ALLOW}},
	{"splice", {275, 76}, {0}, {ALLOW, REFUSE(ENOSYS)}},
	{"accept4", {288, 242}, {0}, {ALLOW, REFUSE(ENOSYS)}},
	{"epoll_wait", {232, -1}, {0}, {ALLOW, ALLOW}},
	{"epoll_pwait", {281, 22}, {0}, {ALLOW, ALLOW}},
	/* Programs, processes, other processes. */
	{"execve", {59, 221}, {0}, {KILL, KILL}},
	{"execveat", {322, 281}, {0}, {KILL, KILL}},
	{"fork", {57, -1}, {0}, {KILL, KILL}},
	{"vfork", {58, -1}, {0}, {KILL, KILL}},
	{"clone, of a process", {56, 220}, {17}, {KILL, REFUSE(EPERM)}},
	{"clone, of a vfork", {56, 220}, {0x4111}, {KILL, REFUSE(EPERM)}},
	{"clone, of a thread", {56, 220}, {0x3d0f00}, {KILL, ALLOW}},
	{"clone3", {435, 435}, {0}, {KILL, REFUSE(ENOSYS)}},
	{"kill", {62, 129}, {0}, {KILL, KILL}},
	{"tgkill", {234, 131}, {0}, {KILL, KILL}},
	{"pidfd_send_signal", {424, 424}, {0}, {KILL, KILL}},
	{"pidfd_open", {434, 434}, {0}, {KILL, REFUSE(ENOSYS)}},
	{"pidfd_getfd", {438, 438}, {0}, {KILL, KILL}},
	{"ptrace", {101, 117}, {0}, {KILL, KILL}},
	{"process_vm_readv", {310, 270}, {0}, {KILL, KILL}},
	{"setns", {308, 268}, {0}, {KILL, KILL}},
	{"unshare", {272, 97}, {0}, {KILL, REFUSE(ENOSYS)}},
	{"mount", {165, 40}, {0}, {KILL, KILL}},
	{"bpf", {321, 280}, {0}, {KILL, KILL}},
	{"setuid", {105, 146}, {0}, {KILL, REFUSE(ENOSYS)}},
	{"io_uring_setup", {425, 425}, {0}, {KILL, REFUSE(ENOSYS)}},
	{"a call of the future", {1000, 1000}, {0}, {KILL, REFUSE(ENOSYS)}},
	{"and one past every table", {100000, 100000}, {0}, {KILL, REFUSE(ENOSYS)}},
	/* Files. */
	{"openat, to read", {257, 56}, {0, 0, 02000000}, {REFUSE(EPERM), ALLOW}},
	{"openat, to write", {257, 56}, {0, 0, 1}, {REFUSE(EPERM), REFUSE(EACCES)}},
	{"openat, to read and write", {257, 56}, {0, 0, 2}, {REFUSE(EPERM), REFUSE(EACCES)}},
	{"openat, the third mode", {257, 56}, {0, 0, 3}, {REFUSE(EPERM), REFUSE(EACCES)}},
	{"openat, to create", {257, 56}, {0, 0, 0100}, {REFUSE(EPERM), REFUSE(EACCES)}},
	{"openat, to truncate", {257, 56}, {0, 0, 01000}, {REFUSE(EPERM), REFUSE(EACCES)}},
	{"openat, without a name", {257, 56}, {0, 0, 020000000}, {REFUSE(EPERM), REFUSE(EACCES)}},
	{"open, to read", {2, -1}, {0, 0}, {REFUSE(EPERM), ALLOW}},
	{"open, to write", {2, -1}, {0, 1}, {REFUSE(EPERM), REFUSE(EACCES)}},
	{"openat2", {437, 437}, {0}, {KILL, REFUSE(ENOSYS)}},
	{"unlinkat", {263, 35}, {0}, {KILL, REFUSE(ENOSYS)}},
	{"memfd_create", {319, 279}, {0}, {KILL, REFUSE(ENOSYS)}},
	/* Memory. */
	{"mmap, data", {9, 222}, {0, 1, 3, 0x22}, {ALLOW, ALLOW}},
	{"mmap, code", {9, 222}, {0, 1, 5, 0x22}, {REFUSE(EPERM), REFUSE(EPERM)}},
	{"mmap, code of a file", {9, 222}, {0, 1, 5, 2}, {REFUSE(EPERM), ALLOW}},
	{"mmap, code to write", {9, 222}, {0, 1, 7, 2}, {REFUSE(EPERM), REFUSE(EPERM)}},
	{"mprotect, data", {10, 226}, {0, 1, 1}, {ALLOW, ALLOW}},
	{"mprotect, code", {10, 226}, {0, 1, 5}, {REFUSE(EPERM), REFUSE(EPERM)}},
	{"pkey_mprotect", {329, 288}, {0, 1, 5}, {KILL, REFUSE(ENOSYS)}},
	/* Sockets: the upper half of an argument is nothing to the kernel. */
	{"TCP", {41, 198}, {2, 1 | 02000000 | 04000, 0}, {ALLOW, ALLOW}},
	{"TCP, with bits above", {41, 198}, {2 | BIT32, 1, 6}, {ALLOW, ALLOW}},
	{"TCP over IPv6", {41, 198}, {10, 1, 6}, {ALLOW, ALLOW}},
	{"MPTCP", {41, 198}, {2, 1, 262}, {REFUSE(EAFNOSUPPORT), REFUSE(EPROTONOSUPPORT)}},
	{"SCTP", {41, 198}, {2, 1, 132}, {REFUSE(EAFNOSUPPORT), REFUSE(EPROTONOSUPPORT)}},
	{"UDP", {41, 198}, {2, 2, 0}, {REFUSE(EAFNOSUPPORT), ALLOW}},
	{"raw", {41, 198}, {2, 3, 1}, {REFUSE(EAFNOSUPPORT), REFUSE(EPROTONOSUPPORT)}},
	{"unix", {41, 198}, {1, 1, 0}, {REFUSE(EAFNOSUPPORT), REFUSE(EAFNOSUPPORT)}},
	{"unix, with bits above", {41, 198}, {1 | BIT32, 1, 0},
		{REFUSE(EAFNOSUPPORT), REFUSE(EAFNOSUPPORT)}},
	{"vsock", {41, 198}, {40, 1, 0}, {REFUSE(EAFNOSUPPORT), REFUSE(EAFNOSUPPORT)}},
	{"packets", {41, 198}, {17, 3, 0}, {REFUSE(EAFNOSUPPORT), REFUSE(EAFNOSUPPORT)}},
	{"routes", {41, 198}, {16, 3, 0}, {REFUSE(EAFNOSUPPORT), ALLOW}},
	{"other netlink", {41, 198}, {16, 3, 16}, {REFUSE(EAFNOSUPPORT), REFUSE(EAFNOSUPPORT)}},
	{"socketpair", {53, 199}, {1, 1, 0}, {KILL, REFUSE(ENOSYS)}},
	{"listen", {50, 201}, {0}, {KILL, REFUSE(ENOSYS)}},
	{"TCP_NODELAY", {54, 208}, {0, 6, 1}, {ALLOW, ALLOW}},
	{"SO_LINGER", {54, 208}, {0, 1, 13}, {ALLOW, ALLOW}},
	{"SO_ATTACH_FILTER", {54, 208}, {0, 1, 26}, {REFUSE(ENOPROTOOPT), ALLOW}},
	{"SO_MARK", {54, 208}, {0, 1, 36}, {REFUSE(ENOPROTOOPT), ALLOW}},
	{"TCP_ULP", {54, 208}, {0, 6, 31}, {REFUSE(ENOPROTOOPT), REFUSE(ENOPROTOOPT)}},
	/* Descriptors. */
	{"F_SETFL", {72, 25}, {0, 4}, {ALLOW, ALLOW}},
	{"F_SETPIPE_SZ", {72, 25}, {0, 1031}, {ALLOW, ALLOW}},
	{"F_SETOWN", {72, 25}, {0, 8}, {REFUSE(EINVAL), REFUSE(EINVAL)}},
	{"F_SETLEASE", {72, 25}, {0, 1024}, {REFUSE(EINVAL), REFUSE(EINVAL)}},
	{"FIONREAD", {16, 29}, {0, 0x541b}, {ALLOW, ALLOW}},
	{"TIOCSTI", {16, 29}, {0, 0x5412}, {REFUSE(ENOTTY), REFUSE(ENOTTY)}},
};
/* clang-format on */

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];

		for (int n = 0; n < MACHINE_COUNT * 2; n++) {
			int machine = n / 2, who = n % 2, nr = row->numbers[machine];
			uint32_t verdict;

			if (nr < 0)
				continue;
			verdict = verdict_of(machine, who, arches[machine], nr, row->args);
			if (verdict != row->verdicts[who])
				fail_msg("%s, machine %d, %s: 0x%08x, not 0x%08x", row->name,
					machine, who ? "resolver" : "proxy", verdict,
					row->verdicts[who]);
		}
	}
}

/* Calls of another ABI have other numbers: all of them kill. */
static void test_other_abis(void **state)
{
	static const uint32_t foreign[] = {0x40000003u, 0x40000028u, 0xc00000b7u, 0xc000003eu, 0};
	const uint64_t none[6] = {0};

	(void)state;
	for (int n = 0; n < MACHINE_COUNT * 2; n++) {
		int machine = n / 2, who = n % 2;

		for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
			if (foreign[i] != arches[machine])
				assert_int_equal(
					verdict_of(machine, who, foreign[i], 0, none), KILL);
	}
	for (int who = 0; who < 2; who++) {
		/* x32: with its bit, and its own numbers without. */
		assert_int_equal(
			verdict_of(MACHINE_X86_64, who, arches[0], 0x40000000, none), KILL);
		assert_int_equal(verdict_of(MACHINE_X86_64, who, arches[0], 520, none), KILL);
	}
}

/* Whatever is not killed or refused is in a list that somebody has thought about. */
static void test_how_many(void **state)
{
	const uint64_t none[6] = {0};
	int allowed[2] = {0};

	(void)state;
	for (int nr = 0; nr < 1024; nr++)
		for (int who = 0; who < 2; who++)
			allowed[who] += verdict_of(MACHINE_X86_64, who, arches[0], nr, none) ==
					ALLOW;
	assert_in_range(allowed[PROXY], 50, 80);
	assert_in_range(allowed[RESOLVER], 60, 95);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_other_abis),
		cmocka_unit_test(test_how_many),
	};

	return cmocka_run_group_tests_name("seccomp_egress", tests, NULL, NULL);
}
