/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/kernel_fs.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#ifndef EFIVARFS_MAGIC
#define EFIVARFS_MAGIC 0xde5e81e4
#endif

/* As mountinfo calls it, and the magic number by which an open object is known; 0 where that is
 * shared with an ordinary file system or not asked for. */
static const struct {
	const char *type;
	unsigned long magic;
	const char *name; /* where people call it otherwise */
} kernel_fs[] = {
	{"proc", PROC_SUPER_MAGIC, "procfs"},
	{"sysfs", SYSFS_MAGIC, NULL},
	{"cgroup", CGROUP_SUPER_MAGIC, NULL},
	{"cgroup2", CGROUP2_SUPER_MAGIC, NULL},
	{"devpts", DEVPTS_SUPER_MAGIC, NULL},
	{"devtmpfs", 0, NULL},
	{"debugfs", DEBUGFS_MAGIC, NULL},
	{"tracefs", TRACEFS_MAGIC, NULL},
	{"securityfs", SECURITYFS_MAGIC, NULL},
	{"selinuxfs", SELINUX_MAGIC, NULL},
	{"smackfs", 0, NULL},
	{"bpf", BPF_FS_MAGIC, NULL},
	{"efivarfs", EFIVARFS_MAGIC, NULL},
	{"configfs", 0, NULL},
	{"pstore", 0, NULL},
	{"binfmt_misc", 0, NULL},
	{"fusectl", 0, NULL},
	{"nsfs", NSFS_MAGIC, NULL},
	{"rpc_pipefs", 0, NULL},
	{"nfsd", 0, NULL},
};

#define N_KERNEL_FS (sizeof(kernel_fs) / sizeof(kernel_fs[0]))

const char *kernel_fs_of(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return NULL;
	for (size_t i = 0; i < N_KERNEL_FS; i++)
		if (kernel_fs[i].magic && (unsigned long)fs.f_type == kernel_fs[i].magic)
			return kernel_fs[i].name ? kernel_fs[i].name : kernel_fs[i].type;
	return NULL;
}

bool kernel_fs_is(struct span type)
{
	for (size_t i = 0; i < N_KERNEL_FS; i++)
		/* Most part at the first letter. */
		if (kernel_fs[i].type[0] == type.start[0] && span_is(type, kernel_fs[i].type))
			return true;
	return false;
}
