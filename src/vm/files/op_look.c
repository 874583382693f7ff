/* SPDX-License-Identifier: Apache-2.0 */
/* Names, and how files look. Nothing here changes the tree. */
#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "vm/files/attr.h"
#include "vm/files/find.h"
#include "vm/files/ops.h"

int ops_entry(struct server *server, const struct node *node, const struct statx *stat)
{
	struct fuse_entry_out out = attr_entry(server, node, stat);

	return reply_with(&server->reply, &out, sizeof(out));
}

/* When a name is looked up again, the guest's kernel takes every failure but this one for a name
 * that is gone, and unmounts what lies on it: so only what is said of the name itself is passed on.
 */
static int about_name(int r)
{
	switch (-r) {
	case 0:
	case EACCES:
	case ELOOP:
	case ENAMETOOLONG:
	case ENOENT:
	case ENOTDIR:
	case ESTALE:
		return r;
	default:
		return -ENOMEM;
	}
}

int op_lookup(struct server *server, const struct wire_request *request)
{
	struct node *directory, *node;
	struct statx stat;
	int fd;
	int r = find_node(server, request->header.nodeid, &directory, &fd);

	if (r == 0)
		r = find_name(server, directory, fd, request->name, &node, &stat);
	if (r == 0)
		return ops_entry(server, node, &stat);
	/* An entry without a node says for how long there is none. */
	if (r == -ENOENT && attr_seconds(server, directory)) {
		struct fuse_entry_out out = {.entry_valid = attr_seconds(server, directory)};

		return reply_with(&server->reply, &out, sizeof(out));
	}
	return about_name(r);
}

static void forget(struct server *server, uint64_t id, uint64_t lookups)
{
	struct node *node = nodes_get(&server->nodes, id);
	int fd = node ? nodes_forget(&server->nodes, node, lookups) : -1;

	if (fd >= 0)
		close(fd);
	if (node && !nodes_get(&server->nodes, id))
		locks_forget(server, id);
}

int op_forget(struct server *server, const struct wire_request *request)
{
	forget(server, request->header.nodeid, request->in.forget.nlookup);
	return NO_REPLY;
}

int op_batch_forget(struct server *server, const struct wire_request *request)
{
	for (uint32_t i = 0; i < request->in.batch_forget.count; i++) {
		struct fuse_forget_one one = wire_forget(request, i);

		forget(server, one.nodeid, one.nlookup);
	}
	return NO_REPLY;
}

int op_getattr(struct server *server, const struct wire_request *request)
{
	struct node *node;
	struct fuse_attr_out out;
	struct statx stat;
	int fd;
	int r = find_outside(server, request->header.nodeid, &node, &fd);

	/* By the node also where the guest has a handle: it is the same file. */
	if (r == 0)
		r = find_stat(fd, &stat);
	if (r < 0)
		return r;
	out = attr_out(server, node, &stat);
	return reply_with(&server->reply, &out, sizeof(out));
}

int op_readlink(struct server *server, const struct wire_request *request)
{
	struct node *node;
	ssize_t len;
	int fd;
	int r = find_node(server, request->header.nodeid, &node, &fd);

	if (r < 0)
		return r;
	if (node->identity.type != S_IFLNK)
		return -EINVAL;
	len = readlinkat(fd, "", (char *)server->reply.body, KS_MAX_PATH);
	if (len < 0)
		return -errno;
	server->reply.len = (size_t)len;
	return 0;
}

int op_access(struct server *server, const struct wire_request *request)
{
	char path[FD_PATH];
	struct node *node;
	int fd;
	int r = find_node(server, request->header.nodeid, &node, &fd);

	if (r < 0)
		return r;
	if (request->in.access.mask & ~(uint32_t)(R_OK | W_OK | X_OK))
		return -EINVAL;
	return faccessat(AT_FDCWD, fd_path(fd, path), (int)request->in.access.mask, 0) < 0 ? -errno
											   : 0;
}

int op_statfs(struct server *server, const struct wire_request *request)
{
	struct fuse_statfs_out out;
	struct node *node;
	struct statfs fs;
	int fd;
	int r = find_outside(server, request->header.nodeid, &node, &fd);

	if (r < 0)
		return r;
	if (fstatfs(fd, &fs) < 0)
		return -errno;
	out = (struct fuse_statfs_out){{
		.blocks = fs.f_blocks,
		.bfree = fs.f_bfree,
		.bavail = fs.f_bavail,
		.files = fs.f_files,
		.ffree = fs.f_ffree,
		.bsize = (uint32_t)fs.f_bsize,
		.namelen = (uint32_t)fs.f_namelen,
		.frsize = (uint32_t)fs.f_frsize,
	}};
	return reply_with(&server->reply, &out, sizeof(out));
}
