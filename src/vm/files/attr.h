/* SPDX-License-Identifier: Apache-2.0 */
/* What the guest is told about a file, and for how long it may believe it. */
#ifndef KS_VM_FILES_ATTR_H
#define KS_VM_FILES_ATTR_H

#include "vm/files/server.h"

struct statx;

struct fuse_attr attr_of(const struct files_mount *mount, const struct statx *stat);
struct fuse_entry_out attr_entry(
	const struct server *server, const struct node *node, const struct statx *stat);
struct fuse_attr_out attr_out(
	const struct server *server, const struct node *node, const struct statx *stat);

/* How long the guest may believe what it is told of a name or file, in seconds. Where anybody may
 * change something, not at all: a journal that a program of the host has just removed would still
 * be there for sqlite. Of a directory: how long a name may be taken not to be in it. */
uint64_t attr_seconds(const struct server *server, const struct node *node);

struct node_version attr_version(const struct statx *stat);
bool attr_same_version(const struct node_version *a, const struct node_version *b);

#endif
