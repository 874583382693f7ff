/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/files/find.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

#define LOOK (O_PATH | O_NOFOLLOW | O_CLOEXEC)
#define DEEPEST (KS_MAX_PATH / 2) /* components of a path, and more than any has */
#ifndef ST_RDONLY
#define ST_RDONLY 1
#endif

const char *fd_path(int fd, char text[FD_PATH])
{
	size_t len = 1;

	for (int rest = fd; rest >= 10; rest /= 10)
		len++;
	text[len] = '\0';
	while (len > 0) {
		text[--len] = (char)('0' + fd % 10);
		fd /= 10;
	}
	return text;
}

int find_stat(int fd, struct statx *ret)
{
	const unsigned wanted = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID;

	*ret = (struct statx){0};
	return syscall(SYS_statx, fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, wanted, ret) < 0 ? -errno
											    : 0;
}

void find_room(struct server *server)
{
	while (server->nodes.open >= server->room) {
		int fd = nodes_release_oldest(&server->nodes);

		if (fd < 0)
			return;
		close(fd);
	}
}

/* One more try with what can be spared, for a process that may open less than it was told. */
static int open_name(struct server *server, int directory, const char *name)
{
	int fd;

	find_room(server);
	fd = openat(directory, name, LOOK);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
		int spared = nodes_release_oldest(&server->nodes);

		if (spared < 0)
			return -ENFILE;
		close(spared);
		fd = openat(directory, name, LOOK);
	}
	return fd < 0 ? -errno : fd;
}

static struct node_identity identity_of(const struct statx *stat)
{
	bool born = stat->stx_mask & STATX_BTIME;

	return (struct node_identity){
		.device = (uint64_t)stat->stx_dev_major << 32 | stat->stx_dev_minor,
		.inode = stat->stx_ino,
		.mount = stat->stx_mnt_id,
		.born_sec = born ? stat->stx_btime.tv_sec : 0,
		.born_nsec = born ? stat->stx_btime.tv_nsec : 0,
		.type = stat->stx_mode & S_IFMT,
	};
}

/* The path of a name in the tree, for a mount that is met there. Cut short where it is too long:
 * then it is none that anybody knows. */
static void path_in_tree(struct server *server, const struct node *directory, const char *name,
	char path[KS_MAX_PATH])
{
	size_t at = KS_MAX_PATH - 1;

	path[at] = '\0';
	for (size_t depth = 0; name && depth < DEEPEST; depth++) {
		size_t len = strlen(name);

		if (len + 1 > at)
			break;
		at -= len;
		memcpy(path + at, name, len);
		path[--at] = '/';
		name = directory ? directory->name : NULL;
		directory = directory ? nodes_get(&server->nodes, directory->parent) : NULL;
	}
	memmove(path, path + at, KS_MAX_PATH - at);
	if (!*path)
		memcpy(path, "/", sizeof("/"));
}

static int mount_of(struct server *server, int fd, const struct statx *stat,
	const struct node *directory, const char *name)
{
	int found = mounts_find(&server->mounts, stat->stx_mnt_id);
	uint64_t device = (uint64_t)stat->stx_dev_major << 32 | stat->stx_dev_minor;
	char path[KS_MAX_PATH];
	struct statfs fs;

	if (found >= 0)
		return found;
	if (fstatfs(fd, &fs) < 0)
		return -errno;
	path_in_tree(server, directory, name, path);
	return mounts_add(&server->mounts, stat->stx_mnt_id, device, (uint64_t)fs.f_type,
		fs.f_flags & ST_RDONLY, path);
}

int find_root(struct server *server, const char *path)
{
	autofd int fd = openat(AT_FDCWD, path, LOOK | O_DIRECTORY);
	struct node_identity identity;
	struct statx stat;
	int r;

	if (fd < 0)
		return -errno;
	r = find_stat(fd, &stat);
	if (r == 0 && !(stat.stx_mask & STATX_MNT_ID))
		r = -EOPNOTSUPP; /* Linux 5.8 */
	if (r == 0)
		r = mount_of(server, fd, &stat, NULL, NULL);
	if (r < 0)
		return r;
	identity = identity_of(&stat);
	r = nodes_start(&server->nodes, &identity, fd);
	if (r == 0)
		(void)take_fd(&fd);
	return r;
}

/* Opens a node in its directory again: it has to be the same file. */
static int open_again(struct server *server, struct node *node, const struct node *parent)
{
	int fd = open_name(server, parent->fd, node->name);
	struct node_identity found;
	struct statx stat;
	int r;

	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR ? -ESTALE : fd;
	r = find_stat(fd, &stat);
	if (r == 0) {
		found = identity_of(&stat);
		if (!nodes_same(&found, &node->identity))
			r = -ESTALE;
	}
	if (r < 0) {
		close(fd);
		return r;
	}
	nodes_hold(&server->nodes, node, fd);
	return 0;
}

/* Each round opens the highest directory on the way that is closed. */
static int reach(struct server *server, struct node *node)
{
	for (size_t rounds = 0; node->fd < 0 && rounds < DEEPEST; rounds++) {
		struct node *missing = node, *parent = NULL;
		int r;

		for (size_t depth = 0; depth < DEEPEST; depth++) {
			parent = nodes_get(&server->nodes, missing->parent);
			if (!missing->name || !parent)
				return -ESTALE;
			if (parent->fd >= 0)
				break;
			missing = parent;
		}
		if (!parent || parent->fd < 0)
			return -ESTALE;
		nodes_touch(&server->nodes, parent);
		r = open_again(server, missing, parent);
		if (r < 0)
			return r;
	}
	return node->fd < 0 ? -ESTALE : 0;
}

int find_outside(struct server *server, uint64_t id, struct node **ret, int *ret_fd)
{
	struct node *node = nodes_get(&server->nodes, id);
	int r;

	if (!node)
		return -ESTALE;
	r = node->fd >= 0 ? 0 : reach(server, node);
	if (r < 0)
		return r;
	nodes_touch(&server->nodes, node);
	*ret = node;
	*ret_fd = node->fd;
	return 0;
}

int find_node(struct server *server, uint64_t id, struct node **ret, int *ret_fd)
{
	int r = find_outside(server, id, ret, ret_fd);

	if (r == 0 && server->mounts.list[(*ret)->mount].trust == MOUNT_CLOSED)
		r = -EACCES;
	return r;
}

int find_opened(struct server *server, struct node *directory, const char *name, int opened,
	struct node **ret, struct statx *ret_stat)
{
	autofd int fd = opened;
	struct node_identity identity;
	struct node *node;
	int mount;
	int r = find_stat(fd, ret_stat);

	if (r < 0)
		return r;
	mount = mount_of(server, fd, ret_stat, directory, name);
	if (mount < 0)
		return mount;
	identity = identity_of(ret_stat);
	node = nodes_find(&server->nodes, &identity);
	if (!node) {
		r = nodes_add(&server->nodes, &identity, &node);
		if (r < 0)
			return r;
		node->mount = (uint32_t)mount;
	}
	if (node->fd < 0)
		nodes_hold(&server->nodes, node, take_fd(&fd));
	if (directory)
		nodes_place(node, directory, name);
	node->lookups++;
	*ret = node;
	return 0;
}

int find_name(struct server *server, struct node *directory, int fd, const char *name,
	struct node **ret, struct statx *ret_stat)
{
	int opened = open_name(server, fd, name);

	return opened < 0 ? opened : find_opened(server, directory, name, opened, ret, ret_stat);
}

/* The node that a name stands for, if the guest knows it. */
static struct node *known(struct server *server, int directory_fd, const char *name)
{
	struct node_identity identity;
	struct statx stat = {0};

	if (syscall(SYS_statx, directory_fd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
		    STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID, &stat) < 0)
		return NULL;
	identity = identity_of(&stat);
	return nodes_find(&server->nodes, &identity);
}

void find_moved(struct server *server, uint64_t directory, const char *name)
{
	struct node *parent = nodes_get(&server->nodes, directory);
	struct node *node = parent && parent->fd >= 0 ? known(server, parent->fd, name) : NULL;

	if (node)
		nodes_place(node, parent, name);
}

void find_going(struct server *server, int directory_fd, const char *name)
{
	struct node *node = known(server, directory_fd, name);

	if (node && reach(server, node) == 0)
		node->pinned = true;
}
