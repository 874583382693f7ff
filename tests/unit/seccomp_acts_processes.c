/* SPDX-License-Identifier: Apache-2.0 */
/* Terminals, namespaces, limits, other entries into the kernel. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seccomp_acts.h"

/* A terminal of our own that controls us, so that a user may push input, too. */
static int own_terminal(void)
{
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	int slave;

	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0 || setsid() < 0)
		return -1;
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	return slave < 0 || ioctl(slave, TIOCSCTTY, 0) < 0 ? -1 : slave;
}

static int push_input(unsigned long request)
{
	int terminal = own_terminal();
	char key = 'x';

	if (terminal < 0)
		return ENXIO;
	return answer(syscall(SYS_ioctl, terminal, request, &key));
}

static int act_tiocsti(void)
{
	return push_input(TIOCSTI);
}

static int act_tiocsti_with_high_bit(void)
{
	return push_input((1UL << 32) | TIOCSTI);
}

static int act_window_size(void)
{
	struct winsize size = {40, 100, 0, 0};
	int terminal = own_terminal();

	if (terminal < 0)
		return ENXIO;
	return answer(ioctl(terminal, TIOCSWINSZ, &size));
}

static int act_line_discipline(void)
{
	int terminal = own_terminal();
	int discipline = 0;

	if (terminal < 0)
		return ENXIO;
	return answer(ioctl(terminal, TIOCSETD, &discipline));
}

static int act_exclusive(void)
{
	int terminal = own_terminal();

	if (terminal < 0)
		return ENXIO;
	return answer(ioctl(terminal, TIOCEXCL));
}

static int clone_with(unsigned long flags)
{
	long pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	if (pid < 0)
		return errno;
	waitpid(pid, NULL, 0);
	return 0;
}

static int act_clone_user(void)
{
	return clone_with(CLONE_NEWUSER);
}

static int act_clone_user_with_high_bit(void)
{
	return clone_with((1UL << 32) | CLONE_NEWUSER);
}

static int act_clone_plain(void)
{
	return clone_with(0);
}

static int act_clone_sibling(void)
{
	return clone_with(CLONE_PARENT);
}

static int act_clone3(void)
{
	struct clone_args args = {.exit_signal = SIGCHLD};
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid == 0)
		_exit(0);
	if (pid < 0)
		return errno;
	waitpid(pid, NULL, 0);
	return 0;
}

static int act_unshare_user(void)
{
	return answer(syscall(SYS_unshare, CLONE_NEWUSER));
}

static int act_unshare_files(void)
{
	return answer(syscall(SYS_unshare, CLONE_FILES));
}

/* Answers 0 where the limit has become another one. */
static int core_changed(long result)
{
	struct rlimit now;

	if (result < 0)
		return errno;
	if (getrlimit(RLIMIT_CORE, &now) < 0)
		return errno;
	return now.rlim_cur == 0 ? 0 : EALREADY;
}

static int act_core_limit(void)
{
	const struct rlimit none = {0, 0};

	return core_changed(setrlimit(RLIMIT_CORE, &none));
}

static int act_core_limit_old_call(void)
{
	const struct rlimit none = {0, 0};

	return core_changed(syscall(SYS_setrlimit, (1L << 32) | RLIMIT_CORE, &none));
}

static int act_file_limit(void)
{
	const struct rlimit few = {16, 16};

	return answer(setrlimit(RLIMIT_NOFILE, &few));
}

static int act_limit_of_another(void)
{
	struct rlimit now;

	return answer(prlimit(getppid(), RLIMIT_NOFILE, NULL, &now));
}

static int act_personality(void)
{
	return answer(personality(READ_IMPLIES_EXEC));
}

static int act_personality_query(void)
{
	return answer(personality(0xffffffff));
}

static int act_prctl_perf(void)
{
	return answer(prctl(PR_TASK_PERF_EVENTS_DISABLE, 0, 0, 0, 0));
}

static int act_prctl_name(void)
{
	return answer(prctl(PR_SET_NAME, "other", 0, 0, 0));
}

static int act_io_uring(void)
{
	uint64_t params[15] = {0};

	return answer(syscall(SYS_io_uring_setup, 4, params));
}

static int act_unknown_call(void)
{
	return answer(syscall(1000));
}

static int act_no_call(void)
{
	return answer(syscall(-1));
}

static int act_traceme(void)
{
	return answer(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int act_mount(void)
{
	return answer(syscall(SYS_mount, NULL, NULL, NULL, 0, NULL));
}

static int act_keyctl(void)
{
	return answer(syscall(SYS_keyctl, 0, -3, 0));
}

#define DIES (CHILD_SIGNALLED + SIGSYS)

#if defined(__x86_64__)
static int act_x32(void)
{
	return answer(syscall(0x40000000 + SYS_getpid));
}

static int act_x32_own_number(void)
{
	return answer(syscall(512, 0, 0, 0, 0));
}

/* getpid of the i386 table is 20. A kernel without that entry answers with a fault. */
static int act_i386(void)
{
	long result = 20;

	__asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
	return result > 0 ? 0 : (int)-result;
}
#endif

const struct seccomp_act process_acts[] = {
	{"TIOCSTI", act_tiocsti, UNDER_BOTH, EPERM, {0, EIO}},
	{"TIOCSTI with bit 32", act_tiocsti_with_high_bit, UNDER_BOTH, EPERM, {0, EIO}},
	{"TIOCSETD", act_line_discipline, UNDER_BOTH, EPERM, {0}},
	{"TIOCEXCL", act_exclusive, UNDER_BOTH, EPERM, {0}},
	{"clone CLONE_NEWUSER", act_clone_user, UNDER_BOTH, EPERM, {0, ENOSPC}},
	{"clone CLONE_NEWUSER with bit 32", act_clone_user_with_high_bit, UNDER_BOTH, EPERM,
		{0, ENOSPC}},
	{"clone CLONE_PARENT", act_clone_sibling, UNDER_BOTH, EPERM, {0}},
	{"clone3", act_clone3, UNDER_BOTH, ENOSYS, {0}},
	{"unshare CLONE_NEWUSER", act_unshare_user, UNDER_BOTH, EPERM, {0, ENOSPC}},
	{"core limit", act_core_limit, UNDER_BOTH, EALREADY, {0}},
	{"core limit by setrlimit", act_core_limit_old_call, UNDER_BOTH, EALREADY, {0}},
	{"limits of another process", act_limit_of_another, UNDER_BOTH, EPERM, {0}},
	{"READ_IMPLIES_EXEC", act_personality, UNDER_BOTH, EPERM, {0}},
	{"prctl outside the list", act_prctl_perf, UNDER_BOTH, EINVAL, {0}},
	{"io_uring", act_io_uring, UNDER_BOTH, ENOSYS, {0, EPERM}},
	{"ptrace", act_traceme, UNDER_BOTH, DIES, {0}},
	{"mount", act_mount, UNDER_BOTH, DIES, {EFAULT, EPERM, EINVAL}},
	{"keyctl", act_keyctl, UNDER_BOTH, DIES, {0, ENOSYS, EINTR}},
#if defined(__x86_64__)
	{"x32 getpid", act_x32, UNDER_BOTH, DIES, {0, ENOSYS}},
	{"x32 number without its bit", act_x32_own_number, UNDER_BOTH, DIES, {ENOSYS, EINVAL}},
	{"i386 getpid", act_i386, UNDER_BOTH, DIES, {0, CHILD_SIGNALLED + SIGSEGV}},
#endif
	/* The filter must not be what stops these. */
	{"clone", act_clone_plain, UNDER_BOTH, 0, {0}},
	{"window size", act_window_size, UNDER_BOTH, 0, {0}},
	{"unshare CLONE_FILES", act_unshare_files, UNDER_BOTH, 0, {0}},
	{"file limit", act_file_limit, UNDER_BOTH, 0, {0}},
	{"personality query", act_personality_query, UNDER_BOTH, 0, {0}},
	{"PR_SET_NAME", act_prctl_name, UNDER_BOTH, 0, {0}},
	/* Nor may it be worse than a kernel without the call. */
	{"unknown call", act_unknown_call, UNDER_BOTH, ENOSYS, {ENOSYS}},
	{"no call", act_no_call, UNDER_BOTH, ENOSYS, {ENOSYS}},
};
const size_t process_act_count = sizeof(process_acts) / sizeof(process_acts[0]);
