/* SPDX-License-Identifier: Apache-2.0 */
/* What the filters must answer, written down without a look at the table and its rules: numbers and
 * verdicts are spelled, so that a slip in the rules cannot agree with itself. */
#include <errno.h>
#include <linux/audit.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "linux/seccomp/seccomp_filters.h"
#include "seccomp_bpf.h"

#define ALLOW 0x7fff0000u
#define NOTIFY 0x7fc00000u
#define KILL 0x80000000u
#define REFUSE(error) (0x00050000u | (error))
#define BIT32 (UINT64_C(1) << 32)

/* Profiles that a case holds for. */
enum { STRICT = 1, NET = 2, BOTH = 3 };

static const char *const machines[] = {"x86_64", "aarch64"};
static const uint32_t arches[] = {0xc000003eu, 0xc00000b7u};

static int number_of(const char *machine, const char *name)
{
	for (int nr = 0; nr < 1024; nr++) {
		const char *known = seccomp_syscall_name(machine, nr);

		if (known && strcmp(known, name) == 0)
			return nr;
	}
	return -1;
}

static uint32_t verdict_of(
	int machine, enum ks_profile profile, bool notify, int nr, const uint64_t args[6])
{
	const struct seccomp_program *program = seccomp_program_for(
		profile, machines[machine], notify);
	struct seccomp_data data = {.nr = nr, .arch = arches[machine]};

	memcpy(data.args, args, sizeof(data.args));
	return bpf_run(program->filter, program->len, &data, NULL);
}

/* Returns on how many machines the call exists. */
static int check(
	const char *name, const uint64_t args[6], int profiles, bool notify, uint32_t wanted)
{
	int machines_seen = 0;

	for (int i = 0; i < 4; i++) {
		int machine = i / 2;
		enum ks_profile profile = i % 2;
		int nr = number_of(machines[machine], name);
		uint32_t verdict;

		if (nr < 0 || !(profiles & (1 << profile)))
			continue;
		machines_seen |= 1 << machine;
		verdict = verdict_of(machine, profile, notify, nr, args);
		if (verdict != wanted)
			fail_msg("%s(%#llx, %#llx, %#llx, %#llx) on %s, profile %d: 0x%08x, "
				 "not 0x%08x",
				name, (unsigned long long)args[0], (unsigned long long)args[1],
				(unsigned long long)args[2], (unsigned long long)args[3],
				machines[machine], profile, verdict, wanted);
	}
	return machines_seen;
}

/* Calls whose arguments do not count, by what must become of them. */
static const char *const never_legitimate[] = {"init_module", "finit_module", "delete_module",
	"kexec_load", "kexec_file_load", "bpf", "ptrace", "process_vm_readv", "process_vm_writev",
	"pidfd_getfd", "mount", "umount2", "pivot_root", "open_tree", "open_tree_attr",
	"move_mount", "mount_setattr", "fsopen", "fsconfig", "fsmount", "fspick", "setns", "keyctl",
	"add_key", "request_key", "open_by_handle_at", "reboot", "swapon", "swapoff", "acct",
	"iopl", "ioperm"};
static const char *const as_if_lacking[] = {"clone3", "openat2", "io_uring_setup", "io_uring_enter",
	"io_uring_register", "io_setup", "io_submit", "memfd_secret", "cachestat", "file_setattr",
	"statmount", "listmount", "mbind", "move_pages", "modify_ldt", "uselib", "_sysctl",
	"sysfs"};
static const char *const refused[] = {"userfaultfd", "perf_event_open", "fanotify_init", "kcmp",
	"name_to_handle_at", "process_madvise", "chroot", "sethostname", "settimeofday",
	"clock_settime", "adjtimex", "clock_adjtime", "quotactl", "syslog", "vhangup", "listen"};
static const char *const needed[] = {"read", "write", "close", "close_range", "fork", "vfork",
	"execve", "execveat", "exit_group", "mmap", "mprotect", "brk", "rseq", "futex",
	"futex_waitv", "set_robust_list", "rt_sigaction", "rt_sigreturn", "restart_syscall",
	"statx", "newfstatat", "faccessat2", "getrandom", "pidfd_open", "pidfd_send_signal",
	"epoll_pwait2", "memfd_create", "wait4", "kill", "tgkill", "recvmsg", "getgroups",
	"getxattr", "landlock_restrict_self", "seccomp", "uname", "sysinfo", "getdents64",
	"renameat2", "utimensat", "sched_getaffinity", "uretprobe", "uprobe", "mseal",
	"map_shadow_stack", "arch_prctl", "shmget", "mq_timedsend"};

static void check_list(const char *const *names, size_t count, bool notify, uint32_t wanted)
{
	static const uint64_t empty[6];
	static const uint64_t full[6] = {-1, -1, -1, -1, -1, -1};

	for (size_t i = 0; i < count; i++) {
		if (!check(names[i], empty, BOTH, notify, wanted))
			fail_msg("no machine has %s", names[i]);
		check(names[i], full, BOTH, notify, wanted);
	}
}

#define LIST(names) names, sizeof(names) / sizeof(names[0])

static void test_calls_by_name(void **state)
{
	(void)state;
	check_list(LIST(never_legitimate), true, NOTIFY);
	check_list(LIST(never_legitimate), false, KILL);
	for (int notify = 0; notify < 2; notify++) {
		check_list(LIST(as_if_lacking), notify, REFUSE(ENOSYS));
		check_list(LIST(refused), notify, REFUSE(EPERM));
		check_list(LIST(needed), notify, ALLOW);
	}
}

struct call_case {
	const char *name;
	int profiles;
	uint32_t wanted;
	uint64_t args[6];
};

static const struct call_case cases[] = {
	/* pthread_create, vfork and fork of glibc; then each namespace, and CLONE_PARENT. */
	{"clone", BOTH, ALLOW, {0x3d0f00}},
	{"clone", BOTH, ALLOW, {0x4111}},
	{"clone", BOTH, ALLOW, {0x1200011}},
	{"clone", BOTH, ALLOW, {BIT32 | 17}},
	{"clone", BOTH, REFUSE(EPERM), {0x10000000 | 17}},
	{"clone", BOTH, REFUSE(EPERM), {BIT32 | 0x10000000 | 17}},
	{"clone", BOTH, REFUSE(EPERM), {0x00020000 | 17}},
	{"clone", BOTH, REFUSE(EPERM), {0x02000000 | 17}},
	{"clone", BOTH, REFUSE(EPERM), {0x04000000 | 17}},
	{"clone", BOTH, REFUSE(EPERM), {0x08000000 | 17}},
	{"clone", BOTH, REFUSE(EPERM), {0x20000000 | 17}},
	{"clone", BOTH, REFUSE(EPERM), {0x40000000 | 17}},
	{"clone", BOTH, REFUSE(EPERM), {0x00008000 | 17}},
	{"unshare", BOTH, ALLOW, {0x400}},
	{"unshare", BOTH, ALLOW, {0x600}},
	{"unshare", BOTH, REFUSE(EPERM), {0x80}},
	{"unshare", BOTH, REFUSE(EPERM), {0x10000000}},
	{"unshare", BOTH, REFUSE(EPERM), {0x10000400}},
	{"unshare", BOTH, REFUSE(EPERM), {0x7e020080}},
	/* TIOCSTI, TIOCLINUX, TIOCCONS, TIOCSETD, TIOCEXCL; TCGETS, TIOCGWINSZ, FIONREAD, FICLONE.
	 */
	{"ioctl", BOTH, REFUSE(EPERM), {0, 0x5412}},
	{"ioctl", BOTH, REFUSE(EPERM), {0, BIT32 | 0x5412}},
	{"ioctl", BOTH, REFUSE(EPERM), {0, UINT64_C(0xffffffff00005412)}},
	{"ioctl", BOTH, REFUSE(EPERM), {0, 0x541c}},
	{"ioctl", BOTH, REFUSE(EPERM), {0, BIT32 | 0x541c}},
	{"ioctl", BOTH, REFUSE(EPERM), {0, 0x541d}},
	{"ioctl", BOTH, REFUSE(EPERM), {0, 0x5423}},
	{"ioctl", BOTH, REFUSE(EPERM), {0, 0x540c}},
	{"ioctl", BOTH, REFUSE(ENOTTY), {0, 0x4b47}},
	{"ioctl", BOTH, REFUSE(ENOTTY), {0, BIT32 | 0x4b72}},
	{"ioctl", BOTH, REFUSE(ENOTTY), {0, 0x5606}},
	{"ioctl", BOTH, ALLOW, {0, 0x5401}},
	{"ioctl", BOTH, ALLOW, {0, 0x5413}},
	{"ioctl", BOTH, ALLOW, {0, 0x541b}},
	{"ioctl", BOTH, ALLOW, {0, 0x40049409}},
	{"ioctl", BOTH, ALLOW, {0, 0x80005412}},
	{"ioctl", BOTH, ALLOW, {0, 0x40045612}},
	/* PR_SET_NAME, PR_SET_VMA, PR_GET_AUXV; PR_SET_MM, PR_SET_PTRACER. */
	{"prctl", BOTH, ALLOW, {BIT32 | 15}},
	{"prctl", BOTH, ALLOW, {0x53564d41}},
	{"prctl", BOTH, ALLOW, {0x41555856}},
	{"prctl", BOTH, REFUSE(EINVAL), {BIT32 | 35}},
	{"prctl", BOTH, REFUSE(EINVAL), {0x59616d61}},
	{"prctl", BOTH, REFUSE(EINVAL), {4000}},
	{"personality", BOTH, ALLOW, {0}},
	{"personality", BOTH, ALLOW, {0xffffffff}},
	{"personality", BOTH, ALLOW, {0x40000}},
	{"personality", BOTH, REFUSE(EPERM), {0x400000}},
	{"personality", BOTH, REFUSE(EPERM), {0x440000}},
	{"personality", BOTH, REFUSE(EPERM), {8}},
	/* O_CREAT 0100, O_TMPFILE 020200000: 04755 and 02755 only where nothing is created. */
	{"open", BOTH, ALLOW, {0, 0101, 0644}},
	{"open", BOTH, ALLOW, {0, 0, 06755}},
	{"open", BOTH, REFUSE(EPERM), {0, 0101, 04755}},
	{"open", BOTH, REFUSE(EPERM), {0, 0101, 02755}},
	{"open", BOTH, REFUSE(EPERM), {0, 020200001, 04700}},
	{"open", BOTH, REFUSE(EPERM), {0, BIT32 | 0101, BIT32 | 04755}},
	{"openat", BOTH, ALLOW, {0, 0, 0101, 01777}},
	{"openat", BOTH, ALLOW, {0, 0, 0200000, 0xffff}},
	{"openat", BOTH, REFUSE(EPERM), {0, 0, 0101, 04755}},
	{"openat", BOTH, REFUSE(EPERM), {0, 0, 0101, 02000}},
	{"openat", BOTH, REFUSE(EPERM), {0, 0, 020200002, 02755}},
	{"openat", BOTH, REFUSE(EPERM), {0, 0, 0101, 0xffff0000 | 04755}},
	{"mq_open", BOTH, ALLOW, {0, 0102, 0600}},
	{"mq_open", BOTH, REFUSE(EPERM), {0, 0102, 04600}},
	{"creat", BOTH, ALLOW, {0, 0755}},
	{"creat", BOTH, REFUSE(EPERM), {0, 04755}},
	{"chmod", BOTH, ALLOW, {0, 01777}},
	{"chmod", BOTH, REFUSE(EPERM), {0, 04755}},
	{"chmod", BOTH, REFUSE(EPERM), {0, 02755}},
	{"fchmod", BOTH, ALLOW, {3, 0755}},
	{"fchmod", BOTH, REFUSE(EPERM), {3, 02755}},
	{"fchmodat", BOTH, ALLOW, {3, 0xfff, 0755}},
	{"fchmodat", BOTH, REFUSE(EPERM), {3, 0, 04755}},
	{"fchmodat2", BOTH, ALLOW, {3, 0xfff, 0755, 0x100}},
	{"fchmodat2", BOTH, REFUSE(EPERM), {3, 0, 04755, 0x100}},
	{"mkdir", BOTH, ALLOW, {0, 01777}},
	{"mkdir", BOTH, REFUSE(EPERM), {0, 02775}},
	{"mkdirat", BOTH, ALLOW, {3, 0, 0755}},
	{"mkdirat", BOTH, REFUSE(EPERM), {3, 0, 02775}},
	/* S_IFREG, none, S_IFIFO, S_IFSOCK; S_IFCHR, S_IFBLK. */
	{"mknod", BOTH, ALLOW, {0, 0100644}},
	{"mknod", BOTH, ALLOW, {0, 0010644}},
	{"mknod", BOTH, REFUSE(EPERM), {0, 0020666}},
	{"mknod", BOTH, REFUSE(EPERM), {0, 0060666}},
	{"mknod", BOTH, REFUSE(EPERM), {0, 0104755}},
	{"mknodat", BOTH, ALLOW, {3, 0, 0644}},
	{"mknodat", BOTH, ALLOW, {3, 0, 0010644}},
	{"mknodat", BOTH, ALLOW, {3, 0, 0140644}},
	{"mknodat", BOTH, REFUSE(EPERM), {3, 0, 0020000}},
	{"mknodat", BOTH, REFUSE(EPERM), {3, 0, 0060666}},
	{"mknodat", BOTH, REFUSE(EPERM), {3, 0, 02644}},
	/* F_SETLEASE is 1024, F_SETLK 6, F_SETDELEG 1040. */
	{"fcntl", BOTH, ALLOW, {3, 6}},
	{"fcntl", BOTH, ALLOW, {3, 1025}},
	{"fcntl", BOTH, REFUSE(EINVAL), {3, 1024, 1}},
	{"fcntl", BOTH, REFUSE(EINVAL), {3, BIT32 | 1024, 1}},
	{"fcntl", BOTH, REFUSE(EINVAL), {3, 1040, 0x1000}},
	/* RLIMIT_CORE is 4, RLIMIT_NOFILE 7. */
	{"setrlimit", BOTH, ALLOW, {7, 0x1000}},
	{"setrlimit", BOTH, REFUSE(0), {4, 0x1000}},
	{"setrlimit", BOTH, REFUSE(0), {BIT32 | 4, 0x1000}},
	{"prlimit64", BOTH, ALLOW, {0, 7, 0x1000, 0}},
	{"prlimit64", BOTH, ALLOW, {0, 7, 0x1000, 0x1000}},
	{"prlimit64", BOTH, ALLOW, {0, 4, 0, 0x1000}},
	{"prlimit64", BOTH, REFUSE(0), {0, 4, 0x1000, 0}},
	{"prlimit64", BOTH, REFUSE(0), {0, 4, BIT32, 0}},
	{"prlimit64", BOTH, REFUSE(EPERM), {0, 4, 0x1000, 0x1000}},
	{"prlimit64", BOTH, REFUSE(EPERM), {0, 4, 0x1000, BIT32}},
	{"prlimit64", BOTH, REFUSE(EPERM), {1, 7, 0, 0x1000}},
	{"prlimit64", BOTH, REFUSE(EPERM), {1, 4, 0, 0x1000}},
	{"prlimit64", BOTH, REFUSE(EPERM), {1, 4, 0x1000, 0}},
	/* AF_UNIX 1, AF_INET 2, AF_INET6 10, AF_NETLINK 16, AF_PACKET 17, AF_ALG 38, AF_VSOCK 40.
	 */
	{"socket", STRICT, REFUSE(EAFNOSUPPORT), {2, 1, 0}},
	{"socket", STRICT, REFUSE(EAFNOSUPPORT), {10, 2, 17}},
	{"socket", NET, ALLOW, {2, 1, 0}},
	{"socket", NET, ALLOW, {2, 1, 6}},
	{"socket", NET, ALLOW, {2, 02000001 | 04000, 6}},
	{"socket", NET, ALLOW, {2, 2, 17}},
	{"socket", NET, ALLOW, {10, 02000002, 0}},
	{"socket", NET, ALLOW, {10, 1, 6}},
	{"socket", NET, REFUSE(EPROTONOSUPPORT), {2, 3, 1}},
	{"socket", NET, REFUSE(EPROTONOSUPPORT), {2, 3, 255}},
	{"socket", NET, REFUSE(EPROTONOSUPPORT), {2, 2, 1}},
	{"socket", NET, REFUSE(EPROTONOSUPPORT), {10, 2, 58}},
	{"socket", NET, REFUSE(EPROTONOSUPPORT), {2, 1, 262}},
	{"socket", NET, REFUSE(EPROTONOSUPPORT), {2, 1, 132}},
	{"socket", NET, REFUSE(EPROTONOSUPPORT), {2, 5, 132}},
	{"socket", NET, REFUSE(EPROTONOSUPPORT), {2, 1, 17}},
	{"socket", NET, REFUSE(EPROTONOSUPPORT), {2, 10, 0}},
	{"socket", NET, REFUSE(EPROTONOSUPPORT), {BIT32 | 2, 3, 0}},
	{"socket", BOTH, REFUSE(EAFNOSUPPORT), {1, 1, 0}},
	{"socket", BOTH, REFUSE(EAFNOSUPPORT), {BIT32 | 1, 2, 0}},
	{"socket", BOTH, REFUSE(EAFNOSUPPORT), {16, 3, 0}},
	{"socket", BOTH, REFUSE(EAFNOSUPPORT), {17, 3, 0x300}},
	{"socket", BOTH, REFUSE(EAFNOSUPPORT), {38, 5, 0}},
	{"socket", BOTH, REFUSE(EAFNOSUPPORT), {40, 1, 0}},
	{"socket", BOTH, REFUSE(EAFNOSUPPORT), {0, 1, 0}},
	{"socketpair", BOTH, ALLOW, {1, 1, 0}},
	{"socketpair", BOTH, ALLOW, {1, 02004001, 0}},
	{"socketpair", BOTH, ALLOW, {1, 02000005, 0}},
	{"socketpair", BOTH, REFUSE(ESOCKTNOSUPPORT), {1, 2, 0}},
	{"socketpair", BOTH, REFUSE(ESOCKTNOSUPPORT), {1, BIT32 | 02000002, 0}},
	{"socketpair", BOTH, REFUSE(ESOCKTNOSUPPORT), {1, 3, 0}},
	{"socketpair", BOTH, REFUSE(EAFNOSUPPORT), {30, 1, 0}},
	{"connect", STRICT, REFUSE(EPERM), {3, 0x1000, 16}},
	{"bind", STRICT, REFUSE(EPERM), {3, 0x1000, 16}},
	{"accept", STRICT, REFUSE(EPERM), {0}},
	{"accept4", STRICT, REFUSE(EPERM), {0}},
	{"connect", NET, ALLOW, {3, 0x1000, 16}},
	{"bind", NET, ALLOW, {3, 0x1000, 16}},
	{"accept4", NET, ALLOW, {0}},
	/* MSG_FASTOPEN 0x20000000, MSG_NOSIGNAL 0x4000. */
	{"sendto", BOTH, ALLOW, {3, 0, 1, 0x4000, 0, 0}},
	{"sendto", BOTH, REFUSE(EOPNOTSUPP), {3, 0, 1, 0x20000000, 0x1000, 16}},
	{"sendto", STRICT, REFUSE(EPERM), {3, 0, 1, 0, 0x1000, 16}},
	{"sendto", STRICT, REFUSE(EPERM), {3, 0, 1, 0, BIT32, 16}},
	{"sendto", NET, ALLOW, {3, 0, 1, 0, 0x1000, 16}},
	{"sendmsg", BOTH, ALLOW, {3, 0x1000, 0x4000}},
	{"sendmsg", BOTH, REFUSE(EOPNOTSUPP), {3, 0x1000, 0x20004000}},
	{"sendmmsg", BOTH, ALLOW, {3, 0x1000, 2, 0x4000}},
	{"sendmmsg", BOTH, REFUSE(EOPNOTSUPP), {3, 0x1000, 2, BIT32 | 0x20000000}},
	/* SOL_SOCKET SO_REUSEADDR, TCP_NODELAY, TCP_ULP. */
	{"setsockopt", BOTH, ALLOW, {3, 1, 2}},
	{"setsockopt", BOTH, ALLOW, {3, 6, 1}},
	{"setsockopt", BOTH, ALLOW, {3, 1, 31}},
	{"setsockopt", BOTH, REFUSE(ENOPROTOOPT), {3, 6, 31}},
	{"setsockopt", BOTH, REFUSE(ENOPROTOOPT), {3, BIT32 | 6, BIT32 | 31}},
};

static void test_calls_by_argument(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct call_case *c = &cases[i];

		if (!check(c->name, c->args, c->profiles, false, c->wanted))
			fail_msg("no machine has %s", c->name);
		check(c->name, c->args, c->profiles, true, c->wanted);
	}
}

/* Every option with a small number, one by one. */
static void test_options_of_prctl(void **state)
{
	static const uint8_t allowed[] = {1, 2, 3, 4, 7, 8, 13, 14, 15, 16, 21, 22, 23, 24, 25, 26,
		27, 28, 29, 30, 33, 34, 36, 37, 38, 39, 40, 41, 42, 47, 50, 51, 52, 53, 54, 55, 56,
		60, 61, 63, 64, 65, 66, 74, 75, 76};

	(void)state;
	for (uint64_t option = 0; option < 256; option++) {
		const uint64_t args[6] = {option};
		bool wanted = memchr(allowed, (int)option, sizeof(allowed)) != NULL;

		check("prctl", args, BOTH, false, wanted ? ALLOW : REFUSE(EINVAL));
	}
}

static void test_other_abis_are_killed(void **state)
{
	static const uint64_t none[6];

	(void)state;
	for (int i = 0; i < 4; i++) {
		enum ks_profile profile = i / 2;
		bool notify = i % 2;

		/* x32: getpid, mount, and its own numbers without the bit. */
		assert_int_equal(verdict_of(0, profile, notify, 0x40000027, none), KILL);
		assert_int_equal(verdict_of(0, profile, notify, 0x400000a5, none), KILL);
		assert_int_equal(verdict_of(0, profile, notify, 512, none), KILL);
		assert_int_equal(verdict_of(0, profile, notify, 521, none), KILL);
		assert_int_equal(verdict_of(0, profile, notify, 547, none), KILL);
		assert_int_equal(verdict_of(0, profile, notify, (int)0x80000000, none), KILL);
		/* No call at all, and numbers that no kernel has yet. */
		assert_int_equal(verdict_of(0, profile, notify, -1, none), REFUSE(ENOSYS));
		assert_int_equal(verdict_of(0, profile, notify, 548, none), REFUSE(ENOSYS));
		assert_int_equal(verdict_of(0, profile, notify, 470, none), REFUSE(ENOSYS));
		assert_int_equal(verdict_of(1, profile, notify, 470, none), REFUSE(ENOSYS));
		assert_int_equal(verdict_of(1, profile, notify, 250, none), REFUSE(ENOSYS));
		assert_int_equal(verdict_of(1, profile, notify, -1, none), REFUSE(ENOSYS));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls_by_name),
		cmocka_unit_test(test_calls_by_argument),
		cmocka_unit_test(test_options_of_prctl),
		cmocka_unit_test(test_other_abis_are_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
