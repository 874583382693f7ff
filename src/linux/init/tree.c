/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/init/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/init/failure.h"

/* From linux/mount.h, which an older one lacks. */
#ifndef MOVE_MOUNT_T_EMPTY_PATH
#define MOVE_MOUNT_T_EMPTY_PATH 0x00000040
#endif
#define PRIVATE (1u << 18) /* MS_PRIVATE */

int tree_copy(int dirfd, const char *path)
{
	long fd = syscall(SYS_open_tree, dirfd, path,
		OPEN_TREE_CLONE | O_CLOEXEC | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH);

	return fd < 0 ? -errno : (int)fd;
}

int tree_restrict(int tree, uint64_t attributes)
{
	struct mount_attr attr = {.attr_set = attributes, .propagation = PRIVATE};

	return syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr,
		       sizeof(attr)) < 0
		       ? -errno
		       : 0;
}

static int configure(int context, const struct tree_option *option)
{
	for (; option && option->key; option++)
		if (syscall(SYS_fsconfig, context,
			    option->value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, option->key,
			    option->value, 0) < 0)
			return -errno;
	return syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0 ? -errno : 0;
}

int tree_new(const char *type, const struct tree_option *options, unsigned attributes)
{
	int context = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
	int r;

	if (context < 0)
		return -errno;
	r = configure(context, options);
	if (r == 0) {
		r = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes);
		if (r < 0)
			r = -errno;
	}
	close(context);
	return r;
}

int tree_new_tmpfs(unsigned mode, uint64_t size, unsigned attributes)
{
	char size_text[NUMBER_TEXT];
	char mode_text[5];
	const struct tree_option options[] = {
		{"mode", mode_text}, {size ? "size" : NULL, size_text}, {NULL, NULL}};

	for (int i = 3; i >= 0; i--, mode >>= 3)
		mode_text[i] = (char)('0' + (mode & 7));
	mode_text[4] = '\0';
	number_text(size, size_text);
	return tree_new("tmpfs", options, attributes);
}

static int move(int tree, int dirfd, const char *path, unsigned flags)
{
	return syscall(SYS_move_mount, tree, "", dirfd, path, MOVE_MOUNT_F_EMPTY_PATH | flags) < 0
		       ? -errno
		       : 0;
}

int tree_attach(int tree, int place)
{
	return move(tree, place, "", MOVE_MOUNT_T_EMPTY_PATH);
}

int tree_attach_at(int tree, int dirfd, const char *path)
{
	return move(tree, dirfd, path, 0);
}
