/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/machine/confine.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STEP "confine"

#ifdef __x86_64__
#define ARCHITECTURE AUDIT_ARCH_X86_64
#else
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

static const int allowed[] = {
	SYS_read,
	SYS_write,
	SYS_recvfrom,
	SYS_recvmsg,
	SYS_sendto,
	SYS_sendmsg,
#ifdef SYS_poll
	SYS_poll,
#endif
	SYS_ppoll,
	SYS_close,
	SYS_wait4,
	SYS_pidfd_send_signal,
	SYS_clock_gettime,
	SYS_getrandom,
	SYS_restart_syscall,
	SYS_exit,
	SYS_exit_group,
	/* The last one is not for every machine. */
	SYS_accept4,
};

#define N_ALLOWED (sizeof(allowed) / sizeof(allowed[0]))
#define HEAD 5
#define POLLED 16

static int load(bool accepts)
{
	const size_t n = accepts ? N_ALLOWED : N_ALLOWED - 1;
	struct sock_filter code[HEAD + N_ALLOWED + 2] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		/* A place to jump over; the x32 calls have numbers of their own. */
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
	};
	const struct sock_fprog program = {(unsigned short)(HEAD + n + 2), code};

	for (size_t i = 0; i < n; i++)
		code[HEAD + i] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, (unsigned)allowed[i], (unsigned char)(n - i), 0);
	code[HEAD + n] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	code[HEAD + n + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

int confine(bool accepts, struct failure *failure)
{
	/* poll() asks for no more either. */
	const struct rlimit files = {POLLED, POLLED};
	const struct rlimit none = {0, 0};

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || setrlimit(RLIMIT_NOFILE, &files) < 0 ||
		setrlimit(RLIMIT_NPROC, &none) < 0)
		return failure_set(failure, errno, STEP, "limits");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || load(accepts) < 0)
		return failure_set(failure, errno, STEP, "the filter was not loaded");
	return 0;
}
