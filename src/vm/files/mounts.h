/* SPDX-License-Identifier: Apache-2.0 */
/* The mounts that the tree is made of, as they are met. A mount decides for how long the guest may
 * believe what it has read, and whether it gets to see anything at all. Pure. */
#ifndef KS_VM_FILES_MOUNTS_H
#define KS_VM_FILES_MOUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bounds.h"

enum mount_trust {
	/* Somebody else may change it while the guest looks: short times. */
	MOUNT_CHANGING,
	/* Read-only, and of the host's system, which no policy means to be watched: long ones. */
	MOUNT_STEADY,
	/* Files of a kernel, which stand for processes and settings of the host, this server's own
	 * memory among them. The guest has its own, and of these sees the outermost directory. */
	MOUNT_CLOSED,
};

struct files_mount {
	uint64_t id;
	uint64_t device;
	uint32_t device_index; /* for inode numbers: the guest sees one device */
	enum mount_trust trust;
	bool read_only;
};

struct files_mounts {
	struct files_mount list[KS_MAX_FILES_MOUNTS];
	uint32_t count;
	uint32_t devices;
};

/* Index, or -1. */
int mounts_find(const struct files_mounts *mounts, uint64_t id);
/* Takes note of one; path: where it is in the tree. Index, or -ENFILE. */
int mounts_add(struct files_mounts *mounts, uint64_t id, uint64_t device, uint64_t fs_type,
	bool read_only, const char *path);

/* The inode number that the guest sees: those of the first device as they are, those of others
 * marked, since equal numbers of one device mean hard links of one file to every program. */
uint64_t mounts_inode(const struct files_mount *mount, uint64_t inode);

#endif
