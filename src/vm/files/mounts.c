/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/files/mounts.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>

#include "linux/system_paths.h"

/* Those that headers do not name everywhere. */
#define MAGIC_BINFMT_MISC 0x42494e4d
#define MAGIC_CONFIGFS 0x62656570
#define MAGIC_FUSE_CONTROL 0x65735543
#define MAGIC_MQUEUE 0x19800202
#define MAGIC_NFSD 0x6e667364
#define MAGIC_RPC_PIPES 0x67596969
#define MAGIC_SELINUX 0xf97cff8c
#define MAGIC_SMACK 0x43415d53
#define MAGIC_PID 0x50494446

#define DEVICE_SHIFT 48

static const uint64_t closed_types[] = {
	AAFS_MAGIC,
	ANON_INODE_FS_MAGIC,
	BDEVFS_MAGIC,
	BPF_FS_MAGIC,
	CGROUP2_SUPER_MAGIC,
	CGROUP_SUPER_MAGIC,
	DEBUGFS_MAGIC,
	DEVPTS_SUPER_MAGIC,
	EFIVARFS_MAGIC,
	MAGIC_BINFMT_MISC,
	MAGIC_CONFIGFS,
	MAGIC_FUSE_CONTROL,
	MAGIC_MQUEUE,
	MAGIC_NFSD,
	MAGIC_PID,
	MAGIC_RPC_PIPES,
	MAGIC_SELINUX,
	MAGIC_SMACK,
	NSFS_MAGIC,
	OPENPROM_SUPER_MAGIC,
	PIPEFS_MAGIC,
	PROC_SUPER_MAGIC,
	PSTOREFS_MAGIC,
	RDTGROUP_SUPER_MAGIC,
	SECURITYFS_MAGIC,
	SOCKFS_MAGIC,
	SYSFS_MAGIC,
	TRACEFS_MAGIC,
	USBDEVICE_SUPER_MAGIC,
};

static bool type_closed(uint64_t fs_type)
{
	for (size_t i = 0; i < sizeof(closed_types) / sizeof(closed_types[0]); i++)
		if (closed_types[i] == (uint32_t)fs_type)
			return true;
	return false;
}

/* What the jail's root is made from; a grant has a mount of its own, also beneath one of these. The
 * root itself is the jail's. */
static bool path_steady(const char *path)
{
	if (strcmp(path, "/") == 0)
		return true;
	for (size_t i = 0; i < n_system_paths; i++)
		if (strcmp(system_paths[i], path) == 0)
			return true;
	return false;
}

int mounts_find(const struct files_mounts *mounts, uint64_t id)
{
	for (uint32_t i = 0; i < mounts->count; i++)
		if (mounts->list[i].id == id)
			return (int)i;
	return -1;
}

static uint32_t index_of_device(struct files_mounts *mounts, uint64_t device)
{
	for (uint32_t i = 0; i < mounts->count; i++)
		if (mounts->list[i].device == device)
			return mounts->list[i].device_index;
	return mounts->devices++;
}

int mounts_add(struct files_mounts *mounts, uint64_t id, uint64_t device, uint64_t fs_type,
	bool read_only, const char *path)
{
	struct files_mount *mount;

	if (mounts->count >= KS_MAX_FILES_MOUNTS)
		return -ENFILE;
	mount = &mounts->list[mounts->count];
	*mount = (struct files_mount){.id = id,
		.device = device,
		.device_index = index_of_device(mounts, device),
		.read_only = read_only,
		.trust = MOUNT_CHANGING};
	if (type_closed(fs_type))
		mount->trust = MOUNT_CLOSED;
	else if (read_only && path_steady(path))
		mount->trust = MOUNT_STEADY;
	return (int)mounts->count++;
}

uint64_t mounts_inode(const struct files_mount *mount, uint64_t inode)
{
	return inode ^ (uint64_t)mount->device_index << DEVICE_SHIFT;
}
