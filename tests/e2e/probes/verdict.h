/* SPDX-License-Identifier: Apache-2.0 */
/* The words that every probe ends with. A probe does one act, once, and says how it went: exit code
 * 0 and "allowed: ...", or 1 and "denied: ERRNO". */
#ifndef PROBE_VERDICT_H
#define PROBE_VERDICT_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Under both of what no test is started under by itself: for acts that would end more than a
 * jail. */
static inline int in_jail(void)
{
	return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2 &&
	       prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

static inline int allowed(const char *what)
{
	printf("allowed: %s\n", what);
	fflush(stdout);
	return 0;
}

static inline int denied(int error)
{
	const char *name = strerrorname_np(error);

	printf("denied: %s\n", name ? name : "unknown errno");
	fflush(stdout);
	return 1;
}

/* For acts that return -1 and set errno. */
static inline int judge(long result)
{
	return result < 0 ? denied(errno) : allowed("it worked");
}

/* For acts whose arguments are wrong on purpose, so that they do no harm: the kernel's complaint
 * about the arguments says that it got past the question whether the caller may. */
static inline int reached(long result, int complaint)
{
	if (result < 0 && errno == complaint)
		return allowed("got as far as the arguments");
	return judge(result);
}

/* The probe itself is wrong or was called wrongly; never to be taken for a denial. */
static inline int broken(const char *what)
{
	printf("broken: %s: %s\n", what, strerror(errno));
	fflush(stdout);
	return 2;
}

struct act {
	const char *name;
	int (*run)(char **args);
	int needs; /* arguments */
};

/* argv: program, act, arguments. */
static inline int perform(const struct act *acts, int argc, char **argv)
{
	for (const struct act *act = acts; act->name; act++) {
		if (argc < 2 || strcmp(act->name, argv[1]) != 0)
			continue;
		if (argc - 2 < act->needs) {
			errno = EINVAL;
			return broken(act->name);
		}
		return act->run(argv + 2);
	}
	errno = ENOENT;
	return broken(argc > 1 ? argv[1] : "no act named");
}

#endif
