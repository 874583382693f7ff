/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's own directory. At its removal every name in it may be one that the worker chose. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "macos/warden/warden.h"

#define ATTEMPTS 3
#define OPEN_DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

int directory_make(const char *path)
{
	return mkdir(path, 0700) < 0 ? -errno : 0;
}

static bool is_dot(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

/* A directory that the worker has closed to itself is opened again. */
static int open_child(int directory, const char *name)
{
	struct stat st;
	int fd = openat(directory, name, OPEN_DIRECTORY);

	if (fd >= 0 || errno != EACCES || fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		!S_ISDIR(st.st_mode) || fchmodat(directory, name, 0700, 0) < 0)
		return fd;
	return openat(directory, name, OPEN_DIRECTORY);
}

/* Removes what is no directory, or an empty one. Returns the first other directory, opened, or -1.
 * *ret_stuck: something is left that cannot be removed. */
static int empty_out(int directory, bool *ret_stuck)
{
	int copy = openat(directory, ".", OPEN_DIRECTORY);
	DIR *stream = copy < 0 ? NULL : fdopendir(copy);
	int found = -1;

	*ret_stuck = !stream;
	if (!stream && copy >= 0)
		close(copy);
	fchmod(directory, 0700);
	for (struct dirent *entry; stream && found < 0 && (entry = readdir(stream));) {
		if (is_dot(entry->d_name) || unlinkat(directory, entry->d_name, 0) == 0 ||
			unlinkat(directory, entry->d_name, AT_REMOVEDIR) == 0)
			continue;
		found = open_child(directory, entry->d_name);
		*ret_stuck |= found < 0;
	}
	if (stream)
		closedir(stream);
	return found;
}

/* Down into the first directory that is not empty, up again once it is, and from the start there:
 * what is in front has gone by then. */
static void remove_tree(int directory)
{
	unsigned depth = 0;

	while (directory >= 0) {
		bool stuck;
		int next = empty_out(directory, &stuck);

		if (next >= 0) {
			depth++;
		} else if (depth == 0 || stuck) {
			/* Nothing above it can be removed either. */
			break;
		} else {
			depth--;
			next = openat(directory, "..", OPEN_DIRECTORY);
		}
		close(directory);
		directory = next;
	}
	if (directory >= 0)
		close(directory);
}

int directory_remove(const char *path)
{
	struct stat st;

	if (rmdir(path) == 0 || errno == ENOENT)
		return 0;
	if (lstat(path, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid())
		return -ENOTDIR;
	/* A name that goes may hide another from whoever reads the directory just then. */
	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		remove_tree(open_child(AT_FDCWD, path));
		if (rmdir(path) == 0)
			return 0;
	}
	return -errno;
}
