/* SPDX-License-Identifier: Apache-2.0 */
/* The workers of a proxy for many. They come one by one, over the owner's socket, each with a
 * socket of its own; what one of them may have is set aside before it is let in, so that none can
 * use up what another was promised. One that is refused, or whose socket says what it may not or
 * hangs up, leaves alone. */
#ifndef KS_EGRESS_TENANTS_H
#define KS_EGRESS_TENANTS_H

#include "egress/proxy.h"

/* Descriptors that the process asks for. */
uint64_t tenants_descriptors(const struct egress_pool_config *most);
/* Before the process is confined: how many of them it gets. 0 or -errno. */
int tenants_prepare(struct proxy *proxy, const struct egress_pool_config *most);
/* Takes tenants from here on. 0 or -errno. */
int tenants_begin(struct proxy *proxy);
/* All of them leave. */
void tenants_done(struct proxy *proxy);

#endif
