/* SPDX-License-Identifier: Apache-2.0 */
#include "base/remove_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define PREFIX "moved-"
#define NAME_ROOM 32
#define MOST_TAKEN 4096 /* names in a row that the worker has given to something */

static bool is_dot(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

/* A link that takes the directory's place must not lead the change elsewhere. Linux cannot say so
 * of a name; nobody is left there who could put one. */
#ifdef __APPLE__
#define NO_LINK AT_SYMLINK_NOFOLLOW
#else
#define NO_LINK 0
#endif

int remove_open(int beneath, const char *name)
{
	struct stat st;
	int fd = openat(beneath, name, OPEN_DIRECTORY);

	if (fd >= 0 || errno != EACCES || fstatat(beneath, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		!S_ISDIR(st.st_mode) || fchmodat(beneath, name, 0700, NO_LINK) < 0)
		return fd;
	return openat(beneath, name, OPEN_DIRECTORY);
}

/* "moved-" and the number, its last digit first. */
static void put_name(char room[static NAME_ROOM], unsigned number)
{
	size_t len = sizeof(PREFIX) - 1;

	memcpy(room, PREFIX, len);
	do {
		room[len++] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	room[len] = '\0';
}

/* Under a name that nothing in the top has: an empty directory of that name is replaced. */
static bool move_up(int directory, int top, const char *name)
{
	static unsigned number;
	char moved[NAME_ROOM];

	for (int i = 0; i < MOST_TAKEN; i++) {
		put_name(moved, number++);
		if (renameat(directory, name, top, moved) == 0)
			return true;
		if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
			return false;
	}
	return false;
}

int remove_name(int directory, int top, const char *name, bool *stuck)
{
	int fd;

	if (is_dot(name) || unlinkat(directory, name, 0) == 0 ||
		unlinkat(directory, name, AT_REMOVEDIR) == 0)
		return -1;
	fd = remove_open(directory, name);
	if (fd < 0) {
		*stuck = true;
		return -1;
	}
	if (directory == top)
		return fd;
	/* Where it is to be moved, its ".." is changed, for which its owner needs the right. */
	fchmod(fd, 0700);
	close(fd);
	*stuck |= !move_up(directory, top, name);
	return -1;
}

/* One directory of the top after the other: its files go, what is in it moves up beside it, and
 * then it is empty and goes with the next look. */
void remove_tree(int top, remove_names *each)
{
	bool stuck = false;

	while (top >= 0 && !stuck) {
		int next;

		fchmod(top, 0700);
		next = each(top, top, &stuck);
		if (next < 0)
			break;
		fchmod(next, 0700);
		each(next, top, &stuck);
		close(next);
	}
	if (top >= 0)
		close(top);
}
