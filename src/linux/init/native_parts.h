/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of making a jail from within, in the order in which native.c calls them. System calls
 * only. */
#ifndef KS_LINUX_INIT_NATIVE_PARTS_H
#define KS_LINUX_INIT_NATIVE_PARTS_H

#include <stdbool.h>
#include <sys/types.h>

#include "linux/init/spec_read.h"

/* native_ids.c */

/* The monitor's part: the maps of a child with kernel ids of its own. */
int ids_map_child(pid_t child, const struct spec *spec, struct failure *failure);
/* The child's own part without them: outside are the monitor's ids. */
int ids_map_self(const struct spec *spec, struct spec_ids outside, struct failure *failure);
/* The child's part behind ids_map_child(). */
int ids_take(const struct spec *spec, struct failure *failure);

/* native_root.c */

#define ROOT_MAX_OWN 4 /* /, /tmp, /dev/shm */

struct native_root {
	int fd; /* the root's mount */
	dev_t own[ROOT_MAX_OWN]; /* file systems of the jail's own: only there are places made */
	unsigned n_own;
	int proc; /* the fresh /proc, for as long as it can be written; -1 without one */
	int device_directory; /* /dev's mount; -1 without one */
	int null; /* a mount of /dev/null as it covers files; -1 before the first */
	int empty; /* a mount of the empty directory; -1 before the first */
	bool by_name; /* grants are found by name in this mount namespace, and compared */
};

/* Makes the root from SPEC_MOUNT and enters it; the host's is gone afterwards. */
int root_build(const struct spec *spec, struct failure *failure);

/* native_mount.c */

int mount_one(struct native_root *root, const struct spec_mount *mount, struct failure *failure);

/* native_dev.c */

/* Fills the fresh /dev. Returns 0 or -errno, with the name of the entry that failed. */
int devices_fill(int directory, const char **ret_name);

/* native_place.c: what can be mounted on, and the directories above it. A place is made only in
 * file systems of the root's own, where nobody but this process has ever written; no link is
 * followed. */

/* Places may be made in this file system, which is new. 0 or -errno. */
int place_own(struct native_root *root, int mount);

/* An O_PATH descriptor of what is there, -ENOENT included. */
int place_find(const struct native_root *root, const char *path);
/* The same, made where it is missing. */
int place_make(const struct native_root *root, const char *path, bool directory);
/* The directory above path, to make something new in it, and the last name of path. */
int place_parent(const struct native_root *root, const char *path, const char **ret_name);

#endif
