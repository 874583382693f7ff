// SPDX-License-Identifier: Apache-2.0
/* Acts on what standard input is, as a way to something else. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "verdict.h"

#define ACT(name) static int name(char **args __attribute__((unused)))

static int opened(int fd)
{
	char byte;

	if (fd < 0)
		return denied(errno);
	if (read(fd, &byte, 1) < 0 && errno != EBADF)
		return denied(errno);
	return allowed("opened");
}

/* Standard input is a directory: names beneath it and above. */
ACT(do_open_at)
{
	return opened(openat(0, args[0], O_RDONLY | O_CLOEXEC));
}

ACT(do_write_at)
{
	return opened(openat(0, args[0], O_WRONLY | O_CLOEXEC));
}

ACT(do_create_at)
{
	return opened(openat(0, args[0], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
}

ACT(do_chmod_at)
{
	return judge(fchmodat(0, args[0], 0600, 0));
}

ACT(do_utime_at)
{
	struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

	return judge(utimensat(0, args[0], times, 0));
}

ACT(do_unlink_at)
{
	return judge(unlinkat(0, args[0], 0));
}

ACT(do_stat_at)
{
	struct stat st;

	return judge(fstatat(0, args[0], &st, 0));
}

ACT(do_enter)
{
	if (fchdir(0) < 0)
		return denied(errno);
	return opened(open(args[0], O_RDONLY | O_CLOEXEC));
}

ACT(do_execute_at)
{
	char *argv[] = {args[0], NULL}, *envp[] = {NULL};

	execveat(0, args[0], argv, envp, 0);
	return denied(errno);
}

ACT(do_setxattr_at)
{
	char path[256];

	snprintf(path, sizeof(path), "/proc/self/fd/0/%s", args[0]);
	return judge(setxattr(path, "user.kastellan", "x", 1, 0));
}

/* Standard input is a file that was opened for reading. */
ACT(do_reopen)
{
	return opened(open("/proc/self/fd/0", O_WRONLY | O_CLOEXEC));
}

ACT(do_truncate)
{
	return opened(open("/proc/self/fd/0", O_RDONLY | O_TRUNC | O_CLOEXEC));
}

ACT(do_link_out)
{
	return judge(linkat(AT_FDCWD, "/proc/self/fd/0", AT_FDCWD, args[0], AT_SYMLINK_FOLLOW));
}

ACT(do_sibling)
{
	/* From a file to what lies beside it. */
	char path[512];

	snprintf(path, sizeof(path), "/proc/self/fd/0/../%s", args[0]);
	return opened(open(path, O_RDONLY | O_CLOEXEC));
}

static const struct act acts[] = {
	{"open_at", do_open_at, 1},
	{"write_at", do_write_at, 1},
	{"create_at", do_create_at, 1},
	{"chmod_at", do_chmod_at, 1},
	{"utime_at", do_utime_at, 1},
	{"unlink_at", do_unlink_at, 1},
	{"stat_at", do_stat_at, 1},
	{"enter", do_enter, 1},
	{"execute_at", do_execute_at, 1},
	{"setxattr_at", do_setxattr_at, 1},
	{"reopen", do_reopen, 0},
	{"truncate", do_truncate, 0},
	{"link_out", do_link_out, 1},
	{"sibling", do_sibling, 1},
	{NULL, NULL, 0},
};

int main(int argc, char **argv)
{
	return perform(acts, argc, argv);
}
