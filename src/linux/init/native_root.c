/* SPDX-License-Identifier: Apache-2.0 */
/* From the host's root to the jail's. The order is the security property: nothing propagates before
 * anything is mounted; the new root lies over the old one, so that both are seen while the one is
 * made from the other; /proc is mounted while the old one is still there, as the kernel wants to
 * see that nothing of it was hidden; further user namespaces are forbidden before /proc/sys is
 * read-only; and the old root is gone before anything of the jail runs. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/init/native_parts.h"
#include "linux/init/process.h"
#include "linux/init/tree.h"

#define ROOT_SIZE 1048576 /* for generated files and the text of links; read-only in the end */

static int mount_root(struct native_root *root, struct failure *failure)
{
	int old, r;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return failure_set(failure, errno, "mount", "the mounts' propagation");
	root->fd = tree_new_tmpfs(0755, ROOT_SIZE, TREE_PLAIN);
	if (root->fd < 0)
		return failure_set(failure, -root->fd, "mount", "a tmpfs for the root");
	old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = old < 0 ? -errno : tree_attach(root->fd, old);
	if (old >= 0)
		close(old);
	if (r == 0 && fchdir(root->fd) < 0)
		r = -errno;
	if (r == 0)
		r = place_own(root, "/");
	return r < 0 ? failure_set(failure, -r, "mount", "the root") : 0;
}

/* The worker has no capability to make one with, and the filter no call; this holds as well where
 * either should fail. */
int root_forbid_namespaces(const struct native_root *root, struct failure *failure)
{
	int r = root->proc < 0 ? 0
			       : write_small_file(root->proc, "sys/user/max_user_namespaces", "0");

	return r < 0 ? failure_set(failure, -r, "mount", "/proc/sys/user/max_user_namespaces") : 0;
}

static int mount_all(const struct spec *spec, struct native_root *root, struct failure *failure)
{
	const struct spec_mount *mount;
	size_t cursor = 0;
	int r = 0;

	while (r == 0 && (mount = spec_next(spec, SPEC_MOUNT, &cursor))) {
		r = mount_one(root, mount, failure);
		if (r == 0 && mount->kind == SPEC_MOUNT_PROC)
			r = root_forbid_namespaces(root, failure);
	}
	return r;
}

int root_make_read_only(int dirfd, const char *path)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};

	return syscall(SYS_mount_setattr, dirfd, path, AT_EMPTY_PATH, &attr, sizeof(attr)) < 0
		       ? -errno
		       : 0;
}

/* The directories of the jail's own. What is mounted in them keeps what it has. */
static int seal(const struct native_root *root, struct failure *failure)
{
	int r = root->dev ? root_make_read_only(root->fd, place_relative(root->dev)) : 0;

	if (r < 0)
		return failure_set(failure, -r, "mount", "/dev, read-only");
	r = root_make_read_only(root->fd, "");
	return r < 0 ? failure_set(failure, -r, "mount", "/, read-only") : 0;
}

/* From the new root, which is the working directory. */
static int enter(struct failure *failure)
{
	/* Both at one place: the old root then lies over the new one, and is what is unmounted. */
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return failure_set(failure, errno, "pivot", "pivot_root");
	if (umount2(".", MNT_DETACH) < 0)
		return failure_set(failure, errno, "pivot", "the old root");
	if (chdir("/") < 0)
		return failure_set(failure, errno, "pivot", "/");
	return 0;
}

static void close_all(const struct native_root *root)
{
	const int fds[] = {root->fd, root->parent.fd, root->proc, root->empty};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

int root_build(const struct spec *spec, struct failure *failure)
{
	struct native_root root = {
		.fd = -1, .parent.fd = -1, .proc = -1, .empty = -1, .by_name = !spec->kernel_ids};
	int r = mount_root(&root, failure);

	if (r == 0)
		r = mount_all(spec, &root, failure);
	if (r == 0)
		r = seal(&root, failure);
	if (r == 0)
		r = enter(failure);
	close_all(&root);
	return r;
}
