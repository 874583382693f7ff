/* SPDX-License-Identifier: Apache-2.0 */
/* Doors: the worker says where it wants to go, in HTTP CONNECT or SOCKS5. Its request is looked at
 * where it lies and taken only as a whole, so that what follows it is the connection's own. */
#ifndef KS_EGRESS_DOOR_H
#define KS_EGRESS_DOOR_H

#include "egress/flow.h"

/* Of FLOW_DOOR: looks at what the worker has said so far. */
void door_step(struct flow *flow);

/* In the protocol the worker speaks; for REASON_ALLOWED too. False: it could not be said. */
bool door_answer(struct flow *flow, enum egress_reason reason, const char *entry);

#endif
