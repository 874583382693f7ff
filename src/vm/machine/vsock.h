/* SPDX-License-Identifier: Apache-2.0 */
/* Where the connections of a guest with a vsock arrive, one for the channel and one for the files,
 * each accepted once. The bytes of the files are passed on both ways between the guest and their
 * server, as they are: they are the server's to judge. */
#ifndef KS_VM_MACHINE_VSOCK_H
#define KS_VM_MACHINE_VSOCK_H

#include <poll.h>
#include <stdbool.h>

#include "linux/init/failure.h"
#include "vm/channel/ring.h"

/* What poll() is asked about it. */
enum {
	VSOCK_DOOR_CHANNEL,
	VSOCK_DOOR_FILES,
	VSOCK_GUEST,
	VSOCK_SERVER,
	VSOCK_WATCHED,
};

struct vsock {
	int fds[VSOCK_WATCHED]; /* -1 where there is none */
	struct ring up; /* from the guest to the server */
	struct ring down;
};

/* One of a machine that has none. */
void vsock_init(struct vsock *vsock);

/* Listens at the path and "_PORT". server: where the files are, which is taken; -1 without. */
int vsock_listen(const char *path, int server, struct vsock *vsock, struct failure *failure);

void vsock_watch(const struct vsock *vsock, struct pollfd fds[VSOCK_WATCHED]);
/* Returns the channel's connection, once; else -1. */
int vsock_react(struct vsock *vsock, const struct pollfd fds[VSOCK_WATCHED]);

#endif
