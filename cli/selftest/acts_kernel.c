/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's surface, and facts about the host. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/selftest/selftest.h"

static int outcome_of(long result)
{
	return result < 0 ? -errno : 0;
}

static int close_outcome(long fd)
{
	int r = outcome_of(fd);

	if (fd >= 0)
		close((int)fd);
	return r;
}

static int user_namespace(const struct stage *stage)
{
	(void)stage;
	return outcome_of(unshare(CLONE_NEWUSER));
}

static int end_of(long child)
{
	if (child < 0)
		return -errno;
	if (child == 0)
		_exit(0);
	waitpid((pid_t)child, NULL, 0);
	return 0;
}

static int clone_namespace(const struct stage *stage)
{
	(void)stage;
	return end_of(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL));
}

/* Its flags lie in memory, where no filter sees them. */
static int clone3_namespace(const struct stage *stage)
{
	struct clone_args arguments = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};

	(void)stage;
	return end_of(syscall(SYS_clone3, &arguments, sizeof(arguments)));
}

/* The other entrances of the processor, whose numbers mean other calls: getpid by each. */
#ifdef __x86_64__
static int entrance_32(const struct stage *stage)
{
	long result;

	(void)stage;
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory");
	return result < 0 ? (int)result : 0;
}

static int entrance_x32(const struct stage *stage)
{
	(void)stage;
	return outcome_of(syscall(0x40000000L | SYS_getpid));
}
#endif

/* Where it is allowed it is done in a mount namespace of its own, from which nothing comes back. */
static int mount_something(const struct stage *stage)
{
	(void)stage;
	if (unshare(CLONE_NEWNS) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return -errno;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	return outcome_of(mount("none", "/tmp", "tmpfs", 0, NULL));
}

static int io_uring(const struct stage *stage)
{
	struct io_uring_params parameters = {0};

	(void)stage;
	return close_outcome(syscall(SYS_io_uring_setup, 1, &parameters));
}

static int bpf_map(const struct stage *stage)
{
	union bpf_attr attributes = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};

	(void)stage;
	return close_outcome(syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof(attributes)));
}

static int perf_event(const struct stage *stage)
{
	struct perf_event_attr attributes = {.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attributes),
		.config = PERF_COUNT_SW_TASK_CLOCK,
		.exclude_kernel = 1};

	(void)stage;
	return close_outcome(syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0));
}

static int key_ring(const struct stage *stage)
{
	(void)stage;
	return outcome_of(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0));
}

static int user_faults(const struct stage *stage)
{
	(void)stage;
	return close_outcome(syscall(SYS_userfaultfd, O_CLOEXEC | 1 /* UFFD_USER_MODE_ONLY */));
}

static int page_zero(const struct stage *stage)
{
	(void)stage;
	return outcome_of(personality(MMAP_PAGE_ZERO));
}

static int kernel_setting(const struct stage *stage)
{
	(void)stage;
	return close_outcome(open("/proc/sys/kernel/core_pattern", O_WRONLY | O_CLOEXEC));
}

static int group_agent(const struct stage *stage)
{
	(void)stage;
	return close_outcome(open("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int kernel_words(const struct stage *stage)
{
	char byte;
	int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, &byte, 1);
	int r = n < 0 ? -errno : n == 0 ? -ENODATA : 0;

	(void)stage;
	if (fd >= 0)
		close(fd);
	return r;
}

static int host_name(const struct stage *stage)
{
	char name[65] = "";

	if (gethostname(name, sizeof(name)) < 0)
		return -errno;
	return strcmp(name, stage->host) == 0 ? 0 : -ENOENT;
}

/* In the set of what it may do, or may come to. */
static int capabilities(const struct stage *stage)
{
	unsigned long long found = 0;
	char line[128];
	FILE *status = fopen("/proc/self/status", "re");

	(void)stage;
	if (!status)
		return -errno;
	while (fgets(line, sizeof(line), status))
		if (strncmp(line, "CapPrm:", 7) == 0 || strncmp(line, "CapBnd:", 7) == 0)
			found |= strtoull(line + 7, NULL, 16);
	fclose(status);
	return found ? 0 : -ENOENT;
}

const struct act acts_kernel[] = {
	{"user-namespace", "make a user namespace", "profile", UNLESS_NOTHING, user_namespace},
	{"clone-namespace", "make one with a new process", "profile", UNLESS_NOTHING,
		clone_namespace},
	{"clone3-namespace", "make one by the call whose arguments no filter sees", "profile",
		UNLESS_NOTHING, clone3_namespace},
#ifdef __x86_64__
	{"entrance-32", "make a system call by the entrance for 32 bits", "profile", UNLESS_NOTHING,
		entrance_32},
	{"entrance-x32", "make a system call by the numbers of x32", "profile", UNLESS_NOTHING,
		entrance_x32},
#endif
	{"mount", "mount a file system", "profile", UNLESS_NOTHING, mount_something},
	{"io-uring", "use io_uring, past the system-call filter", "profile", UNLESS_NOTHING,
		io_uring},
	{"bpf", "load a map into the kernel", "profile", UNLESS_NOTHING, bpf_map},
	{"perf", "measure the machine with perf", "profile", UNLESS_NOTHING, perf_event},
	{"key-ring", "use the caller's kernel keys", "profile", UNLESS_NOTHING, key_ring},
	{"user-faults", "handle page faults itself", "profile", UNLESS_NOTHING, user_faults},
	{"page-zero", "have the page at address zero mapped", "profile", UNLESS_NOTHING, page_zero},
	{"kernel-setting", "open a setting of the kernel for writing", "profile", UNLESS_NOTHING,
		kernel_setting},
	{"control-groups", "look into the host's control groups", "fs_read", UNLESS_NOTHING,
		group_agent},
	{"kernel-words", "read the kernel's command line", "profile", UNLESS_NOTHING, kernel_words},
	{"host-name", "learn the host's name", "profile", UNLESS_NOTHING, host_name},
	{"capabilities", "have or come to have a capability", "profile", UNLESS_NOTHING,
		capabilities},
	{0}};
