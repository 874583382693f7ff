/* SPDX-License-Identifier: Apache-2.0 */
#include "macos/apply/record.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define VERSION 0x6b7265636f726401ull

/* Locked, and still the file that has the name. */
static int lock(int fd)
{
	struct stat st;

	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return -EPERM;
	return st.st_nlink == 1 ? 0 : -EAGAIN;
}

int record_make(const char *path, bool machine, int *ret_fd)
{
	autofd int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return -errno;
	r = lock(fd);
	if (r == 0)
		r = record_write(fd, machine, 0, 0);
	if (r == 0)
		*ret_fd = take_fd(&fd);
	else if (r != -EAGAIN)
		unlink(path);
	return r;
}

int record_take(const char *path, int *ret_fd)
{
	autofd int fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int r = fd < 0 ? -errno : lock(fd);

	if (r == 0)
		*ret_fd = take_fd(&fd);
	return r;
}

int record_read(int fd, struct record *ret)
{
	struct record record;
	ssize_t got = pread(fd, &record, sizeof(record), 0);

	if (got < 0)
		return -errno;
	if (got != (ssize_t)sizeof(record) || record.version != VERSION || record.machine > 1 ||
		record.process < 0 || record.process > INT32_MAX)
		return -EINVAL;
	*ret = record;
	return 0;
}

int record_write(int fd, bool machine, int process, uint64_t born)
{
	const struct record record = {
		.version = VERSION, .machine = machine, .process = process, .born = born};
	ssize_t put = pwrite(fd, &record, sizeof(record), 0);

	if (put < 0)
		return -errno;
	return put == (ssize_t)sizeof(record) ? 0 : -EIO;
}
