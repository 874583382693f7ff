/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts as descriptors. All return -errno on failure; descriptors are close-on-exec. */
#ifndef KS_LINUX_INIT_TREE_H
#define KS_LINUX_INIT_TREE_H

#include <stddef.h>
#include <stdint.h>

/* After <sys/mount.h>, where both are needed: it has some of the same names. */
#include <linux/mount.h>

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif

#define TREE_PLAIN (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

/* A detached copy of what is mounted at path (a link is not followed; "" is dirfd itself), with all
 * that is mounted in it. */
int tree_copy(int dirfd, const char *path);

/* The attributes for all mounts of the tree, and no propagation. */
int tree_restrict(int tree, uint64_t attributes);

/* value NULL: a flag. The last one has no key. */
struct tree_option {
	const char *key;
	const char *value;
};

/* A detached mount of a new file system. */
int tree_new(const char *type, const struct tree_option *options, unsigned attributes);

/* A tmpfs; size 0 is the kernel's default. */
int tree_new_tmpfs(unsigned mode, uint64_t size, unsigned attributes);

/* Attaches it at the place, a descriptor. */
int tree_attach(int tree, int place);
/* The same at a path from a directory; a link there is not followed. */
int tree_attach_at(int tree, int dirfd, const char *path);

#endif
