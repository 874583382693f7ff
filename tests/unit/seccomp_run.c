/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a program under a filter alone, to see what it makes of the answers:
 * seccomp_run strict|net PROGRAM [ARG...]. A never-legitimate call kills it with SIGSYS. */
#include <errno.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "linux/seccomp/seccomp_filters.h"

int main(int argc, char **argv)
{
	/* One byte: no core file, and no core handler either. */
	const struct rlimit no_core = {1, 1};
	const struct seccomp_program *program;
	struct sock_fprog prog;
	struct utsname host;
	enum ks_profile profile;

	if (argc < 3 || (strcmp(argv[1], "strict") != 0 && strcmp(argv[1], "net") != 0)) {
		fprintf(stderr, "usage: seccomp_run strict|net PROGRAM [ARG...]\n");
		return 125;
	}
	profile = argv[1][0] == 's' ? KS_PROFILE_WORKER_STRICT : KS_PROFILE_WORKER_NET_CLIENT;
	uname(&host);
	program = seccomp_program_for(profile, host.machine, false);
	if (!program) {
		fprintf(stderr, "seccomp_run: no filter for %s\n", host.machine);
		return 125;
	}
	prog.len = program->len;
	prog.filter = (struct sock_filter *)program->filter;
	if (setrlimit(RLIMIT_CORE, &no_core) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0) {
		fprintf(stderr, "seccomp_run: %s\n", strerror(errno));
		return 125;
	}
	execvp(argv[2], argv + 2);
	fprintf(stderr, "seccomp_run: %s: %s\n", argv[2], strerror(errno));
	return errno == ENOENT ? 127 : 126;
}
