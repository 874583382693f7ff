// SPDX-License-Identifier: Apache-2.0
/* New namespaces and mounts. What works is undone, or ends with the process. */
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "verdict.h"

#define ACT(name) static int name(char **args __attribute__((unused)))

/* Namespaces. */

ACT(do_unshare_user)
{
	return judge(unshare(CLONE_NEWUSER));
}

ACT(do_unshare_mount)
{
	return judge(unshare(CLONE_NEWNS));
}

ACT(do_unshare_net)
{
	return judge(unshare(CLONE_NEWNET));
}

static int wait_for_child(long pid)
{
	if (pid == 0)
		_exit(0);
	if (pid < 0)
		return denied(errno);
	waitpid((pid_t)pid, NULL, 0);
	return allowed("a child in a new namespace");
}

ACT(do_clone_user)
{
	return wait_for_child(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
}

ACT(do_clone_user_high)
{
	/* The kernel takes 32 bits of the flags: a filter that compares 64 is led astray. */
	return wait_for_child(
		syscall(SYS_clone, (1UL << 40) | CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
}

ACT(do_clone3_user)
{
	struct clone_args clone = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};

	return wait_for_child(syscall(SYS_clone3, &clone, sizeof(clone)));
}

ACT(do_clone3_plain)
{
	struct clone_args clone = {.exit_signal = SIGCHLD};

	return wait_for_child(syscall(SYS_clone3, &clone, sizeof(clone)));
}

ACT(do_setns)
{
	int fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return broken("open /proc/self/ns/mnt");
	return judge(syscall(SYS_setns, fd, 0));
}

ACT(do_chroot_here)
{
	return judge(chroot("/"));
}

ACT(do_pivot_root)
{
	return reached(syscall(SYS_pivot_root, "/nowhere", "/nowhere"), ENOENT);
}

/* Mounts. */

ACT(do_mount_tmpfs)
{
	if (mount("tmpfs", args[0], "tmpfs", 0, NULL) < 0)
		return denied(errno);
	umount2(args[0], MNT_DETACH);
	return allowed("a tmpfs");
}

ACT(do_remount)
{
	/* The flags that make a read-only bind writable. */
	return reached(mount(NULL, args[0], NULL, MS_REMOUNT | MS_BIND, NULL), EINVAL);
}

ACT(do_umount)
{
	return reached(umount2(args[0], 0), EINVAL);
}

ACT(do_fsopen)
{
	return judge(syscall(SYS_fsopen, "tmpfs", 0));
}

ACT(do_open_tree)
{
	/* 1: OPEN_TREE_CLONE, the form that needs a privilege */
	return judge(syscall(SYS_open_tree, AT_FDCWD, "/", 1));
}

ACT(do_open_tree_plain)
{
	return judge(syscall(SYS_open_tree, AT_FDCWD, "/", 0));
}

ACT(do_move_mount)
{
	return reached(
		syscall(SYS_move_mount, AT_FDCWD, "/nowhere", AT_FDCWD, "/nowhere", 0), ENOENT);
}

ACT(do_mount_setattr)
{
	uint64_t attr[4] = {0};

	return judge(syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, attr, sizeof(attr)));
}

ACT(do_fspick)
{
	return judge(syscall(SYS_fspick, AT_FDCWD, "/", 0));
}

static const struct act acts[] = {
	{"unshare_user", do_unshare_user, 0},
	{"unshare_mount", do_unshare_mount, 0},
	{"unshare_net", do_unshare_net, 0},
	{"clone_user", do_clone_user, 0},
	{"clone_user_high", do_clone_user_high, 0},
	{"clone3_user", do_clone3_user, 0},
	{"clone3_plain", do_clone3_plain, 0},
	{"setns", do_setns, 0},
	{"chroot", do_chroot_here, 0},
	{"pivot_root", do_pivot_root, 0},
	{"mount", do_mount_tmpfs, 1},
	{"remount", do_remount, 1},
	{"umount", do_umount, 1},
	{"fsopen", do_fsopen, 0},
	{"open_tree", do_open_tree, 0},
	{"open_tree_plain", do_open_tree_plain, 0},
	{"move_mount", do_move_mount, 0},
	{"mount_setattr", do_mount_setattr, 0},
	{"fspick", do_fspick, 0},
	{NULL, NULL, 0},
};

int main(int argc, char **argv)
{
	return perform(acts, argc, argv);
}
