/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/files/nodes.h"

#include <errno.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"

#define BUCKETS 65536u
#define ROOT_INDEX 1u

static struct node *at(const struct nodes *nodes, uint32_t index)
{
	return &nodes->chunks[index / NODES_CHUNK][index % NODES_CHUNK];
}

bool nodes_same(const struct node_identity *a, const struct node_identity *b)
{
	return a->device == b->device && a->inode == b->inode && a->mount == b->mount &&
	       a->born_sec == b->born_sec && a->born_nsec == b->born_nsec && a->type == b->type;
}

/* Births are left out: files of one number are few. */
static uint32_t bucket_of(const struct node_identity *identity)
{
	uint64_t mixed = identity->inode * 0x9e3779b97f4a7c15ull;

	mixed ^= (identity->device + identity->mount * 31) * 0xc2b2ae3d27d4eb4full;
	return (uint32_t)(mixed >> 40) % BUCKETS;
}

/* In and out of the list of those with a descriptor. */
static void list_remove(struct nodes *nodes, struct node *node)
{
	if (node->newer)
		at(nodes, node->newer)->older = node->older;
	else
		nodes->newest = node->older;
	if (node->older)
		at(nodes, node->older)->newer = node->newer;
	else
		nodes->oldest = node->newer;
	node->newer = node->older = 0;
}

static void list_add(struct nodes *nodes, struct node *node)
{
	node->newer = 0;
	node->older = nodes->newest;
	if (nodes->newest)
		at(nodes, nodes->newest)->newer = node->index;
	else
		nodes->oldest = node->index;
	nodes->newest = node->index;
}

static int take_place(struct nodes *nodes, struct node **ret)
{
	uint32_t index = nodes->free;

	if (index) {
		*ret = at(nodes, index);
		nodes->free = (*ret)->next;
		return 0;
	}
	index = nodes->made;
	if (index >= KS_MAX_FILES_NODES)
		return -ENFILE;
	if (!nodes->chunks[index / NODES_CHUNK]) {
		struct node *chunk = calloc(NODES_CHUNK, sizeof(*chunk));

		if (!chunk)
			return -ENOMEM;
		nodes->chunks[index / NODES_CHUNK] = chunk;
	}
	nodes->made++;
	*ret = at(nodes, index);
	(*ret)->index = index;
	return 0;
}

static void hash_remove(struct nodes *nodes, struct node *node)
{
	uint32_t *slot = &nodes->buckets[bucket_of(&node->identity)];

	while (*slot && *slot != node->index)
		slot = &at(nodes, *slot)->next;
	if (*slot)
		*slot = node->next;
}

int nodes_add(struct nodes *nodes, const struct node_identity *identity, struct node **ret)
{
	uint32_t *bucket = &nodes->buckets[bucket_of(identity)];
	struct node *node;
	int r = take_place(nodes, &node);

	if (r < 0)
		return r;
	*node = (struct node){.identity = *identity,
		.index = node->index,
		.generation = node->generation,
		.next = *bucket,
		.fd = -1};
	*bucket = node->index;
	nodes->count++;
	*ret = node;
	return 0;
}

int nodes_start(struct nodes *nodes, const struct node_identity *root, int fd)
{
	struct node *node;
	int r;

	*nodes = (struct nodes){.made = ROOT_INDEX};
	nodes->chunks = calloc(NODES_CHUNKS, sizeof(struct node *));
	nodes->buckets = calloc(BUCKETS, sizeof(uint32_t));
	r = nodes->chunks && nodes->buckets ? nodes_add(nodes, root, &node) : -ENOMEM;
	if (r < 0) {
		nodes_end(nodes, NULL);
		return r;
	}
	node->lookups = 1;
	node->fd = fd;
	return 0;
}

void nodes_end(struct nodes *nodes, int (*close_fd)(int))
{
	for (uint32_t i = ROOT_INDEX; nodes->chunks && i < nodes->made; i++) {
		if (close_fd && at(nodes, i)->fd >= 0)
			(void)close_fd(at(nodes, i)->fd);
		free(at(nodes, i)->name);
	}
	for (uint32_t i = 0; nodes->chunks && i < NODES_CHUNKS; i++)
		free(nodes->chunks[i]);
	free(nodes->chunks);
	free(nodes->buckets);
	*nodes = (struct nodes){0};
}

struct node *nodes_get(struct nodes *nodes, uint64_t id)
{
	uint32_t index = (uint32_t)id;
	struct node *node;

	if (index < ROOT_INDEX || index >= nodes->made)
		return NULL;
	node = at(nodes, index);
	return node->lookups && node->generation == id >> 32 ? node : NULL;
}

uint64_t nodes_id(const struct node *node)
{
	return (uint64_t)node->generation << 32 | node->index;
}

struct node *nodes_find(struct nodes *nodes, const struct node_identity *identity)
{
	uint32_t index = nodes->buckets[bucket_of(identity)];

	while (index && !nodes_same(&at(nodes, index)->identity, identity))
		index = at(nodes, index)->next;
	return index ? at(nodes, index) : NULL;
}

void nodes_place(struct node *node, const struct node *parent, const char *name)
{
	uint64_t id = nodes_id(parent);
	char *copy;

	if (node->index == ROOT_INDEX)
		return;
	if (node->name && node->parent == id && strcmp(node->name, name) == 0)
		return;
	copy = strdup(name);
	if (!copy)
		return;
	free(node->name);
	node->name = copy;
	node->parent = id;
	node->pinned = false;
}

int nodes_forget(struct nodes *nodes, struct node *node, uint64_t lookups)
{
	int fd = node->fd;

	if (node->index == ROOT_INDEX)
		return -1;
	if (lookups < node->lookups) {
		node->lookups -= lookups;
		return -1;
	}
	if (fd >= 0) {
		list_remove(nodes, node);
		nodes->open--;
	}
	hash_remove(nodes, node);
	free(node->name);
	*node = (struct node){.index = node->index,
		.generation = node->generation + 1,
		.next = nodes->free,
		.fd = -1};
	nodes->free = node->index;
	nodes->count--;
	return fd;
}

void nodes_hold(struct nodes *nodes, struct node *node, int fd)
{
	node->fd = fd;
	nodes->open++;
	list_add(nodes, node);
}

void nodes_touch(struct nodes *nodes, struct node *node)
{
	if (node->index == ROOT_INDEX || node->index == nodes->newest || node->fd < 0)
		return;
	list_remove(nodes, node);
	list_add(nodes, node);
}

int nodes_release_oldest(struct nodes *nodes)
{
	uint32_t index = nodes->oldest;
	struct node *node;
	int fd;

	/* Those without a name, or that could not be given one, cannot be found again. */
	while (index && (at(nodes, index)->pinned || !at(nodes, index)->name))
		index = at(nodes, index)->newer;
	if (!index || index == nodes->newest)
		return -1;
	node = at(nodes, index);
	fd = node->fd;
	list_remove(nodes, node);
	node->fd = -1;
	nodes->open--;
	return fd;
}
