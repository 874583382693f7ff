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
#include "linux/init/tree.h"

/* One component, or a whole path; it stays beneath and crosses no link. */
static int open_beneath(int directory, const char *path, uint64_t flags)
{
	const struct open_how how = {.flags = flags | O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
	long fd = syscall(SYS_openat2, directory, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/* An O_PATH descriptor of what is there. */
static int find(const struct native_root *root, const char *path)
{
	return open_beneath(root->fd, place_relative(path), 0);
}

int place_own(struct native_root *root, const char *path)
{
	struct stat st;

	if (fstatat(root->fd, place_relative(path), &st, 0) < 0)
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

/* Down to the directory with a path of that length, made where it is missing. */
static int walk(const struct native_root *root, const char *path, size_t len)
{
	const char *at = path + 1;
	int directory = open_beneath(root->fd, ".", O_DIRECTORY);

	while (directory >= 0 && at < path + len) {
		size_t part = strcspn(at, "/");
		char name[NAME_MAX + 1];
		int next = -ENAMETOOLONG;

		if (part <= NAME_MAX) {
			memcpy(name, at, part);
			name[part] = '\0';
			next = enter(root, directory, name);
		}
		close(directory);
		directory = next;
		at += part + 1;
	}
	return directory;
}

static bool is_last_parent(const struct native_root *root, const char *path, size_t len)
{
	return root->parent.fd >= 0 && root->parent.len == len &&
	       memcmp(root->parent.path, path, len) == 0;
}

/* What is mounted over the last parent since, if anything, was mounted by its path, so that the
 * parent of that is the last one by now. */
int place_parent(struct native_root *root, const char *path, const char **ret_name)
{
	const char *name = strrchr(path, '/') + 1;
	size_t len = (size_t)(name - path) - 1;
	int directory, r;

	*ret_name = name;
	if (is_last_parent(root, path, len))
		return root->parent.fd;
	directory = walk(root, path, len);
	if (directory < 0)
		return directory;
	r = check_own(root, directory);
	if (r < 0) {
		close(directory);
		return r;
	}
	if (root->parent.fd >= 0)
		close(root->parent.fd);
	root->parent.fd = directory;
	root->parent.path = path;
	root->parent.len = len;
	return directory;
}

/* 0, or -EEXIST. */
static int make(int parent, const char *name, bool directory)
{
	int r = directory ? mkdirat(parent, name, 0755) : mknodat(parent, name, S_IFREG | 0444, 0);

	return r < 0 ? -errno : 0;
}

/* What is there already is looked for without following a link. */
static int attach_over(const struct native_root *root, const char *path, int tree)
{
	int place = find(root, path);
	int r = place < 0 ? place : tree_attach(tree, place);

	if (place >= 0)
		close(place);
	return r;
}

int place_attach(struct native_root *root, const char *path, int tree, bool directory)
{
	const char *name = path;
	int parent = path[1] ? place_parent(root, path, &name) : -EXDEV;
	int r = parent < 0 ? parent : make(parent, name, directory);

	if (r == 0)
		return tree_attach_at(tree, parent, name);
	if (r != -EEXIST && r != -EXDEV)
		return r;
	r = attach_over(root, path, tree);
	return r == -ENOENT && parent < 0 ? parent : r;
}

static int place(struct native_root *root, const char *path, bool directory)
{
	const char *name;
	int parent = place_parent(root, path, &name);
	int r = parent < 0 ? parent : make(parent, name, directory);
	int found;

	if (r != -EEXIST && r != -EXDEV)
		return r;
	found = find(root, path);
	if (found >= 0)
		close(found);
	/* In what is somebody else's, a name can lead elsewhere the next time. */
	return found < 0 && found != -ENOENT ? found : r == -EXDEV ? r : 0;
}

int place_directory(struct native_root *root, const char *path)
{
	return place(root, path, true);
}

int place_file(struct native_root *root, const char *path)
{
	return place(root, path, false);
}
