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
/* A process's own part without them, in a user namespace that is new: outside are the ids that it
 * had before. */
int ids_map_self(const struct spec_ids *inside, struct spec_ids outside, struct failure *failure);
/* The child's part behind ids_map_child(). */
int ids_take(const struct spec *spec, struct failure *failure);

/* native_beside.c: a thread that makes the network while the root is made, unless the caller's is
 * kept, and lets the old root go while the worker is. The others do nothing where none was started.
 */

/* Before the ids are taken, which would cost the privileges that it needs, and while the host's
 * /proc is there. With an allowlist all of network_open() is done there, too, so SLOT_EGRESS is not
 * to be touched before native_beside_join_network(). */
int native_beside_start(const struct spec *spec, struct failure *failure);
/* Waits for the network and enters it. A /proc must be in reach until here. */
int native_beside_join_network(struct failure *failure);
/* The new root is entered, with the old one over it. */
void native_beside_leave_root(void);
/* Waits until the old root is gone, and the thread. Until then "/.." leads there: nothing of the
 * jail may run before, nor any name be looked up that a worker could have made a link of. In the
 * process that started it, or in the child of its vfork(). */
int native_beside_await(struct failure *failure);

/* native_network.c: what that thread makes. Leaves it there, and a descriptor of it. */
int native_network_make(const struct spec *spec, int *ret_network, struct failure *failure);

#define ROOT_MAX_OWN 4 /* /, /tmp, /dev/shm */

/* Descriptors are few, and closed with all others once the root is entered. */
/* Most of a root is the same for many jails, and can be made once: what comes from the host, the
 * files and links, the devices, and the places for all else. */
enum root_part { ROOT_WHOLE, ROOT_SHARED, ROOT_OWN };

struct native_root {
	int fd; /* the root's mount, and the working directory while it is made */
	dev_t own[ROOT_MAX_OWN]; /* file systems of the jail's own: only there are places made */
	unsigned n_own;
	struct {
		int fd; /* -1: none */
		const char *path; /* the first len bytes of it */
		size_t len;
	} parent; /* where the last place was made; the next one mostly lies there too */
	int proc; /* the fresh /proc, for as long as it can be written; -1 without one */
	const char *dev; /* where devices are; NULL without any */
	int empty; /* a mount of an empty directory; -1: none */
	const char *covered_file; /* the first one: what covers it is bound over others */
	const char *covered_directory;
	bool by_name; /* grants are found by name in this mount namespace, and compared */
	enum root_part part;
};

/* native_frame.c */

/* A root without descriptors. */
struct native_root root_none(enum root_part part);
/* The empty file system that a root is made in, detached: as root->fd, and the working directory.
 */
int root_new(struct native_root *root, struct failure *failure);
/* A root that is open becomes the working directory, and places are made in it. */
int root_go_into(struct native_root *root, struct failure *failure);
/* The directories of the jail's own become read-only. What is mounted in them keeps what it has. */
int root_seal(const struct native_root *root, struct failure *failure);
void root_close(const struct native_root *root);

/* native_root.c */

/* Makes the root from SPEC_MOUNT, beside the host's. */
int root_build(const struct spec *spec, struct native_root *root, struct failure *failure);
/* Enters it. The host's is gone with native_beside_await(). */
int root_enter(const struct native_root *root, struct failure *failure);

/* Parts of it, which a micro-VM's guest uses as well. The first one needs the fresh /proc. */
int root_forbid_namespaces(const struct native_root *root, struct failure *failure);
int root_make_read_only(int dirfd, const char *path);

/* native_mount.c */

int mount_one(struct native_root *root, const struct spec_mount *mount, struct failure *failure);

/* Covers one more file or directory, which no SPEC_MOUNT names. 0 or -errno. */
int mount_cover(const struct native_root *root, const char *path, bool directory);

/* native_dev.c: each for a fresh /dev that is open as a directory. Returns 0 or -errno, with the
 * name of the entry that failed. */

int devices_fill(int directory, const char **ret_name);
/* Terminals of the jail's own: those of the host are not in it. Leaves the working directory
 * there. */
int devices_add_terminals(int directory, const char **ret_name);

/* native_place.c: what can be mounted on, and the directories above it. A place is made only in
 * file systems of the root's own, where nobody but this process has ever written; no link is
 * followed. */

/* Places may be made in the new file system that is mounted at the path. 0 or -errno. */
int place_own(struct native_root *root, const char *path);

/* From the root or the working directory, which is the same: every path of the plan is absolute. */
static inline const char *place_relative(const char *path)
{
	return path[1] ? path + 1 : ".";
}

/* Attaches the mount at the path, whose place is made where it is missing. */
int place_attach(struct native_root *root, const char *path, int tree, bool directory);
/* A directory at the path, made where it is missing. */
int place_directory(struct native_root *root, const char *path);
/* The same for a file. */
int place_file(struct native_root *root, const char *path);
/* The directory above path, to make something new in it, and the last name of path. The descriptor
 * is the root's. */
int place_parent(struct native_root *root, const char *path, const char **ret_name);

#endif
