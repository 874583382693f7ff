/* SPDX-License-Identifier: Apache-2.0 */
/* Where the worker's connections and questions come out of the channel: each is made anew here, in
 * a network whose every address leads to the egress proxy. */
#ifndef KS_VM_MACHINE_NETWORK_H
#define KS_VM_MACHINE_NETWORK_H

#include <stdbool.h>

#include "linux/init/failure.h"
#include "vm/channel/connections.h"

struct question {
	int fd; /* -1: none */
	int watched;
};

struct network {
	struct connections connections;
	struct question questions[QUESTIONS];
};

/* at_once: 0 for a machine without a network, for which all below do nothing. */
int network_make(struct network *network, uint32_t at_once, struct failure *failure);
/* Descriptors that network_watch() can add. */
size_t network_most(uint32_t at_once);

/* A frame of the guest's that the judge has passed. NULL, or why it is out of order. */
const char *network_take(
	struct network *network, const struct frame_header *header, const uint8_t *payload);

/* As those of connections.h; without an outbox only what the guest has sent is passed on. */
size_t network_watch(
	struct network *network, const struct outbox *outbox, struct pollfd *fds, size_t n);
void network_react(struct network *network, const struct pollfd *fds, struct outbox *outbox);
void network_speak(struct network *network, struct outbox *outbox);

/* Whether something that the guest has sent waits for the proxy. */
bool network_holds(const struct network *network);
/* The guest is gone: what has not ended is reset, so that nobody takes a part for the whole. */
void network_end(struct network *network);

#endif
