/* SPDX-License-Identifier: Apache-2.0 */
/* One function a kind of SPEC_MOUNT. Each mount has its attributes before it can be seen anywhere,
 * and is attached by descriptor. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/init/native_parts.h"
#include "linux/init/tree.h"

#define PROC_ATTRIBUTES (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)
#define DEV_SIZE 65536 /* for directories and places, which take no pages; nobody writes there */
#define EMPTY_SIZE 4096

static const char *path_of(const struct spec_mount *mount)
{
	return (const char *)(mount + 1);
}

static const char *source_of(const struct spec_mount *mount)
{
	const char *path = path_of(mount);

	return path + strlen(path) + 1;
}

/* At the place of the path, made where it is missing. Takes the tree in any case. */
static int attach(const struct native_root *root, const char *path, int tree)
{
	struct stat st;
	int place, r;

	if (tree < 0)
		return tree;
	r = fstat(tree, &st) < 0 ? -errno : S_ISLNK(st.st_mode) ? -ELOOP : 0;
	place = r < 0 ? r : place_make(root, path, S_ISDIR(st.st_mode));
	r = place < 0 ? place : tree_attach(tree, place);
	if (place >= 0)
		close(place);
	close(tree);
	return r;
}

static int attach_restricted(
	const struct native_root *root, const char *path, int tree, uint64_t attributes)
{
	int r = tree < 0 ? tree : tree_restrict(tree, attributes);

	if (r < 0 && tree >= 0)
		close(tree);
	return r < 0 ? r : attach(root, path, tree);
}

/* Parts of /proc are shown from the jail's own. */
static int bind_host(struct native_root *root, const struct spec_mount *mount)
{
	const char *source = source_of(mount);
	bool own = strncmp(source, "/proc/", 6) == 0 && root->proc >= 0;
	int tree = own ? tree_copy(root->proc, source + 6) : tree_copy(AT_FDCWD, source);

	return attach_restricted(root, path_of(mount), tree, TREE_PLAIN | MOUNT_ATTR_RDONLY);
}

/* The object of the slot as it is mounted in this mount namespace: found by the name that the
 * kernel has for it, and taken only if it is the same object. */
static int find_again(int slot)
{
	static const char prefix[] = "/proc/self/fd/";
	const struct open_how how = {.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
	char link[sizeof(prefix) + NUMBER_TEXT];
	char name[KS_MAX_PATH + 1];
	struct stat wanted, found;
	ssize_t len;
	int fd;

	memcpy(link, prefix, sizeof(prefix));
	number_text((uint64_t)slot, link + sizeof(prefix) - 1);
	len = readlink(link, name, sizeof(name));
	if (len < 0 || len == (ssize_t)sizeof(name))
		return len < 0 ? -errno : -ENAMETOOLONG;
	name[len] = '\0';
	fd = (int)syscall(SYS_openat2, AT_FDCWD, name, &how, sizeof(how));
	if (fd < 0)
		return -errno;
	if (fstat(slot, &wanted) < 0 || fstat(fd, &found) < 0 || wanted.st_dev != found.st_dev ||
		wanted.st_ino != found.st_ino) {
		close(fd);
		return -ESTALE;
	}
	return fd;
}

static int bind_grant(struct native_root *root, const struct spec_mount *mount)
{
	uint64_t attributes = mount->flags & SPEC_MOUNT_WRITABLE ? TREE_PLAIN
								 : TREE_PLAIN | MOUNT_ATTR_RDONLY;
	int slot = (int)mount->slot;
	int object, tree;

	/* Made, with its attributes, by somebody with more privileges. */
	if (!root->by_name)
		return attach(root, path_of(mount), fcntl(slot, F_DUPFD_CLOEXEC, 3));
	object = find_again(slot);
	if (object < 0)
		return object;
	tree = tree_copy(object, "");
	close(object);
	return attach_restricted(root, path_of(mount), tree, attributes);
}

/* Covers what is there with another mount of *shared, which is the first of its kind where there is
 * none yet. What is not there needs no cover. */
static int cover(struct native_root *root, const char *path, int *shared, int first)
{
	int place = place_find(root, path);
	int tree = *shared < 0 ? first : tree_copy(*shared, "");
	int r = place < 0 ? place : tree < 0 ? tree : tree_attach(tree, place);

	if (place >= 0)
		close(place);
	if (r == 0 && *shared < 0)
		*shared = tree;
	else if (tree >= 0)
		close(tree);
	return place == -ENOENT ? 0 : r;
}

/* A device, as reading the covered file is to find it empty and not to be an error. */
static int mask_file(struct native_root *root, const struct spec_mount *mount)
{
	int first = -1;

	if (root->null < 0) {
		first = tree_copy(AT_FDCWD, "/dev/null");
		if (first >= 0 && tree_restrict(first, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
							       MOUNT_ATTR_NOEXEC) < 0) {
			close(first);
			return -errno;
		}
	}
	return cover(root, path_of(mount), &root->null, first);
}

static int mask_directory(struct native_root *root, const struct spec_mount *mount)
{
	int first = -1;

	if (root->empty < 0)
		first = tree_new_tmpfs(0555, EMPTY_SIZE, PROC_ATTRIBUTES | MOUNT_ATTR_RDONLY);
	return cover(root, path_of(mount), &root->empty, first);
}

static int copy_text(int from, int to)
{
	char text[4096];
	off_t at = 0;
	ssize_t len;

	while ((len = pread(from, text, sizeof(text), at)) > 0) {
		if (write(to, text, (size_t)len) != len)
			return errno ? -errno : -EIO;
		at += len;
	}
	return len < 0 ? -errno : 0;
}

/* A file of the root itself, which becomes read-only with it. */
static int write_data(struct native_root *root, const struct spec_mount *mount)
{
	const char *name;
	int parent = place_parent(root, path_of(mount), &name);
	int file, r;

	if (parent < 0)
		return parent;
	file = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
	r = file < 0 ? -errno : copy_text((int)mount->slot, file);
	if (file >= 0)
		close(file);
	close(parent);
	return r;
}

static int make_link(struct native_root *root, const struct spec_mount *mount)
{
	const char *name;
	int parent = place_parent(root, path_of(mount), &name);
	int r;

	if (parent < 0)
		return parent;
	r = symlinkat(source_of(mount), parent, name) < 0 ? -errno : 0;
	close(parent);
	return r;
}

static int mount_tmpfs(struct native_root *root, const struct spec_mount *mount)
{
	int tree = tree_new_tmpfs(mount->mode, mount->size, TREE_PLAIN);
	int r = tree < 0 ? tree : place_own(root, tree);

	if (r < 0 && tree >= 0)
		close(tree);
	return r < 0 ? r : attach(root, path_of(mount), tree);
}

static int mount_proc(struct native_root *root, const struct spec_mount *mount)
{
	int tree = tree_new("proc", NULL, PROC_ATTRIBUTES);

	if (tree < 0)
		return tree;
	root->proc = fcntl(tree, F_DUPFD_CLOEXEC, 3);
	if (root->proc < 0) {
		close(tree);
		return -errno;
	}
	return attach(root, path_of(mount), tree);
}

static int mount_dev(struct native_root *root, const struct spec_mount *mount, const char **name)
{
	int tree = tree_new_tmpfs(0755, DEV_SIZE, TREE_PLAIN);
	int r;

	if (tree < 0)
		return tree;
	root->device_directory = fcntl(tree, F_DUPFD_CLOEXEC, 3);
	if (root->device_directory < 0) {
		close(tree);
		return -errno;
	}
	/* First it has to be somewhere, or nothing could be mounted in it. */
	r = attach(root, path_of(mount), tree);
	return r < 0 ? r : devices_fill(root->device_directory, name);
}

static int make(struct native_root *root, const struct spec_mount *mount, const char **part)
{
	switch (mount->kind) {
	case SPEC_MOUNT_BIND_HOST:
		return bind_host(root, mount);
	case SPEC_MOUNT_BIND_GRANT:
		return bind_grant(root, mount);
	case SPEC_MOUNT_MASK_FILE:
		return mask_file(root, mount);
	case SPEC_MOUNT_MASK_DIRECTORY:
		return mask_directory(root, mount);
	case SPEC_MOUNT_DATA:
		return write_data(root, mount);
	case SPEC_MOUNT_LINK:
		return make_link(root, mount);
	case SPEC_MOUNT_TMPFS:
		return mount_tmpfs(root, mount);
	case SPEC_MOUNT_PROC:
		return mount_proc(root, mount);
	case SPEC_MOUNT_DEV:
		return mount_dev(root, mount, part);
	default:
		return -EBADMSG;
	}
}

int mount_one(struct native_root *root, const struct spec_mount *mount, struct failure *failure)
{
	const char *part = NULL;
	int r = make(root, mount, &part);

	if (r == 0)
		return 0;
	failure_set(failure, -r, mount->kind == SPEC_MOUNT_BIND_GRANT ? "grant" : "mount",
		path_of(mount));
	if (part) {
		failure_add(failure, "/");
		failure_add(failure, part);
	}
	return r;
}
