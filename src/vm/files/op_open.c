/* SPDX-License-Identifier: Apache-2.0 */
/* Files are opened through their O_PATH descriptors, whose kind is known: never a device, a FIFO or
 * a socket of the host, whose opening may wait or do something. Those the guest's kernel has of its
 * own. */
#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "vm/files/attr.h"
#include "vm/files/find.h"
#include "vm/files/ops.h"

/* Appending is said with each write (RWF_APPEND), because what the guest's kernel writes back of a
 * mapped file goes through any handle, to where it belongs. Direct transfers would need memory that
 * is aligned as the disk is. */
#define ACCESS 3 /* O_ACCMODE, which with musl has O_PATH in it */
#define PASSED (ACCESS | O_TRUNC | O_SYNC | O_DSYNC | O_NOATIME)
#define ALWAYS (O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

int ops_handle(struct server *server, const struct node *node, int fd, bool append, uint64_t *ret)
{
	struct handle handle = {.node = nodes_id(node),
		.fd = fd,
		.append = append,
		.directory = node->identity.type == S_IFDIR};

	*ret = handles_add(&server->handles, &handle);
	if (*ret)
		return 0;
	close(fd);
	return -ENFILE;
}

struct handle *ops_file(struct server *server, const struct wire_request *request, uint64_t number)
{
	return handles_get(&server->handles, number, request->header.nodeid, false);
}

static int open_node(struct server *server, int node_fd, uint32_t flags)
{
	char path[FD_PATH];
	int fd;

	find_room(server);
	fd = openat(AT_FDCWD, fd_path(node_fd, path), (int)(flags & PASSED) | ALWAYS);
	return fd < 0 ? -errno : fd;
}

/* Whether the guest may keep what it has read of the file at an earlier time. */
static uint32_t open_flags(struct server *server, struct node *node, int fd, uint32_t flags)
{
	const struct files_mount *mount = &server->mounts.list[node->mount];
	uint32_t told = 0;
	struct statx stat;

	/* Nothing is flushed that was not written; locks go with the handle. */
	if (mount->read_only && (flags & ACCESS) == O_RDONLY && mount->trust == MOUNT_STEADY)
		told |= FOPEN_NOFLUSH;
	if (mount->trust == MOUNT_STEADY)
		return told | FOPEN_KEEP_CACHE;
	if (find_stat(fd, &stat) == 0) {
		struct node_version now = attr_version(&stat);

		if (attr_same_version(&now, &node->version))
			told |= FOPEN_KEEP_CACHE;
		node->version = now;
	}
	return told;
}

int op_open(struct server *server, const struct wire_request *request)
{
	struct fuse_open_out out = {0};
	struct node *node;
	int fd;
	int r = find_node(server, request->header.nodeid, &node, &fd);

	if (r < 0)
		return r;
	if (node->identity.type != S_IFREG)
		return node->identity.type == S_IFDIR ? -EISDIR : -EACCES;
	fd = open_node(server, fd, request->in.open.flags);
	if (fd < 0)
		return fd;
	out.open_flags = open_flags(server, node, fd, request->in.open.flags);
	r = ops_handle(server, node, fd, request->in.open.flags & O_APPEND, &out.fh);
	return r < 0 ? r : reply_with(&server->reply, &out, sizeof(out));
}

struct created {
	struct fuse_entry_out entry;
	struct fuse_open_out open;
};

/* The descriptor is taken; the node was counted for the guest, which takes it back on failure. */
static int answer_created(
	struct server *server, const struct wire_request *request, struct node *node, int opened)
{
	struct created out = {0};
	autofd int fd = opened;
	struct statx stat;
	int r = fd < 0 ? fd : find_stat(fd, &stat);

	if (r == 0) {
		out.entry = attr_entry(server, node, &stat);
		out.open.open_flags = open_flags(server, node, fd, request->in.create.flags);
		r = ops_handle(server, node, take_fd(&fd), request->in.create.flags & O_APPEND,
			&out.open.fh);
	}
	if (r < 0) {
		int unused = nodes_forget(&server->nodes, node, 1);

		if (unused >= 0)
			close(unused);
		return r;
	}
	return reply_with(&server->reply, &out, sizeof(out));
}

/* The descriptor is taken. The node is found through it: whatever happens to the name meanwhile,
 * handle and node are one file. */
static int created(struct server *server, const struct wire_request *request,
	struct node *directory, int opened)
{
	autofd int fd = opened;
	struct node *node;
	char path[FD_PATH];
	struct statx stat;
	int r, node_fd;

	find_room(server);
	node_fd = openat(AT_FDCWD, fd_path(fd, path), O_PATH | O_CLOEXEC);
	if (node_fd < 0)
		return -errno;
	r = find_opened(server, directory, request->name, node_fd, &node, &stat);
	return r < 0 ? r : answer_created(server, request, node, take_fd(&fd));
}

/* Somebody else's file has the name: it is opened like any other. */
static int create_existing(
	struct server *server, const struct wire_request *request, struct node *directory, int fd)
{
	struct node *node;
	struct statx stat;
	int r = find_name(server, directory, fd, request->name, &node, &stat);

	if (r < 0)
		return r;
	if (node->identity.type == S_IFREG)
		fd = open_node(server, node->fd, request->in.create.flags);
	else
		fd = node->identity.type == S_IFDIR ? -EISDIR : -EACCES;
	return answer_created(server, request, node, fd);
}

/* The directory of a file that is to be made, once it may be. */
static int begin_create(struct server *server, const struct wire_request *request,
	struct node **ret_directory, int *ret_fd)
{
	int r = find_node(server, request->header.nodeid, ret_directory, ret_fd);

	if (r < 0)
		return r;
	if (request->in.create.mode & SET_IDS)
		return -EPERM;
	ops_umask(server, request->in.create.umask);
	find_room(server);
	return 0;
}

int op_create(struct server *server, const struct wire_request *request)
{
	const struct fuse_create_in *in = &request->in.create;
	struct node *directory;
	int fd, opened;
	int r = begin_create(server, request, &directory, &fd);

	if (r < 0)
		return r;
	/* Exclusively in any case: what is there already may be no file. */
	opened = openat(fd, request->name,
		(int)(in->flags & PASSED & ~(uint32_t)O_TRUNC) | O_CREAT | O_EXCL | O_NOFOLLOW |
			ALWAYS,
		in->mode & 07777);
	if (opened >= 0)
		return created(server, request, directory, opened);
	if (errno != EEXIST || in->flags & O_EXCL)
		return -errno;
	return create_existing(server, request, directory, fd);
}

int op_tmpfile(struct server *server, const struct wire_request *request)
{
	const struct fuse_create_in *in = &request->in.create;
	struct node *directory;
	char path[FD_PATH];
	int fd, opened;
	int r = begin_create(server, request, &directory, &fd);

	if (r < 0)
		return r;
	opened = openat(AT_FDCWD, fd_path(fd, path),
		(int)(in->flags & PASSED & ~(uint32_t)O_TRUNC) | (int)(in->flags & O_EXCL) |
			O_TMPFILE | ALWAYS,
		in->mode & 07777);
	return opened < 0 ? -errno : created(server, request, NULL, opened);
}

int op_release(struct server *server, const struct wire_request *request)
{
	const struct fuse_release_in *in = &request->in.release;
	struct handle *handle = ops_file(server, request, in->fh);

	if (!handle)
		return -EBADF;
	/* The end of the open file is the end of its flock() locks. */
	close(handles_remove(&server->handles, handle));
	/* Where nothing is flushed, the last handle takes the other kind with it. */
	if (!handles_has(&server->handles, request->header.nodeid))
		locks_forget(server, request->header.nodeid);
	server->locks.given_back = true;
	return 0;
}

/* At each close() of a program: the end of its fcntl() locks, and where errors of earlier writes
 * are told. */
int op_flush(struct server *server, const struct wire_request *request)
{
	const struct handle *handle = ops_file(server, request, request->in.flush.fh);
	int copy;

	if (!handle)
		return -EBADF;
	locks_drop(server, request->header.nodeid, request->in.flush.lock_owner);
	copy = dup(handle->fd);
	return copy < 0 || close(copy) < 0 ? -errno : 0;
}

int op_fsync(struct server *server, const struct wire_request *request)
{
	const struct handle *handle = ops_file(server, request, request->in.fsync.fh);
	bool data = request->in.fsync.fsync_flags & FUSE_FSYNC_FDATASYNC;

	if (!handle)
		return -EBADF;
	return (data ? fdatasync(handle->fd) : fsync(handle->fd)) < 0 ? -errno : 0;
}
