// SPDX-License-Identifier: Apache-2.0
/* Every way to make a file that runs as its owner or group. The path is a file that exists for the
 * chmod family, else a new name. What comes out is looked at: a call that says yes and drops the
 * bit has denied it as well. */
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>

#include "verdict.h"

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

#define ACT(name) static int name(char **args)
#define SET_ID (S_ISUID | S_ISGID)

static int look(const char *path, long result)
{
	struct stat st;

	if (result < 0)
		return denied(errno);
	if (stat(path, &st) < 0)
		return broken("stat");
	if (!(st.st_mode & SET_ID)) {
		printf("the bit was dropped\n");
		return denied(EPERM);
	}
	return allowed("a set-id file");
}

ACT(do_chmod_uid)
{
	return look(args[0], chmod(args[0], 04755));
}

ACT(do_chmod_gid)
{
	return look(args[0], chmod(args[0], 02755));
}

ACT(do_chmod_high)
{
	/* The kernel looks at 16 bits of a mode: one set above must not lead the filter astray. */
	return look(args[0], syscall(SYS_fchmodat, AT_FDCWD, args[0], 0x100000000UL | 04755));
}

ACT(do_fchmod_uid)
{
	int fd = open(args[0], O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return broken(args[0]);
	return look(args[0], fchmod(fd, 04755));
}

ACT(do_fchmodat)
{
	return look(args[0], syscall(SYS_fchmodat, AT_FDCWD, args[0], 04755));
}

ACT(do_fchmodat2)
{
	return look(args[0], syscall(SYS_fchmodat2, AT_FDCWD, args[0], 04755, 0));
}

ACT(do_open_uid)
{
	return look(args[0], open(args[0], O_WRONLY | O_CREAT | O_CLOEXEC, 04755));
}

ACT(do_openat_gid)
{
	return look(args[0], openat(AT_FDCWD, args[0], O_WRONLY | O_CREAT | O_CLOEXEC, 02755));
}

ACT(do_openat2)
{
	uint64_t how[3] = {O_WRONLY | O_CREAT | O_CLOEXEC, 04755, 0};

	return look(args[0], syscall(SYS_openat2, AT_FDCWD, args[0], how, sizeof(how)));
}

ACT(do_creat)
{
	return look(args[0], creat(args[0], 04755));
}

ACT(do_tmpfile)
{
	char name[64];
	int fd = open(args[1], O_RDWR | O_TMPFILE | O_CLOEXEC, 04755);

	if (fd < 0)
		return denied(errno);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, name, AT_FDCWD, args[0], AT_SYMLINK_FOLLOW) < 0)
		return broken("linkat");
	return look(args[0], 0);
}

ACT(do_mknod)
{
	return look(args[0], mknod(args[0], S_IFREG | 04755, 0));
}

ACT(do_mknodat)
{
	return look(args[0], mknodat(AT_FDCWD, args[0], S_IFREG | 02755, 0));
}

ACT(do_mkdir)
{
	/* The bits of mkdir(2) are masked by some file systems; a directory's are set by chmod. */
	long result = mkdir(args[0], 0755);

	return look(args[0], result < 0 ? result : chmod(args[0], 02755));
}

static const struct act acts[] = {
	{"chmod_uid", do_chmod_uid, 1},
	{"chmod_gid", do_chmod_gid, 1},
	{"chmod_high", do_chmod_high, 1},
	{"fchmod", do_fchmod_uid, 1},
	{"fchmodat", do_fchmodat, 1},
	{"fchmodat2", do_fchmodat2, 1},
	{"open", do_open_uid, 1},
	{"openat", do_openat_gid, 1},
	{"openat2", do_openat2, 1},
	{"creat", do_creat, 1},
	{"tmpfile", do_tmpfile, 2},
	{"mknod", do_mknod, 1},
	{"mknodat", do_mknodat, 1},
	{"mkdir", do_mkdir, 1},
	{NULL, NULL, 0},
};

int main(int argc, char **argv)
{
	return perform(acts, argc, argv);
}
