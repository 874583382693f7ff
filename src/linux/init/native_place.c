/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/init/native_parts.h"

/* One component, or a whole path; it stays beneath and crosses no link. */
static int open_beneath(int directory, const char *path, uint64_t flags)
{
	const struct open_how how = {.flags = flags | O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
	long fd = syscall(SYS_openat2, directory, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/* Every path of the plan is absolute. */
static const char *relative(const char *path)
{
	return path[1] ? path + 1 : ".";
}

int place_find(const struct native_root *root, const char *path)
{
	return open_beneath(root->fd, relative(path), 0);
}

int place_own(struct native_root *root, int mount)
{
	struct stat st;

	if (fstat(mount, &st) < 0)
		return -errno;
	if (root->n_own == ROOT_MAX_OWN)
		return -E2BIG;
	root->own[root->n_own++] = st.st_dev;
	return 0;
}

/* What else is mounted in the root is somebody else's, and a name in it may be a trap. */
static int check_own(const struct native_root *root, int directory)
{
	struct stat st;

	if (fstat(directory, &st) < 0)
		return -errno;
	for (unsigned i = 0; i < root->n_own; i++)
		if (st.st_dev == root->own[i])
			return 0;
	return -EXDEV;
}

static int enter(const struct native_root *root, int directory, const char *name)
{
	int fd = open_beneath(directory, name, O_DIRECTORY);
	int r;

	if (fd != -ENOENT)
		return fd;
	r = check_own(root, directory);
	if (r < 0)
		return r;
	if (mkdirat(directory, name, 0755) < 0)
		return -errno;
	return open_beneath(directory, name, O_DIRECTORY);
}

int place_parent(const struct native_root *root, const char *path, const char **ret_name)
{
	const char *at = path + 1;
	int directory = open_beneath(root->fd, ".", O_DIRECTORY);

	for (;;) {
		const char *slash = strchr(at, '/');
		char name[NAME_MAX + 1];
		int next;

		if (directory < 0 || !slash)
			break;
		if (slash - at > NAME_MAX) {
			close(directory);
			return -ENAMETOOLONG;
		}
		memcpy(name, at, (size_t)(slash - at));
		name[slash - at] = '\0';
		next = enter(root, directory, name);
		close(directory);
		directory = next;
		at = slash + 1;
	}
	if (directory >= 0) {
		int r = check_own(root, directory);

		if (r < 0) {
			close(directory);
			return r;
		}
		*ret_name = at;
	}
	return directory;
}

int place_make(const struct native_root *root, const char *path, bool directory)
{
	const char *name;
	int place = place_find(root, path);
	int parent, file;
	int r = 0;

	if (place != -ENOENT)
		return place;
	parent = place_parent(root, path, &name);
	if (parent < 0)
		return parent;
	if (directory) {
		r = mkdirat(parent, name, 0755) < 0 ? -errno : 0;
	} else {
		file = openat(
			parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
		if (file < 0)
			r = -errno;
		else
			close(file);
	}
	place = r < 0 ? r : open_beneath(parent, name, 0);
	close(parent);
	return place;
}
