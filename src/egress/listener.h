/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets of the jail, which were handed over: connections and questions come out of them. */
#ifndef KS_EGRESS_LISTENER_H
#define KS_EGRESS_LISTENER_H

#include "egress/tenant.h"

#define LISTENER_RETRY_MS 100 /* after a want of descriptors */

struct listener {
	struct watch watch;
	struct tenant *tenant;
	struct list link;
	struct task task; /* the rest of a turn */
	enum egress_socket kind;
};

/* Takes the socket in any case. 0; -EPROTO for one that is not of the kind, -E2BIG past
 * max_listeners, other -errno. */
int listener_add(struct tenant *tenant, enum egress_socket kind, int fd);
/* Connections that wait to be accepted are, all of them. */
void listeners_take_all(struct tenant *tenant);
/* Nothing new is taken from here on. */
void listeners_done(struct tenant *tenant);
/* There may be descriptors again. */
void listeners_retry(struct tenant *tenant);

#endif
