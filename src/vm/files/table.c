/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/files/server.h"

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

#include "vm/files/ops.h"

static operation *const operations[] = {
	[FUSE_LOOKUP] = op_lookup,
	[FUSE_FORGET] = op_forget,
	[FUSE_GETATTR] = op_getattr,
	[FUSE_SETATTR] = op_setattr,
	[FUSE_READLINK] = op_readlink,
	[FUSE_SYMLINK] = op_symlink,
	[FUSE_MKNOD] = op_mknod,
	[FUSE_MKDIR] = op_mkdir,
	[FUSE_UNLINK] = op_unlink,
	[FUSE_RMDIR] = op_rmdir,
	[FUSE_RENAME] = op_rename,
	[FUSE_LINK] = op_link,
	[FUSE_OPEN] = op_open,
	[FUSE_READ] = op_read,
	[FUSE_WRITE] = op_write,
	[FUSE_STATFS] = op_statfs,
	[FUSE_RELEASE] = op_release,
	[FUSE_FSYNC] = op_fsync,
	[FUSE_SETXATTR] = op_setxattr,
	[FUSE_GETXATTR] = op_getxattr,
	[FUSE_LISTXATTR] = op_listxattr,
	[FUSE_REMOVEXATTR] = op_removexattr,
	[FUSE_FLUSH] = op_flush,
	[FUSE_INIT] = op_init,
	[FUSE_OPENDIR] = op_opendir,
	[FUSE_READDIR] = op_readdir,
	[FUSE_RELEASEDIR] = op_releasedir,
	[FUSE_FSYNCDIR] = op_fsyncdir,
	[FUSE_GETLK] = op_getlk,
	[FUSE_SETLK] = op_setlk,
	[FUSE_SETLKW] = op_setlkw,
	[FUSE_ACCESS] = op_access,
	[FUSE_CREATE] = op_create,
	[FUSE_INTERRUPT] = op_interrupt,
	[FUSE_DESTROY] = op_destroy,
	[FUSE_BATCH_FORGET] = op_batch_forget,
	[FUSE_FALLOCATE] = op_fallocate,
	[FUSE_READDIRPLUS] = op_readdirplus,
	[FUSE_RENAME2] = op_rename2,
	[FUSE_LSEEK] = op_lseek,
	[FUSE_COPY_FILE_RANGE] = op_copy,
	[FUSE_TMPFILE] = op_tmpfile,
};

/* These are never answered, whatever becomes of them. */
static bool is_silent(uint32_t opcode)
{
	return opcode == FUSE_FORGET || opcode == FUSE_BATCH_FORGET || opcode == FUSE_INTERRUPT;
}

int server_take(struct server *server, const uint8_t *message, size_t len)
{
	struct wire_request request;
	int r = wire_parse(message, len, &request);
	uint32_t opcode = request.header.opcode;

	/* A kernel begins with FUSE_INIT, says it once, and marks what it wants answered. */
	if (!server->started && (opcode != FUSE_INIT || r < 0))
		return -EPROTO;
	if (request.header.unique == 0 && !is_silent(opcode))
		return -EPROTO;
	server->reply.len = 0;
	if (r == 0)
		r = operations[opcode](server, &request);
	if (r == -EPROTO && opcode == FUSE_INIT)
		return r;
	if (r == NO_REPLY || is_silent(opcode))
		return 0;
	return reply_send(&server->reply, server->socket, request.header.unique, r);
}

void server_end(struct server *server)
{
	for (uint32_t i = 0; i < server->handles.made; i++)
		if (server->handles.table[i].fd >= 0)
			close(server->handles.table[i].fd);
	for (uint32_t i = 0; i < KS_MAX_FILES_LOCKS; i++)
		if (server->locks.holders[i].node)
			close(server->locks.holders[i].fd);
	handles_end(&server->handles);
	nodes_end(&server->nodes, close);
}
