/* SPDX-License-Identifier: Apache-2.0 */
/* What is in a directory. With READDIRPLUS each entry is looked up at once, which spares the guest
 * a request for each. */
#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/kernel_dirent.h"
#include "vm/files/attr.h"
#include "vm/files/find.h"
#include "vm/files/ops.h"

#define LISTED_AT_ONCE 32768

static struct handle *listing_of(struct server *server, const struct wire_request *request)
{
	return handles_get(&server->handles, request->in.read.fh, request->header.nodeid, true);
}

int op_opendir(struct server *server, const struct wire_request *request)
{
	struct fuse_open_out out = {0};
	char path[FD_PATH];
	struct node *node;
	int fd;
	int r = find_node(server, request->header.nodeid, &node, &fd);

	if (r < 0)
		return r;
	if (node->identity.type != S_IFDIR)
		return -ENOTDIR;
	find_room(server);
	fd = openat(AT_FDCWD, fd_path(fd, path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (server->mounts.list[node->mount].trust == MOUNT_STEADY)
		out.open_flags = FOPEN_CACHE_DIR | FOPEN_KEEP_CACHE;
	r = ops_handle(server, node, fd, false, &out.fh);
	return r < 0 ? r : reply_with(&server->reply, &out, sizeof(out));
}

int op_releasedir(struct server *server, const struct wire_request *request)
{
	struct handle *handle = handles_get(
		&server->handles, request->in.release.fh, request->header.nodeid, true);

	if (!handle)
		return -EBADF;
	close(handles_remove(&server->handles, handle));
	return 0;
}

int op_fsyncdir(struct server *server, const struct wire_request *request)
{
	const struct handle *handle = handles_get(
		&server->handles, request->in.fsync.fh, request->header.nodeid, true);

	if (!handle)
		return -EBADF;
	return fsync(handle->fd) < 0 ? -errno : 0;
}

struct listing {
	struct server *server;
	struct node *directory;
	struct handle *handle;
	size_t room;
	bool plus;
};

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* An entry that cannot be looked up (any more) is listed without what it is. */
static void look_up(const struct listing *listing, const char *name, struct fuse_entry_out *ret)
{
	struct node *node;
	struct statx stat;

	*ret = (struct fuse_entry_out){0};
	if (!is_dots(name) && find_name(listing->server, listing->directory, listing->handle->fd,
				      name, &node, &stat) == 0)
		*ret = attr_entry(listing->server, node, &stat);
}

/* Whether there was room for it. */
static bool add(const struct listing *listing, const struct kernel_dirent *entry)
{
	struct reply *reply = &listing->server->reply;
	const struct files_mount *mount = &listing->server->mounts.list[listing->directory->mount];
	size_t len = strlen(entry->name);
	size_t ahead = listing->plus ? sizeof(struct fuse_entry_out) : 0;
	size_t size = FUSE_DIRENT_ALIGN(ahead + FUSE_NAME_OFFSET + len);
	uint8_t *at = reply->body + reply->len;
	struct fuse_dirent told = {
		.ino = mounts_inode(mount, entry->inode),
		.off = (uint64_t)entry->offset,
		.namelen = (uint32_t)len,
		.type = entry->type,
	};
	struct fuse_entry_out out;

	if (size > listing->room - reply->len)
		return false;
	memset(at, 0, size);
	if (listing->plus) {
		look_up(listing, entry->name, &out);
		memcpy(at, &out, sizeof(out));
	}
	memcpy(at + ahead, &told, FUSE_NAME_OFFSET);
	memcpy(at + ahead + FUSE_NAME_OFFSET, entry->name, len);
	reply->len += size;
	return true;
}

/* Adds what one call gives. 1 where there may be more and room for it, 0, or -errno. */
static int add_some(const struct listing *listing)
{
	static _Alignas(struct kernel_dirent) uint8_t bytes[LISTED_AT_ONCE];
	size_t left = listing->room - listing->server->reply.len;
	/* Not much more than there is room for, as it would be read again. */
	size_t wanted = left < sizeof(bytes) ? left : sizeof(bytes);
	long got;

	if (wanted < sizeof(struct kernel_dirent) + 256)
		wanted = sizeof(struct kernel_dirent) + 256;
	got = syscall(SYS_getdents64, listing->handle->fd, bytes, wanted);
	if (got < 0)
		return -errno;
	for (long at = 0; at < got;) {
		const struct kernel_dirent *entry = (const struct kernel_dirent *)(bytes + at);

		if (!add(listing, entry)) {
			/* No position: the next call has to seek. */
			listing->handle->position = -1;
			return 0;
		}
		listing->handle->position = entry->offset;
		at += entry->len;
	}
	return got > 0;
}

static int list(struct server *server, const struct wire_request *request, bool plus)
{
	const struct fuse_read_in *in = &request->in.read;
	struct listing listing = {.server = server,
		.handle = listing_of(server, request),
		.room = in->size < KS_MAX_FILES_TRANSFER ? in->size : KS_MAX_FILES_TRANSFER,
		.plus = plus};
	int r = 1;

	listing.directory = nodes_get(&server->nodes, request->header.nodeid);
	if (!listing.handle || !listing.directory)
		return -EBADF;
	if ((int64_t)in->offset != listing.handle->position) {
		if (lseek(listing.handle->fd, (off_t)in->offset, SEEK_SET) < 0)
			return -errno;
		listing.handle->position = (int64_t)in->offset;
	}
	while (r == 1)
		r = add_some(&listing);
	/* What was found before an error is told first; it comes again with the next call. */
	return server->reply.len ? 0 : r;
}

int op_readdir(struct server *server, const struct wire_request *request)
{
	return list(server, request, false);
}

int op_readdirplus(struct server *server, const struct wire_request *request)
{
	return list(server, request, true);
}
