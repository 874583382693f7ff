/* SPDX-License-Identifier: Apache-2.0 */
/* What the owner says before the proxy serves. */
#ifndef KS_EGRESS_SETUP_H
#define KS_EGRESS_SETUP_H

#include "egress/confine.h"
#include "egress/tenant.h"
#include "linux/control_message.h"

/* The first message: what the process is for. */
struct setup_first {
	bool shared; /* it serves many: only pool counts; else only config and audit do */
	struct egress_config config;
	int audit; /* or -1 */
	struct egress_pool_config pool;
};

/* Waits for it, and joins the control groups. 0 or -errno with the complaint; -EPIPE: the owner is
 * gone, and there is nobody to complain to. */
int setup_first(int owner, struct setup_first *ret_first, struct complaint *complaint);

/* The first message of a tenant, which has to be EGRESS_CONFIG: what its descriptors are for is
 * taken, and the rest closed. 0 or -errno with the complaint. */
int setup_tenant(struct control_message *message, struct egress_config *ret_config, int *ret_audit,
	struct complaint *complaint);

/* A further message before it serves: entries or sockets. 1 = it was EGRESS_START, 0 or -errno. Its
 * descriptors are taken in any case. */
int setup_take(struct tenant *tenant, struct control_message *message, struct complaint *complaint);

/* Takes messages until EGRESS_START. The same. */
int setup_rest(struct tenant *tenant, struct complaint *complaint);

/* The sockets of one EGRESS_SOCKETS, the owner's or the jail's; they are taken in any case. */
int setup_sockets(struct tenant *tenant, struct control_message *message);

#endif
