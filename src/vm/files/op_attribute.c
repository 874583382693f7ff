/* SPDX-License-Identifier: Apache-2.0 */
/* Extended attributes, access lists among them. Which ones a worker may set is decided by the
 * host's kernel, as for any other process of its user. */
#include <errno.h>
#include <sys/xattr.h>

#include "vm/files/find.h"
#include "vm/files/ops.h"

/* Of a size of 0 the guest wants to know how much there is. */
static int answer(struct server *server, const struct fuse_getxattr_in *in, ssize_t len)
{
	const struct fuse_getxattr_out out = {.size = (uint32_t)len};

	if (len < 0)
		return -errno;
	if (in->size == 0)
		return reply_with(&server->reply, &out, sizeof(out));
	server->reply.len = (size_t)len;
	return 0;
}

static size_t room_of(const struct fuse_getxattr_in *in)
{
	return in->size < KS_MAX_FILES_ATTRIBUTE ? in->size : KS_MAX_FILES_ATTRIBUTE;
}

static int path_of(struct server *server, const struct wire_request *request, char path[FD_PATH])
{
	struct node *node;
	int fd;
	int r = find_node(server, request->header.nodeid, &node, &fd);

	if (r == 0)
		fd_path(fd, path);
	return r;
}

int op_getxattr(struct server *server, const struct wire_request *request)
{
	const struct fuse_getxattr_in *in = &request->in.getxattr;
	char path[FD_PATH];
	int r = path_of(server, request, path);

	return r < 0 ? r
		     : answer(server, in,
			       getxattr(path, request->name, server->reply.body, room_of(in)));
}

int op_listxattr(struct server *server, const struct wire_request *request)
{
	const struct fuse_getxattr_in *in = &request->in.getxattr;
	char path[FD_PATH];
	int r = path_of(server, request, path);

	return r < 0 ? r
		     : answer(server, in, listxattr(path, (char *)server->reply.body, room_of(in)));
}

int op_setxattr(struct server *server, const struct wire_request *request)
{
	char path[FD_PATH];
	int r = path_of(server, request, path);

	if (r < 0)
		return r;
	return setxattr(path, request->name, request->data, request->data_len,
		       (int)request->in.setxattr.flags) < 0
		       ? -errno
		       : 0;
}

int op_removexattr(struct server *server, const struct wire_request *request)
{
	char path[FD_PATH];
	int r = path_of(server, request, path);

	if (r < 0)
		return r;
	return removexattr(path, request->name) < 0 ? -errno : 0;
}
