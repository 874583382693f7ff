/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a tenant whose worker is gone. Nothing here waits: the audit's reader and the owner
 * have a moment each, in which the loop serves others. */
#ifndef KS_EGRESS_FAREWELL_H
#define KS_EGRESS_FAREWELL_H

#include "egress/tenant.h"

#define FAREWELL_PATIENCE_MS 2000 /* for an owner or a reader of the audit who is busy */

/* EGRESS_STOP: nothing new; what is under way has drain_ms to end. */
void farewell_begin(struct tenant *tenant);
/* Whatever is left ends now; the owner hears what was denied and what it came to, and then
 * tenant->over() is called: at once, or when there is room for it. */
void farewell(struct tenant *tenant);
/* There is room in the audit, or in the owner's socket. */
void farewell_go_on(struct tenant *tenant);
/* Of the timers: it is not waited for any longer. */
void farewell_due(struct timer *timer);

#endif
