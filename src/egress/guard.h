/* SPDX-License-Identifier: Apache-2.0 */
/* A name that is allowed shares its server with names that are not, and TLS says which one is
 * meant: it has to be the one that was asked for. A server may ask for a second hello (TLS 1.3) and
 * then goes by the name in that one, so that nothing follows a hello before the server's answer is
 * known. */
#ifndef KS_EGRESS_GUARD_H
#define KS_EGRESS_GUARD_H

#include "egress/flow.h"

#define GUARD_PORT 443

/* Does this one have to be looked at? */
bool guard_applies(const struct flow *flow);

enum guard_result { GUARD_WAITS, GUARD_PASSES, GUARD_MISMATCH, GUARD_MISSING };

/* In GUARD_HELLO and GUARD_AGAIN: looks at what the worker has sent so far, which stays where it
 * is. ret_sni is the name that was read; its text is empty where there is none. With GUARD_PASSES
 * *ret_len bytes are to be passed on, and the flow's guard has its next state. */
enum guard_result guard_look(struct flow *flow, struct egress_host *ret_sni, size_t *ret_len);

/* In GUARD_REPLY: looks at what the server has sent so far. */
void guard_hear(struct flow *flow);

#endif
