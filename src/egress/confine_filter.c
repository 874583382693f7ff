/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "egress/confine_parts.h"
#include "linux/seccomp/programs.h"

#define STEP "seccomp"

/* Sanitizers map code, open files and ask for what no filter of ours foresees: a build with them
 * has none, and is for tests alone. */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define WITHOUT_FILTER 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define WITHOUT_FILTER 1
#endif

#ifdef WITHOUT_FILTER
int filter_enforce(bool resolver, struct complaint *complaint)
{
	(void)resolver;
	(void)complaint;
	return 0;
}
#else
static const struct seccomp_program *program_for(const char *machine, bool resolver)
{
	if (strcmp(machine, "x86_64") == 0)
		return &seccomp_egress_programs[MACHINE_X86_64][resolver];
	if (strcmp(machine, "aarch64") == 0)
		return &seccomp_egress_programs[MACHINE_AARCH64][resolver];
	return NULL;
}

int filter_enforce(bool resolver, struct complaint *complaint)
{
	const struct seccomp_program *program;
	struct sock_fprog prog;
	struct utsname host;

	if (uname(&host) < 0)
		return complain(complaint, errno, STEP, "uname");
	program = program_for(host.machine, resolver);
	if (!program)
		return complain(complaint, EOPNOTSUPP, STEP, "there is no filter for this machine");
	prog = (struct sock_fprog){
		.len = program->len, .filter = (struct sock_filter *)program->filter};
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) < 0)
		return complain(complaint, errno, STEP, "the filter was not loaded");
	/* An error is the filter's answer to this very call. */
	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == SECCOMP_MODE_DISABLED)
		return complain(complaint, EPERM, STEP, "the filter is not in force");
	return 0;
}
#endif
