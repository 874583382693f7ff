/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/init/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/init/process.h"

static int say(struct failure *failure, int code, uint32_t resource)
{
	static const char *const names[] = {
		[RLIMIT_CPU] = "cpu",
		[RLIMIT_FSIZE] = "fsize",
		[RLIMIT_DATA] = "data",
		[RLIMIT_STACK] = "stack",
		[RLIMIT_CORE] = "core",
		[RLIMIT_RSS] = "rss",
		[RLIMIT_NPROC] = "nproc",
		[RLIMIT_NOFILE] = "nofile",
		[RLIMIT_MEMLOCK] = "memlock",
		[RLIMIT_AS] = "as",
		[RLIMIT_LOCKS] = "locks",
		[RLIMIT_SIGPENDING] = "sigpending",
		[RLIMIT_MSGQUEUE] = "msgqueue",
		[RLIMIT_NICE] = "nice",
		[RLIMIT_RTPRIO] = "rtprio",
		[RLIMIT_RTTIME] = "rttime",
	};

	if (resource < sizeof(names) / sizeof(names[0]) && names[resource])
		return failure_set(failure, code, "rlimit", names[resource]);
	failure_set(failure, code, "rlimit", "resource ");
	failure_add_number(failure, resource);
	return -code;
}

/* A core limit of 0 bytes still starts the host's handler, where cores go to one. */
static bool cores_are_files(void)
{
	char pattern[8];

	return read_small_file(
		       AT_FDCWD, "/proc/sys/kernel/core_pattern", pattern, sizeof(pattern)) > 0 &&
	       pattern[0] != '|' && pattern[0] != '@';
}

/* A caller that is itself held to less holds the worker to as little: less is never more. */
static void lower_to(uint64_t wanted[2], const uint64_t now[2], uint32_t resource)
{
	if (now[1] >= wanted[1] || (resource == RLIMIT_CORE && !cores_are_files()))
		return;
	wanted[1] = now[1];
	if (wanted[0] > wanted[1])
		wanted[0] = wanted[1];
}

int limits_set(const struct spec *spec, struct failure *failure)
{
	const struct spec_rlimit *limit;
	size_t cursor = 0;

	while ((limit = spec_next(spec, SPEC_RLIMIT, &cursor))) {
		uint64_t wanted[2] = {limit->soft, limit->hard};
		uint64_t now[2];

		/* The kernel's own call, whose numbers have 64 bits everywhere. */
		if (syscall(SYS_prlimit64, 0, limit->resource, NULL, now) < 0)
			return say(failure, errno, limit->resource);
		lower_to(wanted, now, limit->resource);
		if (syscall(SYS_prlimit64, 0, limit->resource, wanted, NULL) < 0 ||
			syscall(SYS_prlimit64, 0, limit->resource, NULL, now) < 0)
			return say(failure, errno, limit->resource);
		if (now[0] != wanted[0] || now[1] != wanted[1])
			return say(failure, EDOM, limit->resource);
	}
	return 0;
}
