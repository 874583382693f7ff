/* SPDX-License-Identifier: Apache-2.0 */
/* From the host's root to the jail's. The order is the security property: nothing propagates before
 * anything is mounted; the new root lies over the old one, so that both are seen while the one is
 * made from the other; /proc is mounted while the old one is still there, as the kernel wants to
 * see that nothing of it was hidden; further user namespaces are forbidden before /proc/sys is
 * read-only; and the old root is gone before anything of the jail runs, and before a name in a
 * grant is looked up (native_beside.c). */
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/control.h"
#include "linux/init/native_parts.h"
#include "linux/init/process.h"
#include "linux/init/tree.h"

static int attach(const struct native_root *root, struct failure *failure)
{
	int old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = old < 0 ? -errno : tree_attach(root->fd, old);

	if (old >= 0)
		close(old);
	return r < 0 ? failure_set(failure, -r, "mount", "the root") : 0;
}

static int mount_root(struct native_root *root, struct failure *failure)
{
	int r;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return failure_set(failure, errno, "mount", "the mounts' propagation");
	if (root->part != ROOT_OWN) {
		r = root_new(root, failure);
		return r < 0 ? r : attach(root, failure);
	}
	root->fd = SLOT_ROOT;
	r = attach(root, failure);
	return r < 0 ? r : root_go_into(root, failure);
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

/* From the new root, which is the working directory. */
static int enter(struct failure *failure)
{
	/* Both at one place: the old root then lies over the new one, and is what is unmounted. */
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return failure_set(failure, errno, "pivot", "pivot_root");
	native_beside_leave_root();
	if (chdir("/") < 0)
		return failure_set(failure, errno, "pivot", "/");
	return 0;
}

int root_build(const struct spec *spec, struct native_root *root, struct failure *failure)
{
	int r;

	*root = root_none(spec_flags(spec) & SPEC_FLAG_ROOT ? ROOT_OWN : ROOT_WHOLE);
	root->by_name = !spec->kernel_ids;
	r = mount_root(root, failure);
	if (r == 0)
		r = mount_all(spec, root, failure);
	return r < 0 ? r : root_seal(root, failure);
}

int root_enter(const struct native_root *root, struct failure *failure)
{
	int r = enter(failure);

	root_close(root);
	return r;
}
