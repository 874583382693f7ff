/* SPDX-License-Identifier: Apache-2.0 */
#include "base/remove_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static bool is_dot(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

int remove_open(int beneath, const char *name)
{
	struct stat st;
	int fd = openat(beneath, name, OPEN_DIRECTORY);

	if (fd >= 0 || errno != EACCES || fstatat(beneath, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		!S_ISDIR(st.st_mode) || fchmodat(beneath, name, 0700, 0) < 0)
		return fd;
	return openat(beneath, name, OPEN_DIRECTORY);
}

int remove_name(int directory, const char *name, bool *stuck)
{
	int fd;

	if (is_dot(name) || unlinkat(directory, name, 0) == 0 ||
		unlinkat(directory, name, AT_REMOVEDIR) == 0)
		return -1;
	fd = remove_open(directory, name);
	*stuck |= fd < 0;
	return fd;
}

/* Down into the first directory that is not empty, up again once it is; a directory is looked
 * through from its start each time, and what is in front has gone by then. */
void remove_tree(int directory, remove_names *each)
{
	unsigned depth = 0;

	while (directory >= 0) {
		bool stuck = false;
		int next;

		fchmod(directory, 0700);
		next = each(directory, &stuck);
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
