/* SPDX-License-Identifier: Apache-2.0 */
/* One function a kind of SPEC_MOUNT. Each mount has its attributes before anybody but this process
 * could see it. What comes from the host is attached by descriptor. What is new is mounted by its
 * path from the root, where nobody else has ever made a link: a call instead of eight. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/init/native_parts.h"
#include "linux/init/process.h"
#include "linux/init/tree.h"

#define PROC_ATTRIBUTES (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)
#define EMPTY_ATTRIBUTES (PROC_ATTRIBUTES | MOUNT_ATTR_RDONLY)
#define EMPTY_SIZE 4096
#define NULL_ATTRIBUTES (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC)
#define OPTIONS_TEXT (sizeof("mode=,size=") + (size_t)2 * NUMBER_TEXT)

static const char *path_of(const struct spec_mount *mount)
{
	return (const char *)(mount + 1);
}

static const char *source_of(const struct spec_mount *mount)
{
	const char *path = path_of(mount);

	return path + strlen(path) + 1;
}

/* Takes the tree in any case. */
static int attach(struct native_root *root, const char *path, int tree, uint64_t attributes)
{
	struct stat st;
	int r = tree;

	if (tree < 0)
		return tree;
	r = attributes ? tree_restrict(tree, attributes) : 0;
	if (r == 0)
		r = fstat(tree, &st) < 0 ? -errno : S_ISLNK(st.st_mode) ? -ELOOP : 0;
	if (r == 0)
		r = place_attach(root, path, tree, S_ISDIR(st.st_mode));
	close(tree);
	return r;
}

/* Parts of /proc are shown from the jail's own. */
static bool is_of_proc(const struct spec_mount *mount)
{
	return mount->kind == SPEC_MOUNT_BIND_HOST && strncmp(source_of(mount), "/proc/", 6) == 0;
}

static int bind_host(struct native_root *root, const struct spec_mount *mount)
{
	const char *source = source_of(mount);
	bool own = is_of_proc(mount) && root->proc >= 0;
	int tree = own ? tree_copy(root->proc, source + 6) : tree_copy(AT_FDCWD, source);

	return attach(root, path_of(mount), tree, TREE_PLAIN | MOUNT_ATTR_RDONLY);
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
		return attach(root, path_of(mount), fcntl(slot, F_DUPFD_CLOEXEC, 3), 0);
	object = find_again(slot);
	if (object < 0)
		return object;
	tree = tree_copy(object, "");
	close(object);
	return attach(root, path_of(mount), tree, attributes);
}

/* Its mode and times are the host's, and stay as they are; what it does is done all the same. */
static int bind_device(struct native_root *root, const struct spec_mount *mount)
{
	struct stat st;
	int tree = tree_copy(AT_FDCWD, source_of(mount));

	if (tree >= 0 && (fstat(tree, &st) < 0 || !S_ISCHR(st.st_mode))) {
		close(tree);
		return -ENODEV;
	}
	return attach(root, path_of(mount), tree,
		MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
}

/* Covers what is there, if anything is. Takes the tree in any case. */
static int cover_first(
	const struct native_root *root, const char *path, const char **ret_covered, int tree)
{
	int r = tree < 0 ? tree : tree_attach_at(tree, root->fd, place_relative(path));

	if (tree >= 0)
		close(tree);
	if (r == 0)
		*ret_covered = path;
	return r == -ENOENT ? 0 : r;
}

/* The same by another mount of what covers the first one, with its attributes. */
static int cover_alike(const char *path, const char *covered)
{
	int r = mount(place_relative(covered), place_relative(path), NULL, MS_BIND, NULL);

	return r < 0 && errno != ENOENT ? -errno : 0;
}

static int restricted(int tree, uint64_t attributes)
{
	int r = tree < 0 ? tree : tree_restrict(tree, attributes);

	if (r < 0 && tree >= 0)
		close(tree);
	return r < 0 ? r : tree;
}

/* A device, as reading the covered file is to find it empty and not to be an error. */
static int null_device(void)
{
	return restricted(tree_copy(AT_FDCWD, "/dev/null"), NULL_ATTRIBUTES);
}

static int empty_directory(void)
{
	return tree_new_tmpfs(0555, EMPTY_SIZE, EMPTY_ATTRIBUTES);
}

static int mask_file(struct native_root *root, const struct spec_mount *mount)
{
	const char *path = path_of(mount);

	if (root->covered_file)
		return cover_alike(path, root->covered_file);
	return cover_first(root, path, &root->covered_file, null_device());
}

static int mask_directory(struct native_root *root, const struct spec_mount *mount)
{
	const char *path = path_of(mount);
	int tree = root->empty;

	if (root->covered_directory)
		return cover_alike(path, root->covered_directory);
	root->empty = -1;
	if (tree < 0)
		tree = empty_directory();
	return cover_first(root, path, &root->covered_directory, tree);
}

int mount_cover(const struct native_root *root, const char *path, bool directory)
{
	const char *covered = NULL;

	return cover_first(root, path, &covered, directory ? empty_directory() : null_device());
}

/* A file of the root itself, which becomes read-only with it. */
static int write_data(struct native_root *root, const struct spec_mount *mount)
{
	const char *text = source_of(mount);
	size_t len = strlen(text);
	const char *name;
	int parent = place_parent(root, path_of(mount), &name);
	int file, r = 0;

	if (parent < 0)
		return parent;
	file = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
	if (file < 0)
		return -errno;
	if (write(file, text, len) != (ssize_t)len)
		r = errno ? -errno : -EIO;
	close(file);
	return r;
}

static int make_link(struct native_root *root, const struct spec_mount *mount)
{
	const char *name;
	int parent = place_parent(root, path_of(mount), &name);

	if (parent < 0)
		return parent;
	return symlinkat(source_of(mount), parent, name) < 0 ? -errno : 0;
}

/* "mode=1777,size=1048576"; size 0 is the kernel's default. */
static const char *tmpfs_options(char text[OPTIONS_TEXT], unsigned mode, uint64_t size)
{
	size_t len = sizeof("mode=") - 1;

	memcpy(text, "mode=", len);
	for (int shift = 9; shift >= 0; shift -= 3)
		text[len++] = (char)('0' + (mode >> shift & 7));
	text[len] = '\0';
	if (size) {
		memcpy(text + len, ",size=", sizeof(",size="));
		number_text(size, text + len + sizeof(",size=") - 1);
	}
	return text;
}

static int mount_tmpfs(struct native_root *root, const struct spec_mount *tmpfs)
{
	const char *path = path_of(tmpfs);
	char options[OPTIONS_TEXT];
	int r = place_directory(root, path);

	if (r < 0)
		return r;
	if (mount("tmpfs", place_relative(path), "tmpfs", MS_NOSUID | MS_NODEV,
		    tmpfs_options(options, tmpfs->mode, tmpfs->size)) < 0)
		return -errno;
	return place_own(root, path);
}

/* The place itself, before anything is mounted on it, is the empty directory that covers others. */
static int mount_proc(struct native_root *root, const struct spec_mount *proc)
{
	const char *path = path_of(proc);
	int r = place_directory(root, path);

	if (r < 0)
		return r;
	root->empty = restricted(tree_copy(root->fd, place_relative(path)), EMPTY_ATTRIBUTES);
	if (root->empty < 0)
		return root->empty;
	if (mount("proc", place_relative(path), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return -errno;
	root->proc = openat(root->fd, place_relative(path), O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root->proc < 0 ? -errno : 0;
}

/* A directory of the root with a mount of its own, which costs less than one more file system. */
static int open_dev(struct native_root *root, const char *path)
{
	int r = place_directory(root, path);
	int tree;

	if (r < 0)
		return r;
	tree = tree_copy(root->fd, place_relative(path));
	r = tree < 0 ? tree : tree_attach_at(tree, root->fd, place_relative(path));
	if (r < 0 && tree >= 0)
		close(tree);
	return r < 0 ? r : tree;
}

static int mount_dev(struct native_root *root, const struct spec_mount *dev, const char **name)
{
	const char *path = path_of(dev);
	int directory = root->part == ROOT_OWN
				? openat(root->fd, place_relative(path),
					  O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
				: open_dev(root, path);
	int r;

	if (directory < 0)
		return root->part == ROOT_OWN ? -errno : directory;
	root->dev = path;
	r = root->part == ROOT_OWN ? 0 : devices_fill(directory, name);
	if (r == 0 && root->part != ROOT_SHARED)
		r = devices_add_terminals(directory, name);
	close(directory);
	/* One step went into the directory. */
	if (r == 0 && fchdir(root->fd) < 0)
		r = -errno;
	return r;
}

/* What a jail cannot have in common with others. */
static bool is_own(const struct spec_mount *mount)
{
	switch (mount->kind) {
	case SPEC_MOUNT_DATA:
	case SPEC_MOUNT_LINK:
	case SPEC_MOUNT_DEVICE:
		return false;
	case SPEC_MOUNT_BIND_HOST:
		return is_of_proc(mount);
	default:
		return true;
	}
}

/* In a shared root, for what each jail mounts there. In somebody else's file system it is there
 * already, or is missed when it is mounted on. */
static int make_place(struct native_root *root, const struct spec_mount *mount)
{
	struct stat st;
	int r = 0;

	if (mount->kind == SPEC_MOUNT_PROC || mount->kind == SPEC_MOUNT_TMPFS)
		r = place_directory(root, path_of(mount));
	if (mount->kind == SPEC_MOUNT_BIND_GRANT) {
		if (fstat((int)mount->slot, &st) < 0)
			return -errno;
		r = S_ISDIR(st.st_mode) ? place_directory(root, path_of(mount))
					: place_file(root, path_of(mount));
	}
	return r == -EXDEV || r == -ENOENT ? 0 : r;
}

static int make(struct native_root *root, const struct spec_mount *mount, const char **part)
{
	if (mount->kind == SPEC_MOUNT_DEV)
		return mount_dev(root, mount, part);
	if (root->part == ROOT_SHARED && is_own(mount))
		return make_place(root, mount);
	if (root->part == ROOT_OWN && !is_own(mount))
		return 0;
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
	case SPEC_MOUNT_DEVICE:
		return bind_device(root, mount);
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
