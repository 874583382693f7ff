/* SPDX-License-Identifier: Apache-2.0 */
/* The content of open files. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "vm/files/attr.h"
#include "vm/files/find.h"
#include "vm/files/ops.h"

/* A copy that takes long would keep everybody else waiting: the guest asks again for the rest. */
#define COPIED_AT_ONCE (16u << 20)

int op_read(struct server *server, const struct wire_request *request)
{
	const struct fuse_read_in *in = &request->in.read;
	const struct handle *handle = ops_file(server, request, in->fh);
	size_t len = in->size < KS_MAX_FILES_TRANSFER ? in->size : KS_MAX_FILES_TRANSFER;
	ssize_t got;

	if (!handle)
		return -EBADF;
	if (in->offset > INT64_MAX)
		return -EINVAL;
	got = pread(handle->fd, server->reply.body, len, (off_t)in->offset);
	if (got < 0)
		return -errno;
	server->reply.len = (size_t)got;
	return 0;
}

static bool version_of(int fd, struct node_version *ret)
{
	struct statx stat;

	if (find_stat(fd, &stat) < 0)
		return false;
	*ret = attr_version(&stat);
	return true;
}

int op_write(struct server *server, const struct wire_request *request)
{
	const struct fuse_write_in *in = &request->in.write;
	const struct handle *handle = ops_file(server, request, in->fh);
	struct node *node = nodes_get(&server->nodes, request->header.nodeid);
	struct iovec bytes = {(void *)request->data, request->data_len};
	struct fuse_write_out out = {0};
	struct node_version before;
	bool own;
	ssize_t wrote;
	int flags;

	if (!handle || !node)
		return -EBADF;
	if (in->offset > INT64_MAX)
		return -EINVAL;
	flags = handle->append && !(in->write_flags & FUSE_WRITE_CACHE) ? RWF_APPEND : 0;
	/* What nobody else has changed meanwhile, the guest may keep in its cache. */
	own = version_of(handle->fd, &before) && attr_same_version(&before, &node->version);
	wrote = syscall(SYS_pwritev2, handle->fd, &bytes, 1, (long)in->offset, 0, flags);
	if (wrote < 0)
		return -errno;
	if (own)
		(void)version_of(handle->fd, &node->version);
	out.size = (uint32_t)wrote;
	return reply_with(&server->reply, &out, sizeof(out));
}

int op_lseek(struct server *server, const struct wire_request *request)
{
	const struct fuse_lseek_in *in = &request->in.lseek;
	const struct handle *handle = ops_file(server, request, in->fh);
	struct fuse_lseek_out out;
	off_t at;

	if (!handle)
		return -EBADF;
	if (in->offset > INT64_MAX || (in->whence != SEEK_DATA && in->whence != SEEK_HOLE))
		return -EINVAL;
	at = lseek(handle->fd, (off_t)in->offset, (int)in->whence);
	if (at < 0)
		return -errno;
	out.offset = (uint64_t)at;
	return reply_with(&server->reply, &out, sizeof(out));
}

int op_fallocate(struct server *server, const struct wire_request *request)
{
	const struct fuse_fallocate_in *in = &request->in.fallocate;
	const struct handle *handle = ops_file(server, request, in->fh);

	if (!handle)
		return -EBADF;
	if (in->offset > INT64_MAX || in->length > INT64_MAX)
		return -EFBIG;
	return fallocate(handle->fd, (int)in->mode, (off_t)in->offset, (off_t)in->length) < 0
		       ? -errno
		       : 0;
}

int op_copy(struct server *server, const struct wire_request *request)
{
	const struct fuse_copy_file_range_in *in = &request->in.copy;
	const struct handle *from = ops_file(server, request, in->fh_in);
	const struct handle *to = handles_get(&server->handles, in->fh_out, in->nodeid_out, false);
	size_t len = in->len < COPIED_AT_ONCE ? (size_t)in->len : COPIED_AT_ONCE;
	int64_t from_at = (int64_t)in->off_in, to_at = (int64_t)in->off_out;
	struct fuse_write_out out = {0};
	ssize_t copied;

	if (!from || !to)
		return -EBADF;
	if (from_at < 0 || to_at < 0 || in->flags)
		return -EINVAL;
	copied = syscall(SYS_copy_file_range, from->fd, &from_at, to->fd, &to_at, len, 0);
	if (copied < 0)
		return -errno;
	out.size = (uint32_t)copied;
	return reply_with(&server->reply, &out, sizeof(out));
}
