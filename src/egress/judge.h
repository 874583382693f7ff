/* SPDX-License-Identifier: Apache-2.0 */
/* May the worker go there, and by which addresses? */
#ifndef KS_EGRESS_JUDGE_H
#define KS_EGRESS_JUDGE_H

#include "egress/flow.h"

/* Decides about flow_host(): ends in flow_dial() or flow_deny(), at once or when the resolver has
 * answered. */
void judge(struct flow *flow);
/* Of a flow: the resolver has answered. */
void judge_resolved(struct lookup_wait *wait, const struct address *addresses, size_t count);

/* Whether an entry names what the worker has connected to. */
bool judge_lists(const struct tenant *tenant, const struct address *address, uint16_t port);

#endif
