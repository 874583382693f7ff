/* SPDX-License-Identifier: Apache-2.0 */
/* What the owner says before the proxy serves. */
#ifndef KS_EGRESS_SETUP_H
#define KS_EGRESS_SETUP_H

#include "egress/confine.h"
#include "egress/proxy.h"
#include "linux/control_message.h"

/* Waits for EGRESS_CONFIG, which has to be the first message. *ret_audit is its descriptor, or -1.
 * 0 or -errno with the complaint; -EPIPE: the owner is gone, and there is nobody to complain to. */
int setup_config(
	int owner, struct egress_config *ret_config, int *ret_audit, struct complaint *complaint);

/* Takes entries and sockets until EGRESS_START. The same. */
int setup_rest(struct proxy *proxy, struct complaint *complaint);

/* The sockets of one EGRESS_SOCKETS, the owner's or the jail's; they are taken in any case. */
int setup_sockets(struct proxy *proxy, struct control_message *message);

#endif
