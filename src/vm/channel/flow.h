/* SPDX-License-Identifier: Apache-2.0 */
/* How many bytes of a stream may be under way, seen from either end. Pure. */
#ifndef KS_VM_CHANNEL_FLOW_H
#define KS_VM_CHANNEL_FLOW_H

#include <stdbool.h>
#include <stdint.h>

/* The sender's: what it may send without hearing more. */
struct flow_out {
	uint32_t window;
	uint32_t under_way;
};

static inline uint32_t flow_room(const struct flow_out *flow)
{
	return flow->window - flow->under_way;
}

/* At most flow_room(). */
static inline void flow_sent(struct flow_out *flow, uint32_t len)
{
	flow->under_way += len;
}

/* False: more is given back than was sent, or nothing. */
static inline bool flow_given_back(struct flow_out *flow, uint32_t len)
{
	if (len == 0 || len > flow->under_way)
		return false;
	flow->under_way -= len;
	return true;
}

/* The receiver's. */
struct flow_in {
	uint32_t window;
	uint32_t held; /* received, and not passed on */
	uint32_t owed; /* passed on, and not given back */
};

/* False: the sender had no right to as much. */
static inline bool flow_received(struct flow_in *flow, uint32_t len)
{
	if (len > flow->window - flow->held - flow->owed)
		return false;
	flow->held += len;
	return true;
}

/* At most what is held. */
static inline void flow_passed_on(struct flow_in *flow, uint32_t len)
{
	flow->held -= len;
	flow->owed += len;
}

/* What is to be given back now: seldom enough to cost nothing, and long before the sender would
 * have to wait. 0: nothing yet. */
static inline uint32_t flow_due(const struct flow_in *flow)
{
	return flow->owed >= flow->window / 4 ? flow->owed : 0;
}

static inline void flow_paid(struct flow_in *flow, uint32_t len)
{
	flow->owed -= len;
}

#endif
