/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of a guest as they stand in the byte stream. Pure.
 *
 * The kernel that wrote them is the guest's, and whoever broke it writes here, too: every length,
 * count and name is checked before an operation sees it. What passes has the shape that the table
 * in wire.c gives its opcode; whether an id or a flag means anything is for the operation to
 * decide.
 *
 * Own code and not libfuse3, whose low-level interface can run over another descriptor, too: it
 * trusts the kernel on its other side, so it takes a name to end where it should and a body to be
 * as long as its opcode needs, and hands on ids as pointers. It also wants the C library's threads,
 * and a static program without them is what a small filter and a small jail can hold. */
#ifndef KS_VM_FILES_WIRE_H
#define KS_VM_FILES_WIRE_H

#include <linux/fuse.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bounds.h"

/* The longest request: what FUSE_WRITE carries, and a page for headers and names. */
#define WIRE_LONGEST (KS_MAX_FILES_TRANSFER + 4096)

union wire_body {
	struct fuse_access_in access;
	struct fuse_batch_forget_in batch_forget;
	struct fuse_copy_file_range_in copy;
	struct fuse_create_in create;
	struct fuse_fallocate_in fallocate;
	struct fuse_flush_in flush;
	struct fuse_forget_in forget;
	struct fuse_fsync_in fsync;
	struct fuse_getattr_in getattr;
	struct fuse_getxattr_in getxattr;
	struct fuse_init_in init;
	struct fuse_interrupt_in interrupt;
	struct fuse_link_in link;
	struct fuse_lk_in lock;
	struct fuse_lseek_in lseek;
	struct fuse_mkdir_in mkdir;
	struct fuse_mknod_in mknod;
	struct fuse_open_in open;
	struct fuse_read_in read;
	struct fuse_release_in release;
	struct fuse_rename2_in rename;
	struct fuse_setattr_in setattr;
	struct fuse_setxattr_in setxattr;
	struct fuse_write_in write;
};

struct wire_request {
	struct fuse_in_header header;
	union wire_body in; /* zero behind what was sent */
	const char *name; /* an entry, an attribute: NUL-terminated, within the message */
	const char *second; /* the new name, or what a symbolic link says */
	const uint8_t *data; /* what follows, not aligned */
	size_t data_len;
};

/* The length of the message at the head of the stream: 0 where more bytes are needed to tell,
 * -EPROTO where no request is so short or so long: nothing behind it can be told from it. */
long wire_length(const uint8_t *bytes, size_t len);

/* A message of that length. 0; -ENOSYS for an operation that is not served, -EINVAL for a body that
 * does not have its shape, -ENAMETOOLONG for a name that no file system takes. The header is filled
 * in any case. */
int wire_parse(const uint8_t *message, size_t len, struct wire_request *ret);

/* An entry of FUSE_BATCH_FORGET's data. */
struct fuse_forget_one wire_forget(const struct wire_request *request, size_t index);

#endif
