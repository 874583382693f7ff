/* SPDX-License-Identifier: Apache-2.0 */
/* What both sides agree upon. Not asked for, on purpose:
 *   FUSE_WRITEBACK_CACHE   the host would see late, or not at all, what was written
 *   FUSE_EXPORT_SUPPORT    would bring names "." and ".."
 *   FUSE_POSIX_ACL         the host's kernel decides about access, not the guest's by what it
 * cached FUSE_SUBMOUNTS         would make a file system of each grant in the guest
 *   FUSE_SECURITY_CTX      labels are the host's */
#include <errno.h>

#include "vm/files/ops.h"

#define OLDEST_MINOR 31 /* Linux 5.4, long before any kernel that a guest runs */

#define WANTED                                                                                   \
	(FUSE_ASYNC_READ | FUSE_POSIX_LOCKS | FUSE_ATOMIC_O_TRUNC | FUSE_BIG_WRITES |            \
		FUSE_DONT_MASK | FUSE_FLOCK_LOCKS | FUSE_AUTO_INVAL_DATA | FUSE_DO_READDIRPLUS | \
		FUSE_READDIRPLUS_AUTO | FUSE_PARALLEL_DIROPS | FUSE_MAX_PAGES |                  \
		FUSE_CACHE_SYMLINKS | FUSE_HANDLE_KILLPRIV_V2)

#define BACKGROUND 32
#define PAGE 4096

int op_init(struct server *server, const struct wire_request *request)
{
	const struct fuse_init_in *in = &request->in.init;
	struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.max_readahead = in->max_readahead,
		.flags = in->flags & WANTED,
		.max_background = BACKGROUND,
		.congestion_threshold = BACKGROUND * 3 / 4,
		.max_write = KS_MAX_FILES_TRANSFER,
		.time_gran = 1,
		.max_pages = KS_MAX_FILES_TRANSFER / PAGE,
	};

	if (server->started || in->major < FUSE_KERNEL_VERSION ||
		(in->major == FUSE_KERNEL_VERSION && in->minor < OLDEST_MINOR))
		return -EPROTO;
	/* A newer kernel hears which version we speak, and begins again. */
	server->started = in->major == FUSE_KERNEL_VERSION;
	return reply_with(&server->reply, &out, sizeof(out));
}

int op_destroy(struct server *server, const struct wire_request *request)
{
	(void)request;
	server->ended = true;
	return 0;
}
