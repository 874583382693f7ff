/* SPDX-License-Identifier: Apache-2.0 */
/* Firecracker's way with a guest's vsock: a connection to the port P of the host becomes one to the
 * Unix socket at the path and "_P", or is reset where nobody listens (docs/vsock.md there).
 * Connections from the host to the guest are not made by anybody here, and not taken. */
#ifndef KS_TESTS_FIRECRACKER_MUXER_H
#define KS_TESTS_FIRECRACKER_MUXER_H

#include <poll.h>

#include "vhost.h"

#define MUXER_CONNECTIONS 16
#define MUXER_BUFFER 65536u /* bytes of the guest's that its host may be slow to take */

struct connection {
	int fd; /* -1: it is free */
	uint32_t host_port;
	uint32_t guest_port;
	uint32_t peer_room; /* what the guest says of itself */
	uint32_t peer_taken;
	uint32_t sent; /* to it, ever */
	uint32_t taken; /* from it and passed on, ever */
	uint32_t told; /* of that */
	bool answers; /* RESPONSE is due, as the next */
	bool updates;
	bool closes;
	bool resets;
	bool closed; /* SHUTDOWN was sent */
	bool guest_is_done; /* it has sent one */
	size_t start; /* of what the host has not taken */
	size_t end;
	uint8_t buffer[MUXER_BUFFER];
};

struct muxer {
	const char *path;
	uint64_t cid;
	struct connection connections[MUXER_CONNECTIONS];
	struct {
		uint32_t host_port;
		uint32_t guest_port;
	} refused[MUXER_CONNECTIONS]; /* RST is due */
	unsigned n_refused;
};

void muxer_init(struct muxer *muxer, const char *path, uint64_t cid);
void muxer_watch(
	const struct muxer *muxer, const struct vhost *vhost, struct pollfd fds[MUXER_CONNECTIONS]);
/* What the host has done, then what the guest has, then what is due to it. */
void muxer_react(
	struct muxer *muxer, struct vhost *vhost, const struct pollfd fds[MUXER_CONNECTIONS]);

#endif
