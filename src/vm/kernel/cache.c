/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/kernel/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "vm/kernel/cache_room.h"

static bool is_own(int fd, mode_t type)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == type && st.st_uid == geteuid() &&
	       !(st.st_mode & (S_IWGRP | S_IWOTH));
}

/* Where the directory is. false: nowhere, as the environment names no place. */
static bool place(char path[PATH_MAX])
{
	const char *named = secure_getenv("KASTELLAN_CACHE");
	const char *base = secure_getenv("XDG_CACHE_HOME");
	const char *home = secure_getenv("HOME");
	int len;

	if (named)
		len = snprintf(path, PATH_MAX, "%s", named);
	else if (base && base[0] == '/')
		len = snprintf(path, PATH_MAX, "%s/kastellan/vm", base);
	else if (home && home[0] == '/')
		len = snprintf(path, PATH_MAX, "%s/.cache/kastellan/vm", home);
	else
		return false;
	return len < PATH_MAX && path[0] == '/';
}

/* Each missing directory, for this user alone. */
static void make_directories(const char *path)
{
	char part[PATH_MAX];

	for (const char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
		memcpy(part, path, (size_t)(at - path));
		part[at - path] = '\0';
		if (mkdir(part, 0700) < 0 && errno != EEXIST)
			return;
	}
	/* Whether it is there is seen when it is opened. */
	(void)!mkdir(path, 0700);
}

int cache_directory(void)
{
	char path[PATH_MAX];
	autofd int fd = -1;

	if (!place(path))
		return -ENOENT;
	make_directories(path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return is_own(fd, S_IFDIR) ? take_fd(&fd) : -EPERM;
}

int cache_open(int cache, const char *name)
{
	autofd int fd = openat(cache, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return is_own(fd, S_IFREG) ? take_fd(&fd) : -EPERM;
}

/* One process at a time, so that no name that has been made anew is taken for the old one; nobody
 * waits for that, as the next who writes does it, too. */
static int make_room(int cache, const char *name, size_t len)
{
	int r;

	if (flock(cache, LOCK_EX | LOCK_NB) < 0)
		return 0;
	r = cache_make_room(cache, name, len);
	flock(cache, LOCK_UN);
	return r;
}

/* A file without a name, which is nobody's as long as it is not complete. */
int cache_store(int cache, const char *name, const void *data, size_t len)
{
	autofd int fd = openat(cache, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0444);
	char link[64];
	int r;

	if (fd < 0)
		return -errno;
	r = file_write_all(fd, data, len);
	/* What a lost machine cuts off must not have the name. */
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r == 0)
		r = make_room(cache, name, len);
	if (r < 0)
		return r;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, link, cache, name, AT_SYMLINK_FOLLOW) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}
