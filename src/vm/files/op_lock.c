/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vm/files/find.h"
#include "vm/files/ops.h"

#define PATIENCE_MS 10

static struct lock_holder *holder_of(struct server *server, uint64_t node, uint64_t owner)
{
	for (uint32_t i = 0; i < KS_MAX_FILES_LOCKS; i++) {
		struct lock_holder *holder = &server->locks.holders[i];

		if (holder->node == node && holder->owner == owner)
			return holder;
	}
	return NULL;
}

/* An open file of its own. For writing where that may be: the same process may want to write-lock
 * later, and a lock cannot move to another open file. */
static int open_for_locks(struct server *server, uint64_t id)
{
	char path[FD_PATH];
	struct node *node;
	int fd, opened;
	int r = find_node(server, id, &node, &fd);

	if (r < 0)
		return r;
	if (node->identity.type != S_IFREG)
		return -EINVAL;
	find_room(server);
	opened = openat(AT_FDCWD, fd_path(fd, path), O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (opened < 0)
		opened = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return opened < 0 ? -errno : opened;
}

static int add_holder(
	struct server *server, uint64_t node, const struct fuse_lk_in *in, struct lock_holder **ret)
{
	struct lock_holder *holder = holder_of(server, 0, 0);
	int fd;

	if (!holder)
		return -ENOLCK;
	fd = open_for_locks(server, node);
	if (fd < 0)
		return fd;
	*holder = (struct lock_holder){
		.node = node, .owner = in->owner, .pid = in->lk.pid, .fd = fd};
	server->locks.n_holders++;
	*ret = holder;
	return 0;
}

static int lock_range(const struct fuse_file_lock *lock, struct flock *ret)
{
	if (lock->start > INT64_MAX || lock->end > INT64_MAX || lock->start > lock->end)
		return -EINVAL;
	*ret = (struct flock){
		.l_type = (short)lock->type,
		.l_whence = SEEK_SET,
		.l_start = (off_t)lock->start,
		.l_len = lock->end == INT64_MAX ? 0 : (off_t)(lock->end - lock->start + 1),
	};
	return 0;
}

static int set_record_lock(struct server *server, uint64_t node, const struct fuse_lk_in *in)
{
	struct lock_holder *holder = holder_of(server, node, in->owner);
	struct flock range;
	int r = lock_range(&in->lk, &range);

	if (r < 0)
		return r;
	if (!holder && in->lk.type == F_UNLCK)
		return 0;
	if (!holder)
		r = add_holder(server, node, in, &holder);
	if (r < 0)
		return r;
	if (in->lk.type == F_UNLCK)
		server->locks.given_back = true;
	return fcntl(holder->fd, F_OFD_SETLK, &range) < 0 ? -errno : 0;
}

static int set_file_lock(
	struct server *server, const struct fuse_lk_in *in, const struct handle *handle)
{
	int kind = in->lk.type == F_RDLCK ? LOCK_SH : in->lk.type == F_WRLCK ? LOCK_EX : LOCK_UN;

	/* Also one that is changed: it may be given up on the way. */
	server->locks.given_back = true;
	return flock(handle->fd, kind | LOCK_NB) < 0 ? -errno : 0;
}

static int attempt(struct server *server, uint64_t node, const struct fuse_lk_in *in)
{
	const struct handle *handle = handles_get(&server->handles, in->fh, node, false);
	int r;

	if (!handle)
		return -EBADF;
	if (in->lk.type != F_RDLCK && in->lk.type != F_WRLCK && in->lk.type != F_UNLCK)
		return -EINVAL;
	r = in->lk_flags & FUSE_LK_FLOCK ? set_file_lock(server, in, handle)
					 : set_record_lock(server, node, in);
	if (r == 0 && in->lk.type != F_UNLCK)
		return reply_outdated(&server->reply, server->socket, node);
	return r == -EACCES ? -EAGAIN : r;
}

int op_setlk(struct server *server, const struct wire_request *request)
{
	return attempt(server, request->header.nodeid, &request->in.lock);
}

int op_setlkw(struct server *server, const struct wire_request *request)
{
	int r = attempt(server, request->header.nodeid, &request->in.lock);

	if (r != -EAGAIN)
		return r;
	for (uint32_t i = 0; i < KS_MAX_FILES_WAITING; i++) {
		struct lock_waiting *waiting = &server->locks.waiting[i];

		if (waiting->unique)
			continue;
		*waiting = (struct lock_waiting){.unique = request->header.unique,
			.node = request->header.nodeid,
			.in = request->in.lock};
		server->locks.n_waiting++;
		return NO_REPLY;
	}
	return -ENOLCK;
}

/* The kernel does not say whose open file holds a lock: if it is one of ours, some other's of the
 * same file. */
static uint32_t other_pid(struct server *server, uint64_t node, uint64_t owner)
{
	for (uint32_t i = 0; i < KS_MAX_FILES_LOCKS; i++) {
		const struct lock_holder *holder = &server->locks.holders[i];

		if (holder->node == node && holder->owner != owner)
			return holder->pid;
	}
	return 0;
}

int op_getlk(struct server *server, const struct wire_request *request)
{
	const struct fuse_lk_in *in = &request->in.lock;
	uint64_t node = request->header.nodeid;
	struct lock_holder *holder = holder_of(server, node, in->owner);
	struct fuse_lk_out out = {{.type = F_UNLCK}};
	struct flock range;
	int r = lock_range(&in->lk, &range);

	if (r == 0 && !ops_file(server, request, in->fh))
		r = -EBADF;
	if (r == 0 && !holder)
		r = add_holder(server, node, in, &holder);
	if (r < 0)
		return r;
	if (fcntl(holder->fd, F_OFD_GETLK, &range) < 0)
		return -errno;
	if (range.l_type != F_UNLCK)
		out.lk = (struct fuse_file_lock){
			.start = (uint64_t)range.l_start,
			.end = range.l_len ? (uint64_t)(range.l_start + range.l_len - 1)
					   : INT64_MAX,
			.type = (uint32_t)range.l_type,
			.pid = other_pid(server, node, in->owner),
		};
	return reply_with(&server->reply, &out, sizeof(out));
}

static int answer_waiting(struct server *server, struct lock_waiting *waiting, int code)
{
	uint64_t unique = waiting->unique;

	*waiting = (struct lock_waiting){0};
	server->locks.n_waiting--;
	server->reply.len = 0;
	return reply_send(&server->reply, server->socket, unique, code);
}

int op_interrupt(struct server *server, const struct wire_request *request)
{
	for (uint32_t i = 0; i < KS_MAX_FILES_WAITING; i++) {
		struct lock_waiting *waiting = &server->locks.waiting[i];

		if (waiting->unique && waiting->unique == request->in.interrupt.unique)
			return answer_waiting(server, waiting, -EINTR) < 0 ? -EPROTO : NO_REPLY;
	}
	return NO_REPLY;
}

int locks_retry(struct server *server)
{
	int r = 0;

	server->locks.given_back = false;
	for (uint32_t i = 0; i < KS_MAX_FILES_WAITING && r == 0; i++) {
		struct lock_waiting *waiting = &server->locks.waiting[i];
		int code;

		if (!waiting->unique)
			continue;
		code = attempt(server, waiting->node, &waiting->in);
		if (code != -EAGAIN)
			r = answer_waiting(server, waiting, code);
	}
	return r;
}

int locks_patience(const struct server *server)
{
	return server->locks.n_waiting ? PATIENCE_MS : -1;
}

static void drop(struct server *server, struct lock_holder *holder)
{
	close(holder->fd);
	*holder = (struct lock_holder){0};
	server->locks.n_holders--;
	server->locks.given_back = true;
}

void locks_drop(struct server *server, uint64_t node, uint64_t owner)
{
	struct lock_holder *holder = server->locks.n_holders ? holder_of(server, node, owner)
							     : NULL;

	if (holder && node)
		drop(server, holder);
}

void locks_forget(struct server *server, uint64_t node)
{
	for (uint32_t i = 0; i < KS_MAX_FILES_LOCKS && server->locks.n_holders; i++)
		if (server->locks.holders[i].node == node)
			drop(server, &server->locks.holders[i]);
}
