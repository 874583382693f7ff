/* SPDX-License-Identifier: Apache-2.0 */
/* The back end of a vhost-user device: QEMU says by its protocol where the guest's memory and the
 * queues are. */
#ifndef KS_TESTS_FIRECRACKER_VHOST_H
#define KS_TESTS_FIRECRACKER_VHOST_H

#include "queue.h"

enum { QUEUE_TO_GUEST, QUEUE_FROM_GUEST, QUEUES };

struct vhost {
	int front; /* QEMU */
	uint64_t cid; /* the device's configuration */
	struct memory memory;
	struct queue queues[QUEUES];
	struct {
		uint64_t descriptors;
		uint64_t used;
		uint64_t available;
	} places[QUEUES]; /* in QEMU's process */
};

/* One message of QEMU's. False: it has hung up, or is not to be understood. */
bool vhost_serve(struct vhost *vhost);

#endif
