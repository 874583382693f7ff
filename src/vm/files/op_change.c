/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes, and names that go or move. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vm/files/attr.h"
#include "vm/files/find.h"
#include "vm/files/ops.h"

static int result_of(int result)
{
	return result < 0 ? -errno : 0;
}

static int set_mode(const struct node *node, const char *path, const struct fuse_setattr_in *in)
{
	if (!(in->valid & FATTR_MODE))
		return 0;
	/* A link has none; through the path of its descriptor, some kernels would set it. */
	if (node->identity.type == S_IFLNK)
		return -EOPNOTSUPP;
	if (node->identity.type != S_IFDIR && in->mode & SET_IDS)
		return -EPERM;
	return result_of(fchmodat(AT_FDCWD, path, in->mode & 07777, 0));
}

static int set_owner(int fd, const struct fuse_setattr_in *in)
{
	if (!(in->valid & (FATTR_UID | FATTR_GID)))
		return 0;
	return result_of(fchownat(fd, "", in->valid & FATTR_UID ? in->uid : (uid_t)-1,
		in->valid & FATTR_GID ? in->gid : (gid_t)-1, AT_EMPTY_PATH));
}

/* With a handle what counts is how it was opened; the file's mode may forbid it by now. */
static int set_size(struct server *server, const struct wire_request *request,
	const struct node *node, const char *path)
{
	const struct fuse_setattr_in *in = &request->in.setattr;
	const struct handle *handle;

	if (!(in->valid & FATTR_SIZE))
		return 0;
	if (node->identity.type != S_IFREG)
		return -EINVAL;
	if (in->size > INT64_MAX)
		return -EFBIG;
	if (!(in->valid & FATTR_FH))
		return result_of(truncate(path, (off_t)in->size));
	handle = ops_file(server, request, in->fh);
	return handle ? result_of(ftruncate(handle->fd, (off_t)in->size)) : -EBADF;
}

static struct timespec time_of(
	uint32_t valid, uint32_t set, uint32_t now, uint64_t sec, uint32_t nsec)
{
	if (valid & now)
		return (struct timespec){0, UTIME_NOW};
	if (valid & set && nsec < 1000000000)
		return (struct timespec){(time_t)sec, nsec};
	return (struct timespec){0, UTIME_OMIT};
}

static int set_times(const char *path, const struct fuse_setattr_in *in)
{
	const struct timespec times[2] = {
		time_of(in->valid, FATTR_ATIME, FATTR_ATIME_NOW, in->atime, in->atimensec),
		time_of(in->valid, FATTR_MTIME, FATTR_MTIME_NOW, in->mtime, in->mtimensec),
	};

	if (!(in->valid & (FATTR_ATIME | FATTR_MTIME)))
		return 0;
	return result_of(utimensat(AT_FDCWD, path, times, 0));
}

int op_setattr(struct server *server, const struct wire_request *request)
{
	const struct fuse_setattr_in *in = &request->in.setattr;
	char path[FD_PATH];
	struct node *node;
	int fd;
	int r = find_node(server, request->header.nodeid, &node, &fd);

	if (r < 0)
		return r;
	fd_path(fd, path);
	r = set_mode(node, path, in);
	if (r == 0)
		r = set_owner(fd, in);
	if (r == 0)
		r = set_size(server, request, node, path);
	if (r == 0)
		r = set_times(path, in);
	return r < 0 ? r : op_getattr(server, request);
}

static int remove_name(struct server *server, const struct wire_request *request, int flags)
{
	struct node *directory;
	int fd;
	int r = find_node(server, request->header.nodeid, &directory, &fd);

	if (r < 0)
		return r;
	find_going(server, fd, request->name);
	/* Its own descriptor may have cost a room: once more, now that all are open. */
	r = find_node(server, request->header.nodeid, &directory, &fd);
	return r < 0 ? r : result_of(unlinkat(fd, request->name, flags));
}

int op_unlink(struct server *server, const struct wire_request *request)
{
	return remove_name(server, request, 0);
}

int op_rmdir(struct server *server, const struct wire_request *request)
{
	return remove_name(server, request, AT_REMOVEDIR);
}

static int rename_pinned(
	struct server *server, const struct wire_request *request, int from, unsigned flags)
{
	uint64_t new_directory = request->in.rename.newdir;
	struct node *node;
	int to;
	int r = find_node(server, new_directory, &node, &to);

	if (r < 0)
		return r;
	find_going(server, to, request->second);
	r = find_node(server, new_directory, &node, &to);
	if (r < 0)
		return r;
	if (syscall(SYS_renameat2, from, request->name, to, request->second, flags) < 0)
		return -errno;
	find_moved(server, new_directory, request->second);
	if (flags & RENAME_EXCHANGE)
		find_moved(server, request->header.nodeid, request->name);
	return 0;
}

static int rename_with(struct server *server, const struct wire_request *request, unsigned flags)
{
	struct node *node;
	bool pinned;
	int from;
	int r = find_node(server, request->header.nodeid, &node, &from);

	if (r < 0)
		return r;
	/* The way to the other directory must not cost this one its descriptor. */
	pinned = node->pinned;
	node->pinned = true;
	r = rename_pinned(server, request, from, flags);
	node->pinned = pinned;
	return r;
}

int op_rename(struct server *server, const struct wire_request *request)
{
	return rename_with(server, request, 0);
}

int op_rename2(struct server *server, const struct wire_request *request)
{
	/* A whiteout is a device of an overlay. */
	if (request->in.rename.flags & ~(uint32_t)(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	return rename_with(server, request, request->in.rename.flags);
}
