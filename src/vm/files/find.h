/* SPDX-License-Identifier: Apache-2.0 */
/* From ids and names to descriptors. A name is one component, looked up in the descriptor of its
 * directory with O_PATH and O_NOFOLLOW: no link is ever followed, and no path is ever walked. */
#ifndef KS_VM_FILES_FIND_H
#define KS_VM_FILES_FIND_H

#include "vm/files/server.h"

struct statx;

/* The tree's root. 0 or -errno. */
int find_root(struct server *server, const char *path);

/* The node of an id, and its descriptor (O_PATH), opened again where it had to be closed. -ESTALE
 * for ids of nobody, and for files that are not to be found any more. -EACCES for what the guest
 * may only see the outside of. The descriptor is good until the next call of this file. */
int find_node(struct server *server, uint64_t id, struct node **ret, int *ret_fd);
/* The same, for those who ask only how it looks from outside. */
int find_outside(struct server *server, uint64_t id, struct node **ret, int *ret_fd);

/* Looks a name up in a directory whose descriptor is fd, and counts that for the guest. -ENOENT,
 * ...
 */
int find_name(struct server *server, struct node *directory, int fd, const char *name,
	struct node **ret, struct statx *ret_stat);
/* The same of a descriptor that was opened by that name; it is taken in any case. A file that has
 * no name has no directory either. */
int find_opened(struct server *server, struct node *directory, const char *name, int fd,
	struct node **ret, struct statx *ret_stat);

/* After a name came to stand for another file: if its node is known, it is found there. */
void find_moved(struct server *server, uint64_t directory, const char *name);
/* Before a name goes: if its node is known, its descriptor stays. */
void find_going(struct server *server, int directory_fd, const char *name);

/* How a file looks, by its descriptor. */
int find_stat(int fd, struct statx *ret);

/* Room for one more descriptor, at the expense of those used longest ago. */
void find_room(struct server *server);

#endif
