/* SPDX-License-Identifier: Apache-2.0 */
/* A name that is allowed shares its server with names that are not, and TLS says which one is
 * meant: it has to be the one that was asked for. */
#ifndef KS_EGRESS_GUARD_H
#define KS_EGRESS_GUARD_H

#include "egress/flow.h"

#define GUARD_PORT 443

/* Does this one have to be looked at? */
bool guard_applies(const struct flow *flow);

enum guard_result { GUARD_WAITS, GUARD_PASSES, GUARD_MISMATCH, GUARD_MISSING };

/* Looks at what the worker has sent so far, which stays where it is. ret_sni is the name that was
 * read; its text is empty where there is none. */
enum guard_result guard_look(struct flow *flow, struct egress_host *ret_sni);

#endif
