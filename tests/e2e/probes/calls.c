// SPDX-License-Identifier: Apache-2.0
/* System calls that a worker has no use for. None does harm where it is allowed: the arguments are
 * wrong on purpose, or ask for what is so already. */
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <sys/fanotify.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/quota.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <time.h>

#include "verdict.h"

#define ACT(name) static int name(char **args __attribute__((unused)))

/* The kernel's keys, programs and memory. */

ACT(do_keyctl)
{
	return judge(syscall(SYS_keyctl, 0 /* KEYCTL_GET_KEYRING_ID */, -3, 1));
}

ACT(do_add_key)
{
	return judge(syscall(SYS_add_key, "user", "kastellan-e2e", "x", 1, -3));
}

ACT(do_request_key)
{
	return reached(syscall(SYS_request_key, "user", "kastellan-e2e-none", NULL, -3), ENOKEY);
}

ACT(do_bpf_map)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};

	return judge(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)));
}

ACT(do_perf_event_open)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK};

	return judge(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));
}

ACT(do_userfaultfd)
{
	return judge(syscall(SYS_userfaultfd, 0));
}

ACT(do_io_uring_setup)
{
	uint8_t params[120] = {0};

	return judge(syscall(SYS_io_uring_setup, 4, params));
}

ACT(do_open_by_handle_at)
{
	struct {
		struct file_handle head;
		unsigned char room[128];
	} handle = {.head.handle_bytes = sizeof(handle.room)};
	int mount_id, fd = open("/usr", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	/* A handle of our own making does where making one is refused. */
	if (name_to_handle_at(AT_FDCWD, "/usr", &handle.head, &mount_id, 0) < 0) {
		handle.head.handle_bytes = 8;
		handle.head.handle_type = 1;
	}
	return reached(syscall(SYS_open_by_handle_at, fd, &handle.head, O_RDONLY), ESTALE);
}

ACT(do_name_to_handle_at)
{
	struct {
		struct file_handle head;
		unsigned char room[128];
	} handle = {.head.handle_bytes = sizeof(handle.room)};
	int mount_id;

	return judge(name_to_handle_at(AT_FDCWD, "/usr", &handle.head, &mount_id, 0));
}

ACT(do_fanotify)
{
	return judge(fanotify_init(FAN_CLASS_NOTIF, O_RDONLY));
}

ACT(do_kcmp)
{
	return judge(syscall(SYS_kcmp, getpid(), getpid(), 0, 0, 1));
}

ACT(do_ptrace_traceme)
{
	return judge(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

ACT(do_process_vm_readv_self)
{
	/* No bytes of itself: reading another process is in reach.c. */
	return judge(syscall(SYS_process_vm_readv, getpid(), NULL, 0, NULL, 0, 0));
}

/* The host itself. */

ACT(do_init_module)
{
	return reached(syscall(SYS_init_module, "", 0UL, ""), ENOEXEC);
}

ACT(do_finit_module)
{
	return reached(syscall(SYS_finit_module, -1, "", 0), EBADF);
}

ACT(do_delete_module)
{
	return reached(syscall(SYS_delete_module, "kastellan_e2e_none", O_NONBLOCK), ENOENT);
}

ACT(do_kexec_load)
{
	return reached(syscall(SYS_kexec_load, 0UL, 99999UL, NULL, 0UL), EINVAL);
}

ACT(do_reboot)
{
	return reached(syscall(SYS_reboot, 0, 0, 0, NULL), EINVAL);
}

ACT(do_swapon)
{
	return reached(syscall(SYS_swapon, "/nowhere", 0), ENOENT);
}

ACT(do_acct)
{
	return reached(syscall(SYS_acct, "/nowhere"), ENOENT);
}

ACT(do_settimeofday)
{
	return judge(syscall(SYS_settimeofday, NULL, NULL));
}

ACT(do_clock_settime)
{
	struct timespec bad = {.tv_nsec = -1};

	return reached(syscall(SYS_clock_settime, CLOCK_REALTIME, &bad), EINVAL);
}

ACT(do_adjtimex)
{
	struct timex now = {0};

	if (syscall(SYS_adjtimex, &now) < 0)
		return denied(errno);
	now.modes = ADJ_TICK;
	return judge(syscall(SYS_adjtimex, &now));
}

ACT(do_sethostname)
{
	struct utsname uts;

	uname(&uts);
	return judge(sethostname(uts.nodename, strlen(uts.nodename)));
}

ACT(do_syslog)
{
	char text[16];

	return judge(syscall(SYS_syslog, 3 /* SYSLOG_ACTION_READ_ALL */, text, sizeof(text)));
}

ACT(do_iopl)
{
#ifdef SYS_iopl
	return judge(syscall(SYS_iopl, 3));
#else
	errno = ENOSYS;
	return broken("this machine has no iopl");
#endif
}

ACT(do_quotactl)
{
	return reached(quotactl(QCMD(Q_SYNC, USRQUOTA), "/nowhere", 0, NULL), ENOENT);
}

ACT(do_personality_mmap_zero)
{
	return judge(personality(MMAP_PAGE_ZERO));
}

ACT(do_prctl_dispatch)
{
	/* 59: PR_SET_SYSCALL_USER_DISPATCH, switched off as it is */
	return judge(prctl(59, 0, 0, 0, 0));
}

/* The other entrances. */

ACT(do_int80)
{
#ifdef __x86_64__
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(20L /* getpid */) : "memory");
	if (result < 0) {
		errno = (int)-result;
		return denied(errno);
	}
	return allowed("a 32-bit call");
#else
	errno = ENOSYS;
	return broken("this machine has no other entrance");
#endif
}

ACT(do_x32)
{
#ifdef __x86_64__
	return judge(syscall(0x40000000L + SYS_getpid));
#else
	errno = ENOSYS;
	return broken("this machine has no other entrance");
#endif
}

ACT(do_nonsense)
{
	return judge(syscall(9999));
}

static const struct act acts[] = {
	{"keyctl", do_keyctl, 0},
	{"add_key", do_add_key, 0},
	{"request_key", do_request_key, 0},
	{"bpf", do_bpf_map, 0},
	{"perf_event_open", do_perf_event_open, 0},
	{"userfaultfd", do_userfaultfd, 0},
	{"io_uring_setup", do_io_uring_setup, 0},
	{"open_by_handle_at", do_open_by_handle_at, 0},
	{"name_to_handle_at", do_name_to_handle_at, 0},
	{"fanotify", do_fanotify, 0},
	{"kcmp", do_kcmp, 0},
	{"ptrace_traceme", do_ptrace_traceme, 0},
	{"process_vm_readv", do_process_vm_readv_self, 0},
	{"init_module", do_init_module, 0},
	{"finit_module", do_finit_module, 0},
	{"delete_module", do_delete_module, 0},
	{"kexec_load", do_kexec_load, 0},
	{"reboot", do_reboot, 0},
	{"swapon", do_swapon, 0},
	{"acct", do_acct, 0},
	{"settimeofday", do_settimeofday, 0},
	{"clock_settime", do_clock_settime, 0},
	{"adjtimex", do_adjtimex, 0},
	{"sethostname", do_sethostname, 0},
	{"syslog", do_syslog, 0},
	{"iopl", do_iopl, 0},
	{"quotactl", do_quotactl, 0},
	{"personality", do_personality_mmap_zero, 0},
	{"prctl_dispatch", do_prctl_dispatch, 0},
	{"int80", do_int80, 0},
	{"x32", do_x32, 0},
	{"nonsense", do_nonsense, 0},
	{NULL, NULL, 0},
};

int main(int argc, char **argv)
{
	return perform(acts, argc, argv);
}
