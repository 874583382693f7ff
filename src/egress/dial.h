/* SPDX-License-Identifier: Apache-2.0 */
/* Connects to the first of several addresses that answers (RFC 8305): the families take turns, and
 * the next address is tried when the one before fails, or does not answer for a while. How long all
 * of it may take is the flow's matter. */
#ifndef KS_EGRESS_DIAL_H
#define KS_EGRESS_DIAL_H

#include "egress/flow.h"

#define DIAL_NEXT_MS 250 /* RFC 8305, section 5 */
#define DIAL_AT_ONCE 4 /* attempts; the oldest one is given up for a fifth */

/* 0 or -ENOMEM. Ends in flow_connected() or flow_deny(), at once or later. */
int dial_start(struct flow *flow, const struct address *addresses, size_t count);
void dial_cancel(struct flow *flow);
/* What the kernel says of the flow's server while it is dialled. */
void dial_ready(struct flow *flow, uint32_t events);
/* Of the proxy's timers. */
void dial_next_due(struct timer *timer);

#endif
