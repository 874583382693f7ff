/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/files/attr.h"

#include <linux/stat.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define STEADY_SECONDS 3600

static const struct files_mount *mount_of(const struct server *server, const struct node *node)
{
	return &server->mounts.list[node->mount];
}

struct fuse_attr attr_of(const struct files_mount *mount, const struct statx *stat)
{
	return (struct fuse_attr){
		.ino = mounts_inode(mount, stat->stx_ino),
		.size = stat->stx_size,
		.blocks = stat->stx_blocks,
		.atime = (uint64_t)stat->stx_atime.tv_sec,
		.mtime = (uint64_t)stat->stx_mtime.tv_sec,
		.ctime = (uint64_t)stat->stx_ctime.tv_sec,
		.atimensec = stat->stx_atime.tv_nsec,
		.mtimensec = stat->stx_mtime.tv_nsec,
		.ctimensec = stat->stx_ctime.tv_nsec,
		.mode = stat->stx_mode,
		.nlink = stat->stx_nlink,
		.uid = stat->stx_uid,
		.gid = stat->stx_gid,
		/* The kernel's own form of a device number, 20 bits of minor around 12 of major. */
		.rdev = (stat->stx_rdev_minor & 0xff) | stat->stx_rdev_major << 8 |
			(stat->stx_rdev_minor & ~0xffu) << 12,
		.blksize = stat->stx_blksize,
	};
}

uint64_t attr_seconds(const struct server *server, const struct node *node)
{
	return mount_of(server, node)->trust == MOUNT_STEADY ? STEADY_SECONDS : 0;
}

struct fuse_entry_out attr_entry(
	const struct server *server, const struct node *node, const struct statx *stat)
{
	return (struct fuse_entry_out){
		.nodeid = nodes_id(node),
		.entry_valid = attr_seconds(server, node),
		.attr_valid = attr_seconds(server, node),
		.attr = attr_of(mount_of(server, node), stat),
	};
}

struct fuse_attr_out attr_out(
	const struct server *server, const struct node *node, const struct statx *stat)
{
	return (struct fuse_attr_out){
		.attr_valid = attr_seconds(server, node),
		.attr = attr_of(mount_of(server, node), stat),
	};
}

struct node_version attr_version(const struct statx *stat)
{
	return (struct node_version){
		.changed_sec = stat->stx_ctime.tv_sec,
		.changed_nsec = stat->stx_ctime.tv_nsec,
		.modified_sec = stat->stx_mtime.tv_sec,
		.modified_nsec = stat->stx_mtime.tv_nsec,
		.size = stat->stx_size,
	};
}

bool attr_same_version(const struct node_version *a, const struct node_version *b)
{
	return a->modified_sec == b->modified_sec && a->modified_nsec == b->modified_nsec &&
	       a->changed_sec == b->changed_sec && a->changed_nsec == b->changed_nsec &&
	       a->size == b->size;
}
