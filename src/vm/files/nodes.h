/* SPDX-License-Identifier: Apache-2.0 */
/* The files that the guest's kernel knows, by the ids it was given for them. Pure: descriptors are
 * numbers here, which the caller opens and closes.
 *
 * An id is a place in the table and how often the place was taken before, so that an id that was
 * forgotten, or made up, is no other file's. A node lives until the guest has forgotten it as often
 * as it has looked it up. Its descriptor (O_PATH) may be closed before that, when there are too
 * many: then its directory and its name find it again, and what is found has to be the same file.
 */
#ifndef KS_VM_FILES_NODES_H
#define KS_VM_FILES_NODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What makes a file the same: a number that was used again has another birth. The mount counts,
 * because the same file may be writable by one and not by another. */
struct node_identity {
	uint64_t device;
	uint64_t inode;
	uint64_t mount;
	int64_t born_sec;
	uint32_t born_nsec;
	uint32_t type; /* S_IFMT bits of the mode */
};

/* When the content was last known to be what the guest has in its cache. */
struct node_version {
	int64_t changed_sec, modified_sec;
	uint32_t changed_nsec, modified_nsec;
	uint64_t size;
};

struct node {
	struct node_identity identity;
	struct node_version version;
	uint64_t lookups; /* 0: the place is free */
	uint64_t parent; /* id of the directory it was last found in, which may be gone */
	char *name; /* and under which name; NULL for the root */
	uint32_t index;
	uint32_t generation;
	uint32_t next; /* of the same hash, or the next free one */
	uint32_t newer, older; /* among those with a descriptor; 0 is none */
	uint32_t mount; /* index of mounts.h */
	int fd; /* -1: closed for now */
	bool pinned; /* its name is gone: the descriptor is all there is */
};

#define NODES_CHUNK 1024u
#define NODES_CHUNKS (KS_MAX_FILES_NODES / NODES_CHUNK)

struct nodes {
	struct node **chunks;
	uint32_t *buckets;
	uint32_t made; /* places that were ever taken */
	uint32_t free;
	uint32_t count;
	uint32_t open; /* descriptors held */
	uint32_t newest, oldest;
};

/* The root takes FUSE_ROOT_ID; it is never forgotten, nor its descriptor closed. 0 or -ENOMEM. */
int nodes_start(struct nodes *nodes, const struct node_identity *root, int fd);
/* close_fd is called for each descriptor, and may be NULL. */
void nodes_end(struct nodes *nodes, int (*close_fd)(int));

/* NULL for an id that is nobody's. */
struct node *nodes_get(struct nodes *nodes, uint64_t id);
uint64_t nodes_id(const struct node *node);

struct node *nodes_find(struct nodes *nodes, const struct node_identity *identity);
bool nodes_same(const struct node_identity *a, const struct node_identity *b);
/* A node without lookups or descriptor, which the caller gives both, or -ENFILE, -ENOMEM. */
int nodes_add(struct nodes *nodes, const struct node_identity *identity, struct node **ret);
/* Where it was found. Without memory the name stays as it was. */
void nodes_place(struct node *node, const struct node *parent, const char *name);

/* The guest forgets so many lookups. Returns a descriptor to close, or -1. */
int nodes_forget(struct nodes *nodes, struct node *node, uint64_t lookups);

/* The node gets a descriptor; it counts as the one used last. */
void nodes_hold(struct nodes *nodes, struct node *node, int fd);
void nodes_touch(struct nodes *nodes, struct node *node);
/* The one used longest ago loses its descriptor, which is returned to be closed; -1 where every
 * one is needed. Never the one used last: somebody is at work with it. */
int nodes_release_oldest(struct nodes *nodes);

#endif
