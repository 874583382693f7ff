/* SPDX-License-Identifier: Apache-2.0 */
/* New names. The host's kernel decides whether they may be made, and whose they are: the files that
 * a worker makes belong to the user of the jail this server is in. */
#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vm/files/find.h"
#include "vm/files/ops.h"

#define MODES 07777u

void ops_umask(struct server *server, uint32_t mask)
{
	mask &= 0777;
	if (server->umask != mask)
		umask((mode_t)mask);
	server->umask = (mode_t)mask;
}

/* What was made is looked up like anything else; -errno of making it comes first. */
static int made(struct server *server, struct node *directory, int fd, const char *name, int result)
{
	struct node *node;
	struct statx stat;
	int r;

	if (result < 0)
		return -errno;
	r = find_name(server, directory, fd, name, &node, &stat);
	return r < 0 ? r : ops_entry(server, node, &stat);
}

/* No devices, no programs that run as another user. */
static int check_mode(uint32_t mode)
{
	uint32_t type = mode & S_IFMT;

	if (type && type != S_IFREG && type != S_IFIFO && type != S_IFSOCK)
		return -EPERM;
	return mode & SET_IDS ? -EPERM : 0;
}

int op_mknod(struct server *server, const struct wire_request *request)
{
	const struct fuse_mknod_in *in = &request->in.mknod;
	struct node *directory;
	int fd;
	int r = find_node(server, request->header.nodeid, &directory, &fd);

	if (r == 0)
		r = check_mode(in->mode);
	if (r < 0)
		return r;
	ops_umask(server, in->umask);
	return made(server, directory, fd, request->name,
		mknodat(fd, request->name, in->mode & (S_IFMT | MODES), 0));
}

int op_mkdir(struct server *server, const struct wire_request *request)
{
	const struct fuse_mkdir_in *in = &request->in.mkdir;
	struct node *directory;
	int fd;
	int r = find_node(server, request->header.nodeid, &directory, &fd);

	if (r < 0)
		return r;
	/* The kernel of the guest hands on the group bit of the directory above, as ours will. */
	ops_umask(server, in->umask);
	return made(server, directory, fd, request->name,
		mkdirat(fd, request->name, in->mode & MODES & ~(uint32_t)SET_IDS));
}

int op_symlink(struct server *server, const struct wire_request *request)
{
	struct node *directory;
	int fd;
	int r = find_node(server, request->header.nodeid, &directory, &fd);

	if (r < 0)
		return r;
	return made(server, directory, fd, request->name,
		symlinkat(request->second, fd, request->name));
}

int op_link(struct server *server, const struct wire_request *request)
{
	struct node *directory, *old;
	char path[FD_PATH];
	int fd, old_fd;
	bool pinned;
	int r = find_node(server, request->in.link.oldnodeid, &old, &old_fd);

	if (r < 0)
		return r;
	/* The way to the directory must not cost the file its descriptor. */
	pinned = old->pinned;
	old->pinned = true;
	r = find_node(server, request->header.nodeid, &directory, &fd);
	old->pinned = pinned;
	if (r < 0)
		return r;
	return made(server, directory, fd, request->name,
		linkat(AT_FDCWD, fd_path(old_fd, path), fd, request->name, AT_SYMLINK_FOLLOW));
}
