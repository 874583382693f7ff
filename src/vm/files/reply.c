/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/files/reply.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* The guest's kernel takes no greater ones: they are those that no program may see. */
#define ERRORS_END 512

int reply_with(struct reply *reply, const void *body, size_t len)
{
	memcpy(reply->body, body, len);
	reply->len = len;
	return 0;
}

static int write_all(int socket, const uint8_t *bytes, size_t len)
{
	while (len) {
		ssize_t wrote = write(socket, bytes, len);

		if (wrote < 0 && errno != EINTR)
			return -errno;
		if (wrote > 0) {
			bytes += wrote;
			len -= (size_t)wrote;
		}
	}
	return 0;
}

int reply_send(struct reply *reply, int socket, uint64_t unique, int code)
{
	size_t len = sizeof(reply->header) + (code == 0 ? reply->len : 0);

	if (code <= -ERRORS_END)
		code = -EIO;
	reply->header = (struct fuse_out_header){
		.len = (uint32_t)len, .error = code, .unique = unique};
	return write_all(socket, (const uint8_t *)&reply->header, len);
}

int reply_outdated(struct reply *reply, int socket, uint64_t node)
{
	/* Attributes alone: pages may be waited for, by whom this message would keep waiting. */
	const struct fuse_notify_inval_inode_out out = {.ino = node, .off = -1};
	int r;

	reply_with(reply, &out, sizeof(out));
	reply->header = (struct fuse_out_header){
		.len = (uint32_t)(sizeof(reply->header) + reply->len),
		.error = FUSE_NOTIFY_INVAL_INODE,
	};
	r = write_all(socket, (const uint8_t *)&reply->header, reply->header.len);
	reply->len = 0;
	return r;
}
