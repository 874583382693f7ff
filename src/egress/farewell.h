/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a proxy whose worker is gone. */
#ifndef KS_EGRESS_FAREWELL_H
#define KS_EGRESS_FAREWELL_H

#include "egress/proxy.h"

/* EGRESS_STOP: nothing new; what is under way has drain_ms to end. */
void farewell_begin(struct proxy *proxy);
/* Whatever is left ends now; the owner hears what was denied and what it came to, and the loop
 * ends. */
void farewell(struct proxy *proxy);

#endif
