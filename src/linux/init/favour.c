/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/init/favour.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/init/process.h"

#define STEP "favour"
#define QUERY 0xffffffffu
/* Of linux/ioprio.h, which an older build has not. */
#define WHO_PROCESS 1
#define CLASS_OF(told) ((told) >> 13)
#define CLASS_RT 1
#define CLASS_BE 2
#define LEVEL_OF(told) ((told)&7)
#define LEVEL_ORDINARY 4
#define NICE_OFFSET \
	20 /* the kernel's own call tells 20 less the niceness, so that it is positive */

/* A kernel, or a filter of a container's, that has no such call has nothing to give up. */
static int unknown(struct failure *failure, const char *what)
{
	return errno == ENOSYS ? 0 : failure_set(failure, errno, STEP, what);
}

static int leave_real_time(struct failure *failure)
{
	const struct sched_param ordinary = {0};
	long policy = syscall(SYS_sched_getscheduler, 0);

	if (policy < 0)
		return unknown(failure, "the scheduling policy");
	policy &= ~SCHED_RESET_ON_FORK;
	if (policy != SCHED_FIFO && policy != SCHED_RR)
		return 0;
	if (syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &ordinary) < 0)
		return failure_set(failure, errno, STEP, "an ordinary scheduling policy");
	return 0;
}

static int raise_niceness(struct failure *failure)
{
	long told = syscall(SYS_getpriority, PRIO_PROCESS, 0);

	if (told < 0)
		return unknown(failure, "the niceness");
	if (told <= NICE_OFFSET)
		return 0;
	if (syscall(SYS_setpriority, PRIO_PROCESS, 0, 0) < 0)
		return failure_set(failure, errno, STEP, "a niceness of 0");
	return 0;
}

static int lower_io(struct failure *failure)
{
	long told = syscall(SYS_ioprio_get, WHO_PROCESS, 0);
	bool favoured;

	if (told < 0)
		return unknown(failure, "the priority of input and output");
	favoured = CLASS_OF(told) == CLASS_RT ||
		   (CLASS_OF(told) == CLASS_BE && LEVEL_OF(told) < LEVEL_ORDINARY);
	/* None of its own: it then follows the niceness. */
	if (favoured && syscall(SYS_ioprio_set, WHO_PROCESS, 0, 0) < 0)
		return failure_set(
			failure, errno, STEP, "an ordinary priority of input and output");
	return 0;
}

static int take_personality(struct failure *failure)
{
	long told = syscall(SYS_personality, QUERY);

	/* Filters of containers often let it be set to the usual one, and not asked. */
	if (told == PER_LINUX || (told < 0 && (errno == EPERM || errno == ENOSYS)))
		return 0;
	if (syscall(SYS_personality, PER_LINUX) < 0)
		return failure_set(failure, errno, STEP, "the usual personality");
	return 0;
}

/* The files of a process that is not dumpable are root's, which a plain user's is not. */
static int write_score(const char *path, const char *score)
{
	int dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
	int r;

	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	r = write_small_file(AT_FDCWD, path, score);
	prctl(PR_SET_DUMPABLE, dumpable > 0, 0, 0, 0);
	return r;
}

int favour_renounce_sparing(struct failure *failure)
{
	static const char path[] = "/proc/self/oom_score_adj";
	char score[NUMBER_TEXT];
	long len = read_small_file(AT_FDCWD, path, score, sizeof(score));
	int r;

	/* A host without /proc has no jail that this would be needed for. */
	if (len == -ENOENT || (len > 0 && score[0] != '-'))
		return 0;
	r = len < 0 ? (int)len : write_score(path, "0");
	return r < 0 ? failure_set(failure, -r, STEP, path) : 0;
}

int favour_renounce(struct failure *failure)
{
	int r = leave_real_time(failure);

	if (r == 0)
		r = raise_niceness(failure);
	if (r == 0)
		r = lower_io(failure);
	return r < 0 ? r : take_personality(failure);
}
