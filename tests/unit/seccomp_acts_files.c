/* SPDX-License-Identifier: Apache-2.0 */
/* Set-id bits and devices. Run in an empty directory. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "seccomp_acts.h"

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

/* The act has to have done what it answers: a set-id bit that is there, or not. */
static int bits_of(const char *path, long result, mode_t bits)
{
	struct stat st;

	if (result < 0)
		return errno;
	if (lstat(path, &st) < 0)
		return errno;
	unlink(path);
	return (st.st_mode & bits) == bits ? 0 : EBADMSG;
}

static int fresh(const char *path)
{
	unlink(path);
	return open(path, O_RDWR | O_CREAT, 0600);
}

static int act_chmod(void)
{
	close(fresh("f"));
	return bits_of("f", chmod("f", 04755), S_ISUID);
}

static int act_chmod_setgid(void)
{
	close(fresh("f"));
	return bits_of("f", chmod("f", 02755), S_ISGID);
}

static int act_chmod_plain(void)
{
	close(fresh("f"));
	return bits_of("f", chmod("f", 0755), 0755);
}

static int act_fchmod(void)
{
	int fd = fresh("f");

	return bits_of("f", fchmod(fd, 04755), S_ISUID);
}

static int act_fchmodat(void)
{
	close(fresh("f"));
	return bits_of("f", fchmodat(AT_FDCWD, "f", 04755, 0), S_ISUID);
}

static int act_fchmodat2(void)
{
	close(fresh("f"));
	return bits_of("f", syscall(SYS_fchmodat2, AT_FDCWD, "f", 04755, 0), S_ISUID);
}

static int act_create(void)
{
	unlink("f");
	return bits_of("f", open("f", O_WRONLY | O_CREAT, 04755), S_ISUID);
}

static int act_create_with_high_bits(void)
{
	unlink("f");
	return bits_of("f",
		syscall(SYS_openat, AT_FDCWD, "f", (1L << 32) | O_WRONLY | O_CREAT,
			(1L << 40) | 04755),
		S_ISUID);
}

static int act_open_with_stray_mode(void)
{
	close(fresh("f"));
	return bits_of("f", syscall(SYS_openat, AT_FDCWD, "f", O_RDONLY, 06755), 0600);
}

static int act_unnamed_file(void)
{
	int fd = open(".", O_TMPFILE | O_WRONLY, 04755);
	struct stat st;

	if (fd < 0)
		return errno;
	return fstat(fd, &st) == 0 && (st.st_mode & S_ISUID) ? 0 : EBADMSG;
}

static int act_mknod(void)
{
	unlink("f");
	return bits_of("f", mknod("f", S_IFREG | 04755, 0), S_ISUID);
}

/* A device 0:0 of this kind is what any user may make: a whiteout. */
static int act_mknod_whiteout(void)
{
	unlink("f");
	return bits_of("f", mknod("f", S_IFCHR, makedev(0, 0)), S_IFCHR);
}

static int act_mkfifo(void)
{
	unlink("f");
	return bits_of("f", mkfifo("f", 0644), 0644);
}

static int act_openat2(void)
{
	struct {
		uint64_t flags;
		uint64_t mode;
		uint64_t resolve;
	} how = {O_WRONLY | O_CREAT, 04755, 0};

	unlink("f");
	return bits_of("f", syscall(SYS_openat2, AT_FDCWD, "f", &how, sizeof(how)), S_ISUID);
}

static int act_lease(void)
{
	int fd = open("f", O_RDONLY | O_CREAT, 0644);

	return fcntl(fd, F_SETLEASE, F_RDLCK) < 0 ? errno : 0;
}

static int act_lock(void)
{
	struct flock lock = {.l_type = F_WRLCK};

	return fcntl(open("f", O_RDWR | O_CREAT, 0644), F_SETLK, &lock) < 0 ? errno : 0;
}

const struct seccomp_act file_acts[] = {
	{"chmod 4755", act_chmod, UNDER_BOTH, EPERM, {0}},
	{"chmod 2755", act_chmod_setgid, UNDER_BOTH, EPERM, {0}},
	{"fchmod 4755", act_fchmod, UNDER_BOTH, EPERM, {0}},
	{"fchmodat 4755", act_fchmodat, UNDER_BOTH, EPERM, {0}},
	{"fchmodat2 4755", act_fchmodat2, UNDER_BOTH, EPERM, {0, ENOSYS}},
	{"open 4755", act_create, UNDER_BOTH, EPERM, {0}},
	{"open 4755, high bits set", act_create_with_high_bits, UNDER_BOTH, EPERM, {0}},
	{"O_TMPFILE 4755", act_unnamed_file, UNDER_BOTH, EPERM, {0, EOPNOTSUPP}},
	{"mknod 4755", act_mknod, UNDER_BOTH, EPERM, {0}},
	{"mknod device", act_mknod_whiteout, UNDER_BOTH, EPERM, {0}},
	{"lease", act_lease, UNDER_BOTH, EINVAL, {0}},
	{"openat2 4755", act_openat2, UNDER_BOTH, ENOSYS, {0}},
	/* The filter must not be what stops these. */
	{"chmod 0755", act_chmod_plain, UNDER_BOTH, 0, {0}},
	{"open with a stray mode", act_open_with_stray_mode, UNDER_BOTH, 0, {0}},
	{"lock", act_lock, UNDER_BOTH, 0, {0}},
	{"mkfifo", act_mkfifo, UNDER_BOTH, 0, {0}},
};
const size_t file_act_count = sizeof(file_acts) / sizeof(file_acts[0]);
