/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/files/wire.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define NAME_LONGEST 255 /* NAME_MAX; of an extended attribute, too */

/* What the strings of an operation are. */
enum names { NO_NAME, ENTRY, ENTRY_TWICE, ENTRY_AND_TEXT, ATTRIBUTE };
/* And what follows them. */
enum rest { NOTHING, BYTES_OF_WRITE, BYTES_OF_ATTRIBUTE, FORGETS, IGNORED };

struct shape {
	uint8_t served;
	uint8_t least; /* bytes of the fixed part that are always sent */
	uint8_t whole; /* bytes of it that may be */
	uint8_t names;
	uint8_t rest;
};

#define SIZED(type, names, rest)                                         \
	{                                                                \
		1, sizeof(struct type), sizeof(struct type), names, rest \
	}
#define BARE(names)                     \
	{                               \
		1, 0, 0, names, NOTHING \
	}

static const struct shape shapes[] = {
	[FUSE_LOOKUP] = BARE(ENTRY),
	[FUSE_FORGET] = SIZED(fuse_forget_in, NO_NAME, NOTHING),
	[FUSE_GETATTR] = SIZED(fuse_getattr_in, NO_NAME, NOTHING),
	[FUSE_SETATTR] = SIZED(fuse_setattr_in, NO_NAME, NOTHING),
	[FUSE_READLINK] = BARE(NO_NAME),
	[FUSE_SYMLINK] = BARE(ENTRY_AND_TEXT),
	[FUSE_MKNOD] = SIZED(fuse_mknod_in, ENTRY, NOTHING),
	[FUSE_MKDIR] = SIZED(fuse_mkdir_in, ENTRY, NOTHING),
	[FUSE_UNLINK] = BARE(ENTRY),
	[FUSE_RMDIR] = BARE(ENTRY),
	[FUSE_RENAME] = {1, sizeof(struct fuse_rename_in), sizeof(struct fuse_rename_in),
		ENTRY_TWICE, NOTHING},
	[FUSE_LINK] = SIZED(fuse_link_in, ENTRY, NOTHING),
	[FUSE_OPEN] = SIZED(fuse_open_in, NO_NAME, NOTHING),
	[FUSE_READ] = SIZED(fuse_read_in, NO_NAME, NOTHING),
	[FUSE_WRITE] = SIZED(fuse_write_in, NO_NAME, BYTES_OF_WRITE),
	[FUSE_STATFS] = BARE(NO_NAME),
	[FUSE_RELEASE] = SIZED(fuse_release_in, NO_NAME, NOTHING),
	[FUSE_FSYNC] = SIZED(fuse_fsync_in, NO_NAME, NOTHING),
	/* The longer form is sent to those alone that ask for it. */
	[FUSE_SETXATTR] = {1, FUSE_COMPAT_SETXATTR_IN_SIZE, FUSE_COMPAT_SETXATTR_IN_SIZE, ATTRIBUTE,
		BYTES_OF_ATTRIBUTE},
	[FUSE_GETXATTR] = SIZED(fuse_getxattr_in, ATTRIBUTE, NOTHING),
	[FUSE_LISTXATTR] = SIZED(fuse_getxattr_in, NO_NAME, NOTHING),
	[FUSE_REMOVEXATTR] = BARE(ATTRIBUTE),
	[FUSE_FLUSH] = SIZED(fuse_flush_in, NO_NAME, NOTHING),
	/* Newer kernels send more than older ones, and may send more than we know. */
	[FUSE_INIT] = {1, offsetof(struct fuse_init_in, flags2), sizeof(struct fuse_init_in),
		NO_NAME, IGNORED},
	[FUSE_OPENDIR] = SIZED(fuse_open_in, NO_NAME, NOTHING),
	[FUSE_READDIR] = SIZED(fuse_read_in, NO_NAME, NOTHING),
	[FUSE_RELEASEDIR] = SIZED(fuse_release_in, NO_NAME, NOTHING),
	[FUSE_FSYNCDIR] = SIZED(fuse_fsync_in, NO_NAME, NOTHING),
	[FUSE_GETLK] = SIZED(fuse_lk_in, NO_NAME, NOTHING),
	[FUSE_SETLK] = SIZED(fuse_lk_in, NO_NAME, NOTHING),
	[FUSE_SETLKW] = SIZED(fuse_lk_in, NO_NAME, NOTHING),
	[FUSE_ACCESS] = SIZED(fuse_access_in, NO_NAME, NOTHING),
	[FUSE_CREATE] = SIZED(fuse_create_in, ENTRY, NOTHING),
	[FUSE_INTERRUPT] = SIZED(fuse_interrupt_in, NO_NAME, NOTHING),
	[FUSE_DESTROY] = BARE(NO_NAME),
	[FUSE_BATCH_FORGET] = SIZED(fuse_batch_forget_in, NO_NAME, FORGETS),
	[FUSE_FALLOCATE] = SIZED(fuse_fallocate_in, NO_NAME, NOTHING),
	[FUSE_READDIRPLUS] = SIZED(fuse_read_in, NO_NAME, NOTHING),
	[FUSE_RENAME2] = SIZED(fuse_rename2_in, ENTRY_TWICE, NOTHING),
	[FUSE_LSEEK] = SIZED(fuse_lseek_in, NO_NAME, NOTHING),
	[FUSE_COPY_FILE_RANGE] = SIZED(fuse_copy_file_range_in, NO_NAME, NOTHING),
	/* Its name is the kernel's "/", which means none. */
	[FUSE_TMPFILE] = SIZED(fuse_create_in, NO_NAME, IGNORED),
};

long wire_length(const uint8_t *bytes, size_t len)
{
	uint32_t told;

	if (len < sizeof(told))
		return 0;
	memcpy(&told, bytes, sizeof(told));
	return told < sizeof(struct fuse_in_header) || told > WIRE_LONGEST ? -EPROTO : (long)told;
}

/* A string at the head of what is left, and what is left moved behind it. */
static const char *take_string(const uint8_t **at, size_t *left)
{
	const uint8_t *end = memchr(*at, '\0', *left);
	const char *text = (const char *)*at;

	if (!end)
		return NULL;
	*left -= (size_t)(end + 1 - *at);
	*at = end + 1;
	return text;
}

/* One component and no way up: the kernel resolves "." and ".." itself. */
static int check_entry(const char *name)
{
	if (!name || !*name || strchr(name, '/') || strcmp(name, ".") == 0 ||
		strcmp(name, "..") == 0)
		return -EINVAL;
	return strlen(name) > NAME_LONGEST ? -ENAMETOOLONG : 0;
}

static int check_text(const char *text, size_t longest)
{
	if (!text || !*text)
		return -EINVAL;
	return strlen(text) > longest ? -ENAMETOOLONG : 0;
}

static int take_names(enum names names, const uint8_t **at, size_t *left, struct wire_request *ret)
{
	int r;

	if (names == NO_NAME)
		return 0;
	ret->name = take_string(at, left);
	r = names == ATTRIBUTE ? check_text(ret->name, NAME_LONGEST) : check_entry(ret->name);
	if (r < 0 || names == ENTRY || names == ATTRIBUTE)
		return r;
	ret->second = take_string(at, left);
	return names == ENTRY_TWICE ? check_entry(ret->second)
				    : check_text(ret->second, KS_MAX_PATH);
}

static bool rest_fits(enum rest rest, const union wire_body *in, size_t left)
{
	switch (rest) {
	case NOTHING:
		return left == 0;
	case BYTES_OF_WRITE:
		return left == in->write.size && left <= KS_MAX_FILES_TRANSFER;
	case BYTES_OF_ATTRIBUTE:
		return left == in->setxattr.size && left <= KS_MAX_FILES_ATTRIBUTE;
	case FORGETS:
		return left == (size_t)in->batch_forget.count * sizeof(struct fuse_forget_one);
	case IGNORED:
		return true;
	}
	return false;
}

/* Their length: total_extlen, which older headers of the kernel take for padding. */
static uint16_t extensions(const struct fuse_in_header *header)
{
	uint16_t len;

	memcpy(&len,
		(const uint8_t *)header + offsetof(struct fuse_in_header, pid) +
			sizeof(header->pid),
		sizeof(len));
	return len;
}

int wire_parse(const uint8_t *message, size_t len, struct wire_request *ret)
{
	const uint8_t *at = message + sizeof(ret->header);
	size_t left = len - sizeof(ret->header);
	const struct shape *shape;
	size_t fixed;
	int r;

	memset(ret, 0, sizeof(*ret));
	memcpy(&ret->header, message, sizeof(ret->header));
	if (ret->header.opcode >= sizeof(shapes) / sizeof(shapes[0]) ||
		!shapes[ret->header.opcode].served)
		return -ENOSYS;
	shape = &shapes[ret->header.opcode];
	/* Extensions are sent to those alone that ask for them. */
	if (left < shape->least || extensions(&ret->header))
		return -EINVAL;
	fixed = left < shape->whole ? left : shape->whole;
	memcpy(&ret->in, at, fixed);
	at += fixed;
	left -= fixed;
	r = take_names((enum names)shape->names, &at, &left, ret);
	if (r < 0)
		return r;
	if (!rest_fits((enum rest)shape->rest, &ret->in, left))
		return -EINVAL;
	ret->data = at;
	ret->data_len = left;
	return 0;
}

struct fuse_forget_one wire_forget(const struct wire_request *request, size_t index)
{
	struct fuse_forget_one one;

	memcpy(&one, request->data + index * sizeof(one), sizeof(one));
	return one;
}
