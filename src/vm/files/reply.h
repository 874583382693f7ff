/* SPDX-License-Identifier: Apache-2.0 */
/* An answer, built in one buffer and written in one go: header first, so that what is read of a
 * file lands where it is sent from. */
#ifndef KS_VM_FILES_REPLY_H
#define KS_VM_FILES_REPLY_H

#include <linux/fuse.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bounds.h"

struct reply {
	size_t len; /* of the body */
	struct fuse_out_header header;
	uint8_t body[KS_MAX_FILES_TRANSFER];
};

_Static_assert(offsetof(struct reply, body) ==
		       offsetof(struct reply, header) + sizeof(struct fuse_out_header),
	"the body follows the header");

/* Takes over so many bytes as the whole body. Returns 0, so that it may end an operation. */
int reply_with(struct reply *reply, const void *body, size_t len);

/* Sends it. code: 0 or -errno, which goes without a body. 0 or -errno of the socket. */
int reply_send(struct reply *reply, int socket, uint64_t unique, int code);

/* Not an answer: what the guest believes of a file's size and times is old, and content that they
 * belie is read again. Said with each lock, since who locks a file shares it. 0 or -errno of the
 * socket. */
int reply_outdated(struct reply *reply, int socket, uint64_t node);

#endif
