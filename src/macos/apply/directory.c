/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's own directory. At its removal every name in it may be one that the worker chose. */
#include "macos/apply/directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/remove_tree.h"
#include "macos/apply/patience.h"

#define ATTEMPTS 3

int directory_make(const char *path)
{
	return mkdir(path, 0700) < 0 ? -errno : 0;
}

/* For the reader of names, who is handed nothing else; a caller may have threads. */
static _Thread_local uint64_t remove_until;

static int empty_out(int directory, int top, bool *ret_stuck)
{
	int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = copy < 0 ? NULL : fdopendir(copy);
	int found = -1;

	*ret_stuck = !stream;
	if (!stream && copy >= 0)
		close(copy);
	for (struct dirent *entry; stream && found < 0 && (entry = readdir(stream));) {
		/* Who has left the tree may fill it faster than it is emptied. */
		if (clock_usec() >= remove_until) {
			*ret_stuck = true;
			break;
		}
		found = remove_name(directory, top, entry->d_name, ret_stuck);
	}
	if (stream)
		closedir(stream);
	return found;
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
	remove_until = clock_usec() + DIRECTORY_MS * 1000ull;
	/* A name that goes may hide another from whoever reads the directory just then. */
	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		remove_tree(remove_open(AT_FDCWD, path), empty_out);
		if (rmdir(path) == 0)
			return 0;
	}
	return -errno;
}
