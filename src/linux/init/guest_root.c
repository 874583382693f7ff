/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's root in a guest. The tree it is made of is finished already, by the host; here is
 * added only what has to be the guest's own: its processes, its devices, its memory. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "linux/init/guest_parts.h"
#include "linux/init/native_parts.h"
#include "linux/init/tree.h"

struct guest_root {
	struct native_root native;
	int served; /* the tree, without what is mounted on it here */
	dev_t device;
};

static const char *path_of(const struct spec_mount *mount)
{
	return (const char *)(mount + 1);
}

static int open_root(struct guest_root *root, bool files, struct failure *failure)
{
	struct native_root *native = &root->native;
	struct stat st;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return failure_set(failure, errno, "mount", "the mounts' propagation");
	if (!files && mount("/", GUEST_ROOT, NULL, MS_BIND, NULL) < 0)
		return failure_set(failure, errno, "mount", GUEST_ROOT);
	/* A copy that is mounted nowhere could not be copied from before Linux 6.15. */
	if (mount(GUEST_ROOT, GUEST_SERVED, NULL, MS_BIND, NULL) < 0)
		return failure_set(failure, errno, "mount", GUEST_SERVED);
	root->served = open(GUEST_SERVED, O_PATH | O_DIRECTORY | O_CLOEXEC);
	native->fd = open(GUEST_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root->served < 0 || native->fd < 0 || fchdir(native->fd) < 0 ||
		fstat(native->fd, &st) < 0)
		return failure_set(failure, errno, "mount", GUEST_ROOT);
	root->device = st.st_dev;
	/* The places for new file systems are in the tree: nothing is made there but by the host.
	 */
	place_own(native, "/");
	return 0;
}

/* The tree shows it already. */
static bool is_served(const struct guest_root *root, const struct spec_mount *mount)
{
	struct stat st;

	return fstatat(root->native.fd, place_relative(path_of(mount)), &st, AT_SYMLINK_NOFOLLOW) ==
		       0 &&
	       st.st_dev == root->device;
}

/* Covered by a new file system, a grant in /tmp say. */
static int bind_served(
	struct guest_root *root, const struct spec_mount *mount, struct failure *failure)
{
	const char *path = path_of(mount);
	int tree = tree_copy(root->served, place_relative(path));
	struct stat st;
	int r = tree < 0 ? tree : fstat(tree, &st) < 0 ? -errno : 0;

	if (r == 0)
		r = place_attach(&root->native, path, tree, S_ISDIR(st.st_mode));
	if (tree >= 0)
		close(tree);
	return r < 0 ? failure_set(failure, -r, "mount", path) : 0;
}

/* A file system of its own, as the tree's directory cannot be written to. */
static int mount_dev(
	struct guest_root *root, const struct spec_mount *mount, struct failure *failure)
{
	const char *path = path_of(mount);
	int tree = tree_new_tmpfs(0755, 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	int r = tree < 0 ? tree : place_attach(&root->native, path, tree, true);

	if (tree >= 0)
		close(tree);
	if (r == 0)
		r = place_own(&root->native, path);
	if (r < 0)
		return failure_set(failure, -r, "mount", path);
	return mount_one(&root->native, mount, failure);
}

static int mount_proc(
	struct guest_root *root, const struct spec_mount *mount, struct failure *failure)
{
	int r = mount_one(&root->native, mount, failure);

	if (r < 0)
		return r;
	/* The tree's own place may not be empty. */
	close(root->native.empty);
	root->native.empty = -1;
	return root_forbid_namespaces(&root->native, failure);
}

static int add(struct guest_root *root, const struct spec_mount *mount, struct failure *failure)
{
	const char *source = path_of(mount) + strlen(path_of(mount)) + 1;

	switch (mount->kind) {
	case SPEC_MOUNT_TMPFS:
		return mount_one(&root->native, mount, failure);
	case SPEC_MOUNT_PROC:
		return mount_proc(root, mount, failure);
	case SPEC_MOUNT_DEV:
		return mount_dev(root, mount, failure);
	default:
		break;
	}
	if (is_served(root, mount))
		return 0;
	if (mount->kind == SPEC_MOUNT_BIND_GRANT ||
		(mount->kind == SPEC_MOUNT_BIND_HOST && strncmp(source, "/proc/", 6) != 0))
		return bind_served(root, mount, failure);
	return mount_one(&root->native, mount, failure);
}

/* The initramfs is no file system that one can pivot away from: it stays below, where nothing
 * leads to. */
static int enter(struct failure *failure)
{
	if (mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return failure_set(failure, errno, "pivot", "the root");
	return 0;
}

int guest_root_build(const struct spec *spec, bool files, struct failure *failure)
{
	struct guest_root root = {.native = {.fd = -1, .parent.fd = -1, .proc = -1, .empty = -1}};
	const struct spec_mount *mount;
	size_t cursor = 0;
	int r = open_root(&root, files, failure);

	while (r == 0 && (mount = spec_next(spec, SPEC_MOUNT, &cursor)))
		r = add(&root, mount, failure);
	if (r == 0)
		r = guest_proc_cover(&root.native, failure);
	if (r == 0 && root.native.dev)
		r = root_make_read_only(root.native.fd, place_relative(root.native.dev));
	/* The descriptors are closed with all others that init has no use for. */
	return r < 0 ? r : enter(failure);
}
