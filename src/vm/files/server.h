/* SPDX-License-Identifier: Apache-2.0 */
/* The state of the one connection, and what the operations share.
 *
 *   wire.c     a message is taken apart        pure
 *   table.c    which operation it asks for
 *   op_*.c     what the operation does to the tree
 *   reply.c    its answer
 *
 * What differs from the same files without a guest between: names and attributes of the host's
 * system, read-only, are believed for an hour, all others are asked for each time; and memory that
 * maps a file is shared by programs of the guest, not with the host's: sqlite's write-ahead log is
 * for either, not for both.
 *
 * One thread, one message after the other: what may wait (a lock) is put aside, see locks.h. */
#ifndef KS_VM_FILES_SERVER_H
#define KS_VM_FILES_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "vm/files/handles.h"
#include "vm/files/locks.h"
#include "vm/files/mounts.h"
#include "vm/files/nodes.h"
#include "vm/files/reply.h"
#include "vm/files/wire.h"

struct server {
	int socket;
	bool started; /* FUSE_INIT was answered */
	bool ended; /* FUSE_DESTROY was */
	uint32_t room; /* descriptors that nodes may hold */
	mode_t umask; /* as the process has it */
	struct nodes nodes;
	struct handles handles;
	struct files_mounts mounts;
	struct locks locks;
	struct reply reply;
};

/* Instead of 0 or -errno: nothing is answered, or later. */
#define NO_REPLY 1

typedef int operation(struct server *server, const struct wire_request *request);

/* Answers one message. -EPROTO, or -errno of the socket: the connection is at its end. */
int server_take(struct server *server, const uint8_t *message, size_t len);

/* Until the other side is gone. As above, or 0. */
int server_run(struct server *server);

/* Closes and frees all but the socket. */
void server_end(struct server *server);

/* The cwd is /proc/self/fd, so that this path is the file behind a descriptor of ours, whatever it
 * is called and whether it still has a name. */
#define FD_PATH 12
const char *fd_path(int fd, char text[FD_PATH]);

#endif
