/* SPDX-License-Identifier: Apache-2.0 */
/* The file system that a root is made in, from its making to its being read-only: for the jail's
 * first process, and for the caller, who makes what many jails have in common. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/init/native_parts.h"
#include "linux/init/tree.h"

#define ROOT_SIZE 1048576 /* for generated files and the text of links; read-only in the end */

struct native_root root_none(enum root_part part)
{
	return (struct native_root){
		.fd = -1, .parent.fd = -1, .proc = -1, .empty = -1, .part = part};
}

int root_go_into(struct native_root *root, struct failure *failure)
{
	int r = fchdir(root->fd) < 0 ? -errno : place_own(root, "/");

	return r < 0 ? failure_set(failure, -r, "mount", "the root") : 0;
}

int root_new(struct native_root *root, struct failure *failure)
{
	root->fd = tree_new_tmpfs(0755, ROOT_SIZE, TREE_PLAIN);
	if (root->fd < 0)
		return failure_set(failure, -root->fd, "mount", "a tmpfs for the root");
	return root_go_into(root, failure);
}

int root_make_read_only(int dirfd, const char *path)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};

	return syscall(SYS_mount_setattr, dirfd, path, AT_EMPTY_PATH, &attr, sizeof(attr)) < 0
		       ? -errno
		       : 0;
}

int root_seal(const struct native_root *root, struct failure *failure)
{
	/* Of a detached tree the kernel changes all mounts or the first one; each jail does it. */
	bool dev = root->dev && root->part != ROOT_SHARED;
	int r = dev ? root_make_read_only(root->fd, place_relative(root->dev)) : 0;

	if (r < 0)
		return failure_set(failure, -r, "mount", "/dev, read-only");
	r = root_make_read_only(root->fd, "");
	return r < 0 ? failure_set(failure, -r, "mount", "/, read-only") : 0;
}

void root_close(const struct native_root *root)
{
	const int fds[] = {root->fd, root->parent.fd, root->proc, root->empty};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}
