/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/files/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/bounds.h"
#include "linux/seccomp/programs.h"

/* The tables when they are full, and buffers: well beyond any guest that means well. */
#define MEMORY (256ull << 20)

static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	const struct __user_cap_data_struct none[2] = {{0}, {0}};

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}

/* One byte of a core instead of none: at zero the kernel would still start the host's handler. */
static int hide_memory(void)
{
	const struct rlimit one_byte = {1, 1}, none = {0, 0};

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	if (setrlimit(RLIMIT_CORE, &one_byte) < 0 && setrlimit(RLIMIT_CORE, &none) < 0)
		return -errno;
	return 0;
}

static int bound(int resource, uint64_t most, uint64_t *ret)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) < 0)
		return -errno;
	if (most < limit.rlim_max)
		limit.rlim_max = most;
	limit.rlim_cur = limit.rlim_max;
	if (ret)
		*ret = limit.rlim_max;
	return setrlimit(resource, &limit) < 0 ? -errno : 0;
}

int confine_start(uint64_t *ret_descriptors)
{
	int r = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;

	if (r == 0)
		r = drop_capabilities();
	if (r == 0)
		r = hide_memory();
	if (r == 0)
		r = bound(RLIMIT_AS, MEMORY, NULL);
	if (r == 0)
		r = bound(RLIMIT_NOFILE, KS_MAX_FILES_DESCRIPTORS, ret_descriptors);
	if (r < 0)
		return r;
	if (syscall(SYS_close_range, STDERR_FILENO + 1, ~0u, 0) < 0)
		return -errno;
	/* Both are errors of the call, which the guest is told. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	prctl(PR_SET_NAME, "kastellan-files", 0, 0, 0);
	return 0;
}

static const struct seccomp_program *program_for(const char *machine)
{
	if (strcmp(machine, "x86_64") == 0)
		return &seccomp_files_programs[MACHINE_X86_64];
	if (strcmp(machine, "aarch64") == 0)
		return &seccomp_files_programs[MACHINE_AARCH64];
	return NULL;
}

int confine_calls(void)
{
	const struct seccomp_program *program;
	struct sock_fprog prog;
	struct utsname host;

	if (uname(&host) < 0)
		return -errno;
	program = program_for(host.machine);
	if (!program)
		return -EOPNOTSUPP;
	prog = (struct sock_fprog){
		.len = program->len, .filter = (struct sock_filter *)program->filter};
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) < 0)
		return -errno;
	/* An error is the filter's answer to this very call. */
	return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == SECCOMP_MODE_DISABLED ? -EPERM : 0;
}
